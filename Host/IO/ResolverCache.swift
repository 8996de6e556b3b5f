/// Answers of the name service, for a while; no I/O and no clock of its own.
struct ResolverCache: Sendable {
    /// What is known of a name: its addresses, or that it has none.
    typealias Answer = Result<[[UInt8]], ResolverError>

    private struct Entry {
        var answer: Answer
        var until: Deadline
        /// Which one came first.
        var sequence: UInt64
    }

    let entriesMax: Int
    private var entries: [String: Entry] = [:]
    private var sequence: UInt64 = 0

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    var count: Int { entries.count }

    /// What is known of `name` at `now`.
    mutating func find(_ name: String, now: Deadline) -> Answer? {
        guard let entry = entries[name] else { return nil }
        if entry.until > now { return entry.answer }
        entries[name] = nil
        return nil
    }

    /// Remembers an answer; when there is no room, what is past goes, else the oldest.
    mutating func insert(_ name: String, _ answer: Answer, until: Deadline, now: Deadline) {
        if entries[name] == nil && entries.count >= entriesMax {
            entries = entries.filter { $0.value.until > now }
            if entries.count >= entriesMax, let oldest = entries.min(by: { $0.value.sequence < $1.value.sequence }) { entries[oldest.key] = nil }
        }
        sequence += 1
        entries[name] = Entry(answer: answer, until: until, sequence: sequence)
    }
}
