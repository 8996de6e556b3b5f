import IO

/// Durations of one thing, in nanoseconds.
struct Samples: Sendable {
    private var values: [UInt64] = []

    var count: Int { values.count }

    mutating func add(_ nanoseconds: UInt64) { values.append(nanoseconds) }

    mutating func add(_ other: Samples) { values += other.values }

    /// The value that this share of the samples does not pass, in microseconds.
    func microseconds(_ share: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1000
    }

    /// Nanoseconds that `body` takes.
    static func time(_ body: () async throws -> Void) async rethrows -> UInt64 {
        let start = Deadline.now().nanoseconds
        try await body()
        return Deadline.now().nanoseconds - start
    }
}
