import Glibc
public import JSON
public import LimenPlugin
import PluginABI
import Synchronization

/// What the fake host answers to a plugin's fetch.
public enum HarnessFetchReply: Sendable {
    case response(status: Int, headers: JSONObject = [:], body: [UInt8] = [])
    /// The request was not made; the code is one of the ABI's (`forbidden`, `timed_out`, …).
    case refused(String, String)
}

/// Calls a plugin through its C ABI inside this process, without a jail: for quick tests.
///
/// ```swift
/// let harness = try PluginHarness { Plugin(name: "hello", version: "1.0.0", tools: [Greet()]).serve($0) }
/// let outcome = await harness.call("greet", ["name": "Ada"])
/// #expect(try outcome.output["greeting"] == "Hello, Ada!")
/// ```
/// Everything that a worker does on its main thread happens on one thread of the harness. What needs the jail (limits, egress,
/// isolation) is tested with `limen plugin test`.
public final class PluginHarness: Sendable {
    /// What plugins logged outside a call, for example why they cannot serve.
    static let loadLog = Mutex<[String]>([])

    /// SAFETY: `@unchecked Sendable` because the plugin's struct lives as long as the process and its functions are called only on
    /// the harness's thread.
    private struct Loaded: @unchecked Sendable {
        let plugin: UnsafePointer<limen_plugin>
    }

    private let loaded: Loaded
    private let store = Mutex<[String: [UInt8]]>([:])
    let fetchHandler: @Sendable (_ request: JSONValue, _ body: [UInt8]) -> HarnessFetchReply

    /// The plugin's description of itself.
    public let description: JSONValue

    /// Loads a plugin by its entry function; throws ``PluginError`` with the plugin's reason if it refuses to serve.
    public init(
        config: JSONValue = .object([:]), scratch: String = "/tmp",
        fetch: @escaping @Sendable (_ request: JSONValue, _ body: [UInt8]) -> HarnessFetchReply = { _, _ in
            .refused("forbidden", "The harness has no network.")
        },
        _ entry: (LimenHost) -> LimenEntry
    ) throws {
        let host = UnsafeMutablePointer<limen_host>.allocate(capacity: 1)
        host.initialize(to: makeHarnessHost(config: config.serialized(), scratch: scratch))
        guard let plugin = entry(UnsafePointer(host)) else {
            let reason = PluginHarness.loadLog.withLock { $0.popLast() }
            throw PluginError("refused", reason ?? "The plugin refused to serve.")
        }
        guard plugin.pointee.abi == LIMEN_ABI_VERSION, plugin.pointee.call != nil else {
            throw PluginError("abi", "The plugin speaks another ABI.")
        }
        loaded = Loaded(plugin: plugin)
        fetchHandler = fetch
        description = try JSONValue(parsing: [UInt8](plugin.pointee.description))
    }

    /// Loads a plugin from a shared library, which stays loaded.
    public convenience init(library path: String, config: JSONValue = .object([:]), scratch: String = "/tmp") throws {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw PluginError("load", dlerror().map { String(cString: $0) } ?? "dlopen failed")
        }
        guard let symbol = dlsym(handle, "limen_plugin_entry") else { throw PluginError("load", "\(path) has no limen_plugin_entry") }
        // SAFETY: the ABI fixes the entry symbol's type.
        let entry = unsafeBitCast(symbol, to: (@convention(c) (LimenHost) -> LimenEntry).self)
        try self.init(config: config, scratch: scratch) { entry($0) }
    }

    /// Calls a tool; `cancelAfter` asks the plugin to stop, as a client's disconnect does.
    public func call(
        _ tool: String, _ input: JSONValue, attachments: [Attachment] = [], timeout: Duration = .seconds(15),
        cancelAfter: Duration? = nil
    ) async -> HarnessOutcome {
        await withCheckedContinuation { continuation in
            let deadline = HarnessLoop.now + timeout.nanoseconds
            let call = HarnessCall(harness: self, deadlineNanoseconds: deadline) { continuation.resume(returning: $0) }
            let id = HarnessCalls.add(call)
            HarnessLoop.shared.post { [self] in begin(id, call, tool, input.serialized(), attachments) }
            if let cancelAfter {
                HarnessLoop.shared.post(afterNanoseconds: cancelAfter.nanoseconds) { [self] in cancel(id, call) }
            }
            HarnessLoop.shared.post(afterNanoseconds: timeout.nanoseconds) { [self] in cancel(id, call) }
        }
    }

    /// How often, in this process, plugins used a call that had ended; 0 is right.
    public static var usesAfterEnd: Int { HarnessCalls.lateUses }

    private func begin(_ id: UInt, _ call: HarnessCall, _ tool: String, _ input: [UInt8], _ attachments: [Attachment]) {
        let plugin = loaded.plugin.pointee
        var storage = attachments.map { [Array($0.name.utf8), Array($0.contentType.utf8), $0.data] }
        withRaw(&storage) { raw in
            Array(tool.utf8).withLimenBytes { tool in
                input.withLimenBytes { input in
                    Array("harness-\(id)".utf8).withLimenBytes { requestID in
                        var request = limen_request(
                            size: UInt32(MemoryLayout<limen_request>.size), attachment_count: UInt32(raw.count), tool: tool, input: input,
                            request_id: requestID, attachments: raw.baseAddress, traceparent: limen_bytes(data: nil, length: 0))
                        plugin.call?(plugin.state, OpaquePointer(bitPattern: id), &request)
                    }
                }
            }
        }
        let isCancelled = call.state.withLock { state in
            state.hasBegun = true
            return state.isCancelled
        }
        if isCancelled { cancel(id, call) }
    }

    private func cancel(_ id: UInt, _ call: HarnessCall) {
        guard !call.isOver else { return }
        let hasBegun = call.state.withLock { state in
            state.isCancelled = true
            return state.hasBegun
        }
        guard hasBegun else { return }
        loaded.plugin.pointee.cancel?(loaded.plugin.pointee.state, OpaquePointer(bitPattern: id))
    }

    func keyValue(_ operation: limen_kv_operation, _ key: String, _ value: [UInt8]) -> [UInt8]? {
        store.withLock { store in
            switch operation {
            case LIMEN_KV_SET:
                store[key] = value
                return []
            case LIMEN_KV_DELETE: return store.removeValue(forKey: key) == nil ? nil : []
            case LIMEN_KV_LIST:
                return JSONValue.array(store.keys.filter { $0.hasPrefix(key) }.sorted().map { .string($0) }).serialized()
            default: return store[key]
            }
        }
    }
}

/// Calls `body` with C views of attachments; `storage` holds name, type and data of each.
private func withRaw(_ storage: inout [[[UInt8]]], _ body: (UnsafeBufferPointer<limen_attachment>) -> Void) {
    let copies = storage.map {
        $0.map { part in
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: part.count)
            _ = copy.initialize(fromContentsOf: part)
            return copy
        }
    }
    defer { for copy in copies.joined() { copy.deallocate() } }
    let raw = copies.map { parts in
        let views = parts.map { limen_bytes(data: $0.baseAddress, length: $0.count) }
        return limen_attachment(name: views[0], content_type: views[1], data: views[2])
    }
    raw.withUnsafeBufferPointer(body)
}

extension Duration {
    fileprivate var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(clamping: seconds) * 1_000_000_000 + UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
