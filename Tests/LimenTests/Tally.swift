import IO

/// What became of requests under load, and when it is over.
final class Tally: Sendable {
    private struct State: Sendable {
        var acknowledged: [String] = []
        var refused: [String] = []
        var isOver = false
    }
    private let state = Lock(State())
    var acknowledged: [String] { state.withLock { $0.acknowledged } }
    var refused: [String] { state.withLock { $0.refused } }
    var isOver: Bool { state.withLock { $0.isOver } }
    func acknowledge(_ name: String) { state.withLock { $0.acknowledged.append(name) } }
    func refuse(_ text: String) { state.withLock { $0.refused.append(text) } }
    func end() { state.withLock { $0.isOver = true } }
}
