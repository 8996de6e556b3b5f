public import JSON
public import LimenPlugin
import PluginABI
import Synchronization

/// What a plugin reported before the end of a call.
public struct HarnessEvent: Sendable, Hashable {
    /// What an event reports.
    public enum Kind: Sendable, Hashable { case progress, token, partial }
    /// What the event reports.
    public let kind: Kind
    /// The event's JSON value.
    public let payload: JSONValue
}

/// How a call ended.
public struct HarnessOutcome: Sendable {
    /// The output, or the error that the plugin reported.
    public let result: Result<JSONValue, PluginError>
    /// The binary attachments of the output.
    public let attachments: [Attachment]
    /// What the plugin reported, in order.
    public let events: [HarnessEvent]
    /// Log lines of the call, oldest first.
    public let logs: [String]
    /// The output's bytes as the plugin wrote them.
    public let outputBytes: [UInt8]

    /// The output; throws the plugin's error.
    public var output: JSONValue { get throws { try result.get() } }

    /// The output decoded; throws the plugin's error.
    public func output<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONCoder.decode(type, from: result.get())
    }
}

/// One call in flight as the fake host sees it.
final class HarnessCall: Sendable {
    struct State {
        var isCancelled = false
        /// The plugin knows the call; a cancellation before that is told right after.
        var hasBegun = false
        var events: [HarnessEvent] = []
        var logs: [String] = []
        var finish: (@Sendable (HarnessOutcome) -> Void)?
    }

    let harness: PluginHarness
    let deadlineNanoseconds: UInt64
    let state: Mutex<State>

    init(harness: PluginHarness, deadlineNanoseconds: UInt64, finish: @escaping @Sendable (HarnessOutcome) -> Void) {
        self.harness = harness
        self.deadlineNanoseconds = deadlineNanoseconds
        state = Mutex(State(finish: finish))
    }

    var isOver: Bool { state.withLock { $0.finish == nil } }

    var isCancelled: Bool { state.withLock { $0.isCancelled } || HarnessLoop.now >= deadlineNanoseconds }

    /// The first end counts, as with the real host.
    func end(_ result: Result<JSONValue, PluginError>, _ attachments: [Attachment] = [], _ bytes: [UInt8] = []) {
        let (finish, outcome) = state.withLock { state in
            defer { state.finish = nil }
            return (
                state.finish,
                HarnessOutcome(
                    result: result, attachments: attachments, events: state.events, logs: state.logs, outputBytes: bytes)
            )
        }
        finish?(outcome)
    }
}

/// Finds calls by the numbers that plugins know them by; a number that is no longer there is a use after the end.
enum HarnessCalls {
    private struct Table {
        var calls: [UInt: HarnessCall] = [:]
        var next: UInt = 16
        var lateUses = 0
    }

    private static let table = Mutex(Table())

    static var lateUses: Int { table.withLock { $0.lateUses } }

    static func add(_ call: HarnessCall) -> UInt {
        table.withLock { table in
            table.next += 16
            table.calls[table.next] = call
            return table.next
        }
    }

    static func find(_ pointer: OpaquePointer?) -> HarnessCall? {
        table.withLock { table in
            let call = table.calls[UInt(bitPattern: pointer)]
            if call == nil { table.lateUses += 1 }
            return call
        }
    }

    static func remove(_ pointer: OpaquePointer?) -> HarnessCall? {
        table.withLock { table in
            let call = table.calls.removeValue(forKey: UInt(bitPattern: pointer))
            if call == nil { table.lateUses += 1 }
            return call
        }
    }
}
