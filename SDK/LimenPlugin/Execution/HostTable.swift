import PluginABI

/// The host's functions, checked once and never nil afterwards.
///
/// SAFETY: `@unchecked Sendable` because the ABI promises that the table lives as long as the process, never changes, and
/// that its functions may be called from any thread.
struct HostTable: @unchecked Sendable {
    private let pointer: LimenHost
    let complete: @convention(c) (OpaquePointer?, limen_bytes, UnsafePointer<limen_attachment>?, UInt32) -> Void
    let fail: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_bytes) -> Void
    let emit: @convention(c) (OpaquePointer?, limen_event_kind, limen_bytes) -> Void
    let logFunction: @convention(c) (OpaquePointer?, limen_log_level, limen_bytes) -> Void
    let cancelled: @convention(c) (OpaquePointer?) -> Int32
    let deadline: @convention(c) (OpaquePointer?) -> UInt64
    let fetch: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> Void
    let keyValue: @convention(c) (OpaquePointer?, limen_kv_operation, limen_bytes, limen_bytes, limen_kv_callback?, UnsafeMutableRawPointer?) -> Void
    let schedule: @convention(c) (limen_scheduled?, UnsafeMutableRawPointer?) -> Void

    /// Fails for a host of another ABI or with a table that lacks a function.
    init?(_ pointer: LimenHost) {
        // What a host of ABI 1 has at least; newer members are asked for one by one, and nothing copies the whole table, which may be shorter than ours.
        guard Int(pointer.pointee.size) >= Self.wantsDescriptionOffset, pointer.pointee.abi == LIMEN_ABI_VERSION,
            let complete = pointer.pointee.complete, let fail = pointer.pointee.fail, let emit = pointer.pointee.emit, let log = pointer.pointee.log,
            let cancelled = pointer.pointee.cancelled, let deadline = pointer.pointee.deadline, let fetch = pointer.pointee.fetch,
            let keyValue = pointer.pointee.kv,
            let schedule = pointer.pointee.schedule
        else { return nil }
        self.pointer = pointer
        self.complete = complete
        self.fail = fail
        self.emit = emit
        self.logFunction = log
        self.cancelled = cancelled
        self.deadline = deadline
        self.fetch = fetch
        self.keyValue = keyValue
        self.schedule = schedule
    }

    /// The functions for replies that are read piece by piece; nil for a host that has none.
    var streaming: Streaming? {
        let end = (MemoryLayout<limen_host>.offset(of: \.fetch_close) ?? 0) + MemoryLayout<UnsafeRawPointer>.size
        guard Int(pointer.pointee.size) >= end, let open = pointer.pointee.fetch_open, let read = pointer.pointee.fetch_read,
            let close = pointer.pointee.fetch_close
        else { return nil }
        return Streaming(open: open, read: read, close: close)
    }

    /// The functions for bodies that are written piece by piece; nil for a host that has none.
    var uploading: Uploading? {
        let end = (MemoryLayout<limen_host>.offset(of: \.fetch_finish) ?? 0) + MemoryLayout<UnsafeRawPointer>.size
        guard Int(pointer.pointee.size) >= end, let begin = pointer.pointee.fetch_begin, let write = pointer.pointee.fetch_write,
            let finish = pointer.pointee.fetch_finish
        else { return nil }
        return Uploading(begin: begin, write: write, finish: finish)
    }

    /// What a newer host of ABI 1 may have besides.
    struct Uploading {
        let begin: @convention(c) (OpaquePointer?, limen_bytes, UInt64, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32
        let write: @convention(c) (OpaquePointer?, UInt32, limen_bytes, limen_written_callback?, UnsafeMutableRawPointer?) -> Void
        let finish: @convention(c) (OpaquePointer?, UInt32) -> Void
    }

    /// What a host of ABI 1 may have besides.
    struct Streaming {
        let open: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32
        let read: @convention(c) (OpaquePointer?, UInt32, limen_piece_callback?, UnsafeMutableRawPointer?) -> Void
        let close: @convention(c) (OpaquePointer?, UInt32) -> Void
    }

    var scratch: String { pointer.pointee.scratch_path.map { String(cString: $0) } ?? "" }
    var config: [UInt8] { [UInt8](pointer.pointee.config) }

    private static let wantsDescriptionOffset = MemoryLayout<limen_host>.offset(of: \.wants_description) ?? 0
    /// A host that does not know the question always wants the answer.
    var wantsDescription: Bool {
        Int(pointer.pointee.size) < Self.wantsDescriptionOffset + MemoryLayout<UInt32>.size || pointer.pointee.wants_description != 0
    }

    func log(_ call: OpaquePointer?, _ level: limen_log_level, _ message: String) {
        message.withLimenBytes { logFunction(call, level, $0) }
    }
}

extension [UInt8] {
    /// Copies what a C pointer and length describe.
    init(_ bytes: limen_bytes) {
        self.init(UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.length))
    }

    func withLimenBytes<Result>(_ body: (limen_bytes) -> Result) -> Result {
        withUnsafeBufferPointer { body(limen_bytes(data: $0.baseAddress, length: $0.count)) }
    }
}

extension String {
    /// Copies UTF-8 that a C pointer and length describe; malformed bytes are replaced.
    init(_ bytes: limen_bytes) {
        self.init(decoding: UnsafeBufferPointer(start: bytes.data, count: bytes.data == nil ? 0 : bytes.length), as: UTF8.self)
    }

    func withLimenBytes<Result>(_ body: (limen_bytes) -> Result) -> Result {
        var copy = self
        return copy.withUTF8 { body(limen_bytes(data: $0.baseAddress, length: $0.count)) }
    }
}
