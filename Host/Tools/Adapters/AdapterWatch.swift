import IO
import JSON
import Supervisor
import Workers

/// Sees to it that an adapter does not fall silent, and knows whether it has said anything: then nothing is tried again.
///
/// Time that whoever hears the events takes is not the adapter's: the clock stands while an event is being taken.
final class AdapterWatch: Sendable {
    private struct State {
        var events = 0
        var heard = Deadline.now()
        var isTaking = false
        var hasFired = false
        var call: OwnedTask<WorkerCallOutcome>?
        var timer: Timer?
    }

    /// How long it may be silent; nil for as long as the call may last.
    let silenceMilliseconds: Int?
    private let loop: EventLoop
    private let state = Lock(State())

    init(silenceMilliseconds: Int?, on loop: EventLoop) {
        self.silenceMilliseconds = silenceMilliseconds
        self.loop = loop
    }

    /// Events that came.
    var events: Int { state.withLock { $0.events } }
    /// Whether a call was ended for its silence.
    var hasFired: Bool { state.withLock { $0.hasFired } }

    /// An event has come and is being taken; `taken` follows.
    func heard() {
        state.withLock { state in
            state.events += 1
            state.isTaking = true
        }
    }

    /// The event was taken; the clock begins anew.
    func taken() {
        state.withLock { state in
            state.heard = .now()
            state.isTaking = false
        }
    }

    /// Runs one try and cancels it when the adapter has been silent too long, over all tries.
    func run(_ body: @escaping @Sendable () async -> WorkerCallOutcome) async -> WorkerCallOutcome {
        guard let silenceMilliseconds else { return await body() }
        let task = OwnedTask(on: loop) { await body() }
        state.withLock { $0.call = task }
        look(after: silenceMilliseconds)
        defer {
            let timer = state.withLock { state in
                defer { (state.timer, state.call) = (nil, nil) }
                return state.timer
            }
            timer?.cancel()
        }
        return await withTaskCancellationHandler {
            // try?: the body throws nothing; there is always a value.
            (try? await task.value) ?? WorkerCallOutcome(end: .cancelled, reachedPlugin: true, usage: CallUsage())
        } onCancel: {
            task.cancel()
        }
    }

    private func look(after milliseconds: Int) {
        state.withLock { state in
            guard state.call != nil else { return }
            let due = state.isTaking ? Deadline.after(milliseconds: milliseconds) : state.heard.adding(milliseconds: milliseconds)
            state.timer = loop.schedule(at: due) { [weak self] in self?.judge(milliseconds) }
        }
    }

    private func judge(_ milliseconds: Int) {
        let (silent, isDone) = state.withLock { state -> (OwnedTask<WorkerCallOutcome>?, Bool) in
            guard let call = state.call else { return (nil, true) }
            guard !state.isTaking, state.heard.adding(milliseconds: milliseconds).hasPassed else { return (nil, false) }
            state.hasFired = true
            return (call, true)
        }
        silent?.cancel()
        if !isDone { look(after: milliseconds) }
    }
}

extension AdapterWatch {
    /// Why the call was ended, if it was for silence.
    var silence: ToolError? {
        guard hasFired, let silenceMilliseconds else { return nil }
        return ToolError(
            .server, "the adapter said nothing for \(Self.text(silenceMilliseconds)) and was stopped",
            ["reason": "silent", "silence_ms": JSONValue(silenceMilliseconds)])
    }

    private static func text(_ milliseconds: Int) -> String { milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms" }

    /// The result; an error says how many events had come before it.
    func telling(_ result: Result<ToolReply, ToolError>) -> Result<ToolReply, ToolError> {
        guard case .failure(var error) = result, events > 0 else { return result }
        error.details["events"] = JSONValue(events)
        return .failure(error)
    }
}
