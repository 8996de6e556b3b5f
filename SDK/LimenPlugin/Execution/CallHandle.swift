import JSON
import PluginABI
import Synchronization

/// One call in flight: guards the host's pointer, which must not be used once the call has ended.
final class CallHandle: Sendable {
    /// SAFETY: `@unchecked Sendable` because the pointer is only handed back to host functions that any thread may call, and
    /// only while the lock that guards it says that the call is open.
    struct Raw: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private struct State {
        /// Nil once the call has ended.
        var call: Raw?
        var attachments: [Attachment] = []
    }

    let host: HostTable
    let executor: MainExecutor
    private let state: Mutex<State>

    init(_ call: OpaquePointer, host: HostTable, executor: MainExecutor) {
        self.host = host
        self.executor = executor
        state = Mutex(State(call: Raw(pointer: call)))
    }

    var isCancelled: Bool { withCall { host.cancelled($0) != 0 } ?? true }

    var deadlineNanoseconds: UInt64 { withCall { host.deadline($0) } ?? 0 }

    func log(_ level: limen_log_level, _ message: String) {
        withCall { host.log($0, level, message) }
    }

    func emit(_ kind: limen_event_kind, _ payload: JSONValue) {
        let bytes = payload.serialized()
        withCall { call in bytes.withLimenBytes { host.emit(call, kind, $0) } }
    }

    func attach(_ attachment: Attachment) throws {
        try state.withLock { state in
            guard state.attachments.count < Limits.attachmentsMax else {
                throw PluginError("too_many_attachments", "A result has at most \(Limits.attachmentsMax) attachments.")
            }
            state.attachments.append(attachment)
        }
    }

    /// Ends the call with a result. The first end wins.
    func complete(_ output: [UInt8]) {
        guard let (call, attachments) = end() else { return }
        withRawAttachments(attachments) { raw in
            output.withLimenBytes { host.complete(call.pointer, $0, raw.baseAddress, UInt32(raw.count)) }
        }
    }

    /// Ends the call with an error. The first end wins.
    func fail(_ error: PluginError) {
        guard let (call, _) = end() else { return }
        let message = error.message.truncated(toUTF8: Limits.messageBytesMax)
        let details = error.details.isEmpty ? [] : JSONValue.object(error.details).serialized()
        error.code.withLimenBytes { code in
            message.withLimenBytes { message in
                details.withLimenBytes { host.fail(call.pointer, code, message, $0) }
            }
        }
    }

    /// The lock is held while the host's function runs, so that another thread cannot end the call meanwhile.
    @discardableResult
    func withCall<Result: Sendable>(_ body: (OpaquePointer) -> Result) -> Result? {
        state.withLock { state in
            guard let call = state.call else { return nil }
            return body(call.pointer)
        }
    }

    private func end() -> (Raw, [Attachment])? {
        state.withLock { state in
            guard let call = state.call else { return nil }
            state.call = nil
            return (call, state.attachments)
        }
    }
}

// MARK: - Questions to the host

extension CallHandle {
    struct KeyValueReply: Sendable {
        let found: Bool
        let value: [UInt8]
    }

    func fetch(_ request: FetchRequest) async throws -> FetchResponse {
        let json = request.json.serialized()
        let reply = Reply<FetchResponse>(executor: executor)
        return try await reply.wait { context in
            let sent: Void? = withCall { call in
                json.withLimenBytes { json in
                    request.body.withLimenBytes { host.fetch(call, json, $0, { Reply.finish($0, fetchResult($1)) }, context) }
                }
            }
            if sent == nil { Reply<FetchResponse>.finish(context, .failure(CancellationError())) }
        }
    }

    func keyValue(_ operation: limen_kv_operation, _ key: String, _ value: [UInt8] = []) async throws -> KeyValueReply {
        let reply = Reply<KeyValueReply>(executor: executor)
        return try await reply.wait { context in
            let sent: Void? = withCall { call in
                key.withLimenBytes { key in
                    value.withLimenBytes { host.keyValue(call, operation, key, $0, { Reply.finish($0, keyValueResult($1)) }, context) }
                }
            }
            if sent == nil { Reply<KeyValueReply>.finish(context, .failure(CancellationError())) }
        }
    }
}

func fetchResult(_ response: UnsafePointer<limen_response>?) -> Result<FetchResponse, any Error> {
    guard let response = response?.pointee, response.status != 0 else {
        return .failure(hostError(response?.pointee.error_code, response?.pointee.error_message))
    }
    return Result {
        let headers = try JSONValue(parsing: [UInt8](response.headers), limits: Limits.input).objectValue ?? [:]
        let pairs = headers.compactMap { header in header.value.stringValue.map { (header.key, $0) } }
        return FetchResponse(
            status: Int(response.status), headers: Dictionary(pairs, uniquingKeysWith: { $1 }), body: [UInt8](response.body))
    }
}

private func keyValueResult(_ result: UnsafePointer<limen_kv_result>?) -> Result<CallHandle.KeyValueReply, any Error> {
    guard let result = result?.pointee, result.error_code.length == 0 else {
        return .failure(hostError(result?.pointee.error_code, result?.pointee.error_message))
    }
    return .success(CallHandle.KeyValueReply(found: result.found != 0, value: [UInt8](result.value)))
}

func hostError(_ code: limen_bytes?, _ message: limen_bytes?) -> any Error {
    let code = code.map { String($0) } ?? ""
    if code == "cancelled" { return CancellationError() }
    return PluginError(code.isEmpty ? "unavailable" : code, message.map { String($0) } ?? "The host gave no answer.")
}

/// Calls `body` with C views of attachments that are valid until it returns.
private func withRawAttachments(_ attachments: [Attachment], _ body: (UnsafeBufferPointer<limen_attachment>) -> Void) {
    guard !attachments.isEmpty else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    let copies = attachments.map { [immortalCopy(Array($0.name.utf8)), immortalCopy(Array($0.contentType.utf8)), immortalCopy($0.data)] }
    defer { for copy in copies.joined() { copy.deallocate() } }
    let raw = copies.map { parts in
        let views = parts.map { limen_bytes(data: $0.baseAddress, length: $0.count) }
        return limen_attachment(name: views[0], content_type: views[1], data: views[2])
    }
    raw.withUnsafeBufferPointer(body)
}

/// Copies bytes into memory that lives until it is deallocated by hand.
func immortalCopy(_ bytes: [UInt8]) -> UnsafeBufferPointer<UInt8> {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
    _ = copy.initialize(fromContentsOf: bytes)
    return UnsafeBufferPointer(copy)
}

extension String {
    /// The longest prefix of whole characters that fits.
    func truncated(toUTF8 bytesMax: Int) -> String {
        guard utf8.count > bytesMax else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: bytesMax)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
