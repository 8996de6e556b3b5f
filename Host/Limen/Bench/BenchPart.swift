/// What `limen bench` measures, in parts that can be asked for one by one.
enum BenchPart: String, CaseIterable {
    /// Starts, calls, memory and schemas, twice: unpinned and on one CPU.
    case calls
    /// Many workers started at once.
    case storm
    /// All plugins reloaded at once while they are called.
    case reload
    /// Starts, calls, memory and a storm again on the rung of an ordinary account, when root asks.
    case rootless

    /// The parts of a list with commas; all without one.
    static func list(_ text: String?) throws(UsageError) -> [BenchPart] {
        guard let text else { return allCases }
        var parts: [BenchPart] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let part = BenchPart(rawValue: String(word)) else {
                throw UsageError("--parts is a list of \(allCases.map(\.rawValue).joined(separator: ", ")) with commas")
            }
            parts.append(part)
        }
        return parts
    }
}

/// How much is measured.
struct BenchEffort: Sendable {
    var starts = 20
    var calls = 5_000
    var throughputMilliseconds = 2_000
    var idleWorkers = 100
    var growthCalls = 10_000
    var schemaMilliseconds = 1_000
    var stormWorkers = 200
    var reloadMilliseconds = 3_000
    var reloadRounds = 3

    /// Plugins of the part `reload`.
    static func plugins(isBrief: Bool) -> Int { isBrief ? 4 : 50 }

    init(_ part: BenchPart, isPinned: Bool, isBrief: Bool) {
        // A pinned second run repeats only what depends on the CPU.
        if isPinned { (starts, idleWorkers, growthCalls) = (10, 0, 0) }
        if part == .rootless { (throughputMilliseconds, growthCalls) = (0, 0) }
        if part != .calls { schemaMilliseconds = 0 }
        guard isBrief else { return }
        (starts, calls, growthCalls, schemaMilliseconds) = (2, 100, 0, min(schemaMilliseconds, 50))
        (throughputMilliseconds, idleWorkers) = (min(throughputMilliseconds, 100), min(idleWorkers, 4))
        (stormWorkers, reloadMilliseconds, reloadRounds) = (80, 300, 2)
    }
}
