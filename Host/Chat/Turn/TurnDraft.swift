import IO
import JSON

/// An answer while it grows: whatever ends the turn, this is what is stored.
final class TurnDraft: Sendable {
    struct State: Sendable {
        var text = ""
        var pieces = 0
        /// Parts that are no text: calls of tools.
        var calls: [JSONValue] = []
        var citations: [JSONValue] = []
        var adapters: [JSONValue] = []
        var usage = MessageUsage()
        var trace: [JSONValue] = []
        /// What became of the nodes of the turn's workflow; no more than it has.
        var nodes: [JSONValue] = []
        var model: String
        var rounds = 0
        var isCut = false
        var firstAt: Deadline?
    }

    private let state: Lock<State>

    init(model: String, currency: String) {
        var first = State(model: model)
        first.usage.currency = currency
        state = Lock(first)
    }

    var value: State { state.withLock { $0 } }

    func change<Value>(_ body: (inout State) -> sending Value) -> Value { state.withLock { body(&$0) } }

    /// Adds a piece as far as an answer may grow; its number, nil when nothing of it fits.
    func add(_ text: String) -> (text: String, index: Int)? {
        state.withLock { state in
            let room = ChatLimits.answerBytesMax - state.text.utf8.count
            // A NUL is no text, and PostgreSQL keeps none.
            var piece = text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
            if piece.utf8.count > room {
                state.isCut = true
                while piece.utf8.count > room { piece.removeLast() }
            }
            guard !piece.isEmpty else { return nil }
            if state.firstAt == nil { state.firstAt = .now() }
            state.text += piece
            defer { state.pieces += 1 }
            return (piece, state.pieces)
        }
    }

    /// Adds what a reply used.
    func add(_ spending: Spending) {
        state.withLock { $0.usage.add(spending) }
    }

    /// Adds an entry to the trace, which has an end.
    func note(_ entry: JSONValue) {
        state.withLock { state in if state.trace.count < ChatLimits.traceEntriesMax { state.trace.append(entry) } }
    }

    /// All parts: calls, text and code, what is cited.
    var segments: [JSONValue] {
        let state = value
        return state.calls + Segments.parts(of: state.text) + state.citations
    }
}
