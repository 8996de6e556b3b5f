import JSON
import LimenPlugin
import PluginABI
import Synchronization

extension [UInt8] {
    init(_ bytes: limen_bytes) {
        self.init(UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.length))
    }

    func withLimenBytes<Result>(_ body: (limen_bytes) -> Result) -> Result {
        withUnsafeBufferPointer { body(limen_bytes(data: $0.baseAddress, length: $0.count)) }
    }
}

extension String {
    init(_ bytes: limen_bytes) { self.init(decoding: [UInt8](bytes), as: UTF8.self) }
}

/// Parses what a plugin sent; what is not JSON becomes an error that a test sees.
func json(_ bytes: limen_bytes) -> Result<JSONValue, PluginError> {
    do {
        var limits = JSONLimits.default
        limits.bytesMax = 64 << 20
        return .success(try JSONValue(parsing: [UInt8](bytes), limits: limits))
    } catch {
        return .failure(PluginError("not_json", "The plugin sent what is not JSON: \(error.message)."))
    }
}

/// A context pointer on its way to another closure of the same thread.
///
/// SAFETY: `@unchecked Sendable` because the ABI lets any thread hand it over and only the main thread use it.
struct Context: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
}

/// Makes the fake host's table of functions.
func makeHarnessHost(config: [UInt8], scratch: String) -> limen_host {
    var host = limen_host()
    host.size = UInt32(MemoryLayout<limen_host>.size)
    host.abi = LIMEN_ABI_VERSION
    host.wants_description = 1
    host.complete = { call, output, attachments, count in
        let attached = UnsafeBufferPointer(start: attachments, count: attachments == nil ? 0 : Int(count)).map {
            Attachment(name: String($0.name), contentType: String($0.content_type), data: [UInt8]($0.data))
        }
        HarnessCalls.remove(call)?.end(json(output), attached, [UInt8](output))
    }
    host.fail = { call, code, message, details in
        let object = details.length == 0 ? nil : (try? json(details).get())?.objectValue  // a test sees that details are missing
        HarnessCalls.remove(call)?.end(.failure(PluginError(String(code), String(message), details: object ?? [:])))
    }
    host.emit = { call, kind, payload in
        guard let call = HarnessCalls.find(call) else { return }
        let kinds: [UInt32: HarnessEvent.Kind] = [1: .progress, 2: .token, 3: .partial]
        guard let kind = kinds[UInt32(kind.rawValue)], case .success(let value) = json(payload) else {
            return call.end(.failure(PluginError("bad_event", "The plugin emitted an event that is no event.")))
        }
        call.state.withLock { $0.events.append(HarnessEvent(kind: kind, payload: value)) }
    }
    host.log = { call, _, message in
        let line = String(message)
        guard call != nil else { return PluginHarness.loadLog.withLock { $0.append(line) } }
        HarnessCalls.find(call)?.state.withLock { $0.logs.append(line) }
    }
    host.cancelled = { HarnessCalls.find($0)?.isCancelled ?? true ? 1 : 0 }
    host.deadline = { HarnessCalls.find($0)?.deadlineNanoseconds ?? 0 }
    host.fetch = fetch
    host.kv = keyValue
    host.fetch_open = HarnessStreams.open
    host.fetch_read = HarnessStreams.read
    host.fetch_close = HarnessStreams.close
    host.fetch_begin = HarnessUploads.begin
    host.fetch_write = HarnessUploads.write
    host.fetch_finish = HarnessUploads.finish
    host.schedule = { work, context in
        let context = Context(pointer: context)
        HarnessLoop.shared.post { work?(context.pointer) }
    }
    host.pump = { call, done in
        guard let found = HarnessCalls.find(call) else { return -1 }
        HarnessLoop.shared.run { done?.pointee != 0 || found.isOver || found.isCancelled }
        return done?.pointee != 0 ? 0 : -1
    }
    // Both live as long as the process, as the ABI promises.
    let path = UnsafeMutablePointer<CChar>.allocate(capacity: scratch.utf8.count + 1)
    for (index, byte) in (Array(scratch.utf8) + [0]).enumerated() { path[index] = CChar(bitPattern: byte) }
    host.scratch_path = UnsafePointer(path)
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: config.count)
    _ = copy.initialize(fromContentsOf: config)
    host.config = limen_bytes(data: copy.baseAddress, length: copy.count)
    return host
}

private let fetch: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> Void = {
    call, request, body, callback, context in
    let context = Context(pointer: context)
    let request = json(request)
    let body = [UInt8](body)
    let handler = HarnessCalls.find(call)?.harness.fetchHandler
    HarnessLoop.shared.post {
        let reply: HarnessFetchReply
        switch request {
        case .success(let request): reply = handler?(request, body) ?? .refused("cancelled", "The call has ended.")
        case .failure(let error): reply = .refused("invalid", error.message)
        }
        answer(reply, callback, context)
    }
}

func answer(_ reply: HarnessFetchReply, _ callback: limen_fetch_callback?, _ context: Context) {
    var response = limen_response()
    response.size = UInt32(MemoryLayout<limen_response>.size)
    var parts: [[UInt8]] = [[], [], [], []]
    switch reply {
    case .response(let status, let headers, let body):
        response.status = UInt32(status)
        parts = [JSONValue.object(headers).serialized(), body, [], []]
    case .refused(let code, let message):
        parts = [Array("{}".utf8), [], Array(code.utf8), Array(message.utf8)]
    }
    parts[0].withLimenBytes { headers in
        parts[1].withLimenBytes { body in
            parts[2].withLimenBytes { code in
                parts[3].withLimenBytes { message in
                    (response.headers, response.body) = (headers, body)
                    (response.error_code, response.error_message) = (code, message)
                    callback?(context.pointer, &response)
                }
            }
        }
    }
}

private let keyValue:
    @convention(c) (OpaquePointer?, limen_kv_operation, limen_bytes, limen_bytes, limen_kv_callback?, UnsafeMutableRawPointer?) -> Void = {
        call, operation, key, value, callback, context in
        let context = Context(pointer: context)
        let (key, value) = (String(key), [UInt8](value))
        let harness = HarnessCalls.find(call)?.harness
        HarnessLoop.shared.post {
            let found = harness?.keyValue(operation, key, value)
            var result = limen_kv_result()
            result.size = UInt32(MemoryLayout<limen_kv_result>.size)
            result.found = found == nil ? 0 : 1
            (found ?? []).withLimenBytes { value in
                result.value = value
                callback?(context.pointer, &result)
            }
        }
    }
