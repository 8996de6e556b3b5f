import CLinux
import Glibc
import PluginABI
import Synchronization
import WorkerProtocol

/// The functions of `limen_host`. Each runs on whatever thread the plugin calls from.
enum HostTable {
    // SAFETY: allocated once, filled before the plugin sees it, never changed or freed.
    nonisolated(unsafe) static let shared: UnsafePointer<limen_host> = {
        let table = UnsafeMutablePointer<limen_host>.allocate(capacity: 1)
        let configuration = PluginRuntime.current.configuration
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: configuration.count)
        _ = bytes.initialize(from: configuration)
        table.initialize(
            to: limen_host(
                size: UInt32(MemoryLayout<limen_host>.size), abi: LIMEN_ABI_VERSION, complete: complete, fail: fail, emit: emit, log: log,
                cancelled: cancelled, deadline: deadline, fetch: fetch, kv: keyValue, schedule: schedule, pump: pump,
                scratch_path: UnsafePointer(strdup("/scratch")), config: limen_bytes(data: bytes.baseAddress, length: bytes.count),
                wants_description: PluginRuntime.current.wantsDescription ? 1 : 0, fetch_open: fetchOpen, fetch_read: fetchRead,
                fetch_close: fetchClose, fetch_begin: fetchBegin, fetch_write: fetchWrite, fetch_finish: fetchFinish))
        return UnsafePointer(table)
    }()

    private static let complete: @convention(c) (OpaquePointer?, limen_bytes, UnsafePointer<limen_attachment>?, UInt32) -> Void = {
        call, output, attachments, count in
        guard let callID = end(call) else { return }
        let attached = (0..<min(Int(count), Attachment.countMax)).compactMap { index in
            attachments.map { Attachment(name: $0[index].name.text, contentType: $0[index].content_type.text, data: Array($0[index].data)) }
        }
        if attached.isEmpty { return sendPlainResult(callID, output) }
        send(.result, callID, ResultPayload(output: Array(output), attachments: attached).encoded())
    }

    /// The common case in one allocation and one write.
    private static func sendPlainResult(_ callID: UInt64, _ output: limen_bytes) {
        let count = output.data == nil ? 0 : output.length
        let frame = [UInt8](unsafeUninitializedCapacity: FrameHeader.size + 8 + count) { buffer, initialized in
            var writer = ByteWriter(capacity: 24)
            writer.write(header: FrameHeader(type: .result, callID: callID, payloadLength: 8 + count))
            writer.write(UInt32(truncatingIfNeeded: count))
            writer.write(UInt32(0))
            _ = buffer.initialize(from: writer.bytes)
            if count > 0 { memcpy(buffer.baseAddress! + 24, output.data, count) }
            initialized = 24 + count
        }
        sendBytes(frame)
    }

    private static let fail: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_bytes) -> Void = { call, code, message, details in
        guard let callID = end(call) else { return }
        send(.failure, callID, FailurePayload(code: code.text, message: message.text, details: Array(details)).encoded())
    }

    private static let emit: @convention(c) (OpaquePointer?, limen_event_kind, limen_bytes) -> Void = { call, kind, json in
        guard let callID = inFlight(call), let kind = EventKind(rawValue: UInt8(truncatingIfNeeded: kind.rawValue)) else { return }
        send(.event, callID, EventPayload(kind: kind, json: Array(json)).encoded())
    }

    private static let log: @convention(c) (OpaquePointer?, limen_log_level, limen_bytes) -> Void = { call, level, message in
        let level = UInt8(min(max(level.rawValue, 1), 4))
        let room = FrameLimits().logBytesMax - 1
        let text = Array(message).prefix(room)
        send(.log, inFlight(call) ?? 0, [level] + text)
    }

    private static let cancelled: @convention(c) (OpaquePointer?) -> Int32 = { call in
        guard inFlight(call) != nil else { return 1 }
        let runtime = PluginRuntime.current!
        runtime.pollForCancel()
        let isOver = runtime.isCancelled.load(ordering: .relaxed) || monotonicNanoseconds() >= runtime.deadline.load(ordering: .relaxed)
        return isOver ? 1 : 0
    }

    private static let deadline: @convention(c) (OpaquePointer?) -> UInt64 = { _ in
        PluginRuntime.current.recordedDeadline ?? PluginRuntime.current.deadline.load(ordering: .relaxed)
    }

    private static let fetch: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> Void = {
        call, request, body, callback, context in
        let pending = PluginRuntime.Callback(function: callback, context: context)
        guard let callID = inFlight(call) else {
            PluginRuntime.current.shared.withLock { $0.refusedFetches.append(pending) }
            return wakeMainThread()
        }
        let id = PluginRuntime.current.shared.withLock { state in
            defer { state.nextRequest &+= 1 }
            state.fetches[state.nextRequest] = pending
            return state.nextRequest
        }
        send(.fetch, callID, FetchPayload(id: id, request: Array(request), body: Array(body)).encoded())
    }

    private static let fetchOpen:
        @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32 = {
            call, request, body, callback, context in
            let pending = PluginRuntime.Callback(function: callback, context: context)
            guard let callID = inFlight(call) else {
                PluginRuntime.current.shared.withLock { $0.refusedFetches.append(pending) }
                wakeMainThread()
                return 0
            }
            let id = PluginRuntime.current.shared.withLock { $0.open(pending) }
            send(.fetchOpen, callID, FetchPayload(id: id, request: Array(request), body: Array(body)).encoded())
            return id
        }

    private static let fetchRead: @convention(c) (OpaquePointer?, UInt32, limen_piece_callback?, UnsafeMutableRawPointer?) -> Void = {
        call, id, callback, context in
        let pending = PluginRuntime.Callback(function: callback, context: context)
        guard let callID = inFlight(call), PluginRuntime.current.shared.withLock({ $0.read(id, pending) }) else {
            PluginRuntime.current.shared.withLock { $0.refusedPieces.append(pending) }
            return wakeMainThread()
        }
        send(.fetchRead, callID, FetchStreamPayload(id: id).encoded())
    }

    private static let fetchClose: @convention(c) (OpaquePointer?, UInt32) -> Void = { call, id in
        guard let callID = inFlight(call), PluginRuntime.current.shared.withLock({ $0.close(id) }) else { return }
        send(.fetchClose, callID, FetchStreamPayload(id: id).encoded())
    }

    private static let keyValue:
        @convention(c) (OpaquePointer?, limen_kv_operation, limen_bytes, limen_bytes, limen_kv_callback?, UnsafeMutableRawPointer?) -> Void = {
            call, operation, key, value, callback, context in
            let pending = PluginRuntime.Callback(function: callback, context: context)
            guard let operation = KeyValueOperation(rawValue: UInt8(truncatingIfNeeded: operation.rawValue)), let callID = inFlight(call) else {
                PluginRuntime.current.shared.withLock { $0.refusedKeyValues.append(pending) }
                return wakeMainThread()
            }
            let id = PluginRuntime.current.shared.withLock { state in
                defer { state.nextRequest &+= 1 }
                state.keyValues[state.nextRequest] = pending
                return state.nextRequest
            }
            send(.keyValue, callID, KeyValuePayload(id: id, operation: operation, key: key.text, value: Array(value)).encoded())
        }

    private static let schedule: @convention(c) (limen_scheduled?, UnsafeMutableRawPointer?) -> Void = { work, context in
        let runtime = PluginRuntime.current!
        let item = PluginRuntime.Callback(function: work, context: context)
        runtime.shared.withLock { $0.scheduled.append(item) }
        guard pthread_equal(pthread_self(), runtime.mainThread) == 0 else { return }
        var one: UInt64 = 1
        write(runtime.wake, &one, 8)
    }

    private static let pump: @convention(c) (OpaquePointer?, UnsafePointer<Int32>?) -> Int32 = { call, done in
        guard let callID = inFlight(call), let done else { return -1 }
        return PluginRuntime.current.pump(callID, until: done)
    }

    /// The id of a call that is still in flight.
    static func inFlight(_ call: OpaquePointer?) -> UInt64? {
        let callID = UInt64(UInt(bitPattern: call))
        return callID != 0 && PluginRuntime.current.shared.withLock { $0.callID == callID } ? callID : nil
    }

    /// Takes the call out of flight; nil if it had ended before.
    private static func end(_ call: OpaquePointer?) -> UInt64? {
        let callID = UInt64(UInt(bitPattern: call))
        let wasInFlight = PluginRuntime.current.shared.withLock { state in
            guard callID != 0, state.callID == callID else { return false }
            state.callID = 0
            return true
        }
        guard wasInFlight else { return nil }
        wakeMainThread()
        return callID
    }

    /// Another thread ended the call: the main thread goes back to waiting for frames alone.
    static func wakeMainThread() {
        let runtime = PluginRuntime.current!
        guard pthread_equal(pthread_self(), runtime.mainThread) == 0 else { return }
        var one: UInt64 = 1
        write(runtime.wake, &one, 8)
    }

    static func send(_ type: FrameType, _ callID: UInt64, _ payload: [UInt8]) {
        sendBytes(Frame(type: type, callID: callID, payload: payload).encoded())
    }

    /// A host that is gone has no use for this process.
    private static func sendBytes(_ bytes: [UInt8]) {
        do { try PluginRuntime.current.frames.send(bytes) } catch { _exit(0) }
    }
}
