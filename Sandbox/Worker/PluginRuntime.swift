import CConditions
import CLinux
import Glibc
import PluginABI
import Synchronization
import WorkerProtocol

/// One plugin and the host's conversation about it: loads the library, hands calls in, carries answers out.
///
/// Only the main thread receives frames and runs the plugin's entry points and callbacks; the functions of `limen_host` may be
/// called from any thread and touch only what `shared` guards, atomics, and the socket.
final class PluginRuntime: @unchecked Sendable {
    // SAFETY: set once before any of the plugin's code runs, read-only afterwards.
    nonisolated(unsafe) static var current: PluginRuntime!

    let frames: FrameSocket
    let wake: Int32
    let shared = Mutex(Shared())
    let isCancelled = Atomic<Bool>(false)
    let deadline = Atomic<UInt64>(0)
    let mainThread = pthread_self()

    // SAFETY: the members below are touched by the main thread alone, so `@unchecked Sendable` hides no race.
    private var decoder = FrameDecoder(from: .host, limits: FrameLimits(inputBytesMax: 64 << 20))
    private var received: UnsafeMutableRawBufferPointer
    private var plugin: UnsafePointer<limen_plugin>?
    private var lastPoll: UInt64 = 0
    private(set) var configuration = Array("{}".utf8)
    private(set) var wantsDescription = true
    /// What the plugin is told of its deadline when the call is recorded or replayed; set before any of its code runs.
    private(set) var recordedDeadline: UInt64?

    /// What the host functions share across threads.
    struct Shared {
        /// The call in flight; 0 when there is none.
        var callID: UInt64 = 0
        var nextRequest: UInt32 = 1
        var fetches: [UInt32: Callback<limen_fetch_callback?>] = [:]
        var keyValues: [UInt32: Callback<limen_kv_callback?>] = [:]
        var scheduled: [Callback<limen_scheduled?>] = []
        /// Requests that never leave: their callbacks still run once, on the main thread.
        var refusedFetches: [Callback<limen_fetch_callback?>] = []
        var refusedKeyValues: [Callback<limen_kv_callback?>] = []
        var refusedPieces: [Callback<limen_piece_callback?>] = []
        var refusedWrites: [Callback<limen_written_callback?>] = []
        /// Replies of the call in flight that are read piece by piece.
        var streams: [UInt32: Stream] = [:]
        /// Bodies of the call in flight that are written piece by piece.
        var uploads: [UInt32: Upload] = [:]
    }

    /// A reply that is read piece by piece, as this side knows it.
    struct Stream {
        enum Phase {
            /// Next: idle, or gone with a refusal.
            case opening(Callback<limen_fetch_callback?>)
            /// Next: reading, or gone when closed.
            case idle
            /// Next: idle, or gone with the last piece.
            case reading(Callback<limen_piece_callback?>)
        }

        var phase: Phase
        /// The plugin has closed it: what still comes is told as cancelled.
        var isClosed = false
    }

    /// A C function and its context, kept until it is called on the main thread.
    struct Callback<Function>: @unchecked Sendable {
        // SAFETY: the ABI says that the pair may be handed over from any thread and is called on the main thread.
        var function: Function
        var context: UnsafeMutableRawPointer?
    }

    init(frames: FrameSocket) {
        self.frames = frames
        wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        received = .allocate(byteCount: 64 << 10, alignment: 16)
    }

    /// Loads the library and serves until the host is gone or says to drain. Never returns.
    func serve(_ path: String, tighten: () -> Void) -> Never {
        waitForHello()
        do {
            let plugin = try PluginLibrary.load(path)
            self.plugin = plugin
            tighten()
            let description = wantsDescription ? Array(plugin.pointee.description) : []
            try frames.send(
                Frame(type: .ready, callID: 0, payload: ReadyPayload(abi: plugin.pointee.abi, description: description).encoded()).encoded())
        } catch {
            refuse(error)
        }
        while true { step(isServing: shared.withLock { $0.callID != 0 }) }
    }

    private func refuse(_ error: any Error) -> Never {
        let failure = FailurePayload(code: "load_failed", message: "\(error)")
        do { try frames.send(Frame(type: .failure, callID: 0, payload: failure.encoded()).encoded()) } catch { _exit(3) }
        _exit(3)
    }

    private func waitForHello() {
        while true {
            guard let frame = nextFrame(wait: true) else { continue }
            if frame.type == .conditions {
                impose(decoded { () throws(MalformedPayload) in try Conditions(decoding: frame.payload) })
                continue
            }
            guard frame.type == .hello else { _exit(4) }
            let hello = decoded { () throws(MalformedPayload) in try HelloPayload(decoding: frame.payload) }
            if !hello.config.isEmpty { configuration = hello.config }
            wantsDescription = hello.wantsDescription
            return
        }
    }

    private func impose(_ conditions: Conditions) {
        cconditions_set(conditions.seed, conditions.realtimeNanoseconds, conditions.monotonicNanoseconds, conditions.tickNanoseconds)
        // Swift's sets and dictionaries are else ordered by where they lie in memory. This process's own runtime has read its environment long ago.
        setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
        recordedDeadline = conditions.monotonicNanoseconds &+ conditions.timeoutNanoseconds
    }

    /// Waits for one thing to happen and handles it. Between calls only the socket matters, which saves a poll a call.
    private func step(isServing: Bool) {
        runScheduled()
        if !isServing {
            if let frame = nextFrame(wait: true) { handle(frame) }
            return
        }
        let ready = frames.isReadable(timeoutMilliseconds: -1, also: wake)
        if ready.also { clearWake() }
        runScheduled()
        if ready.socket { drainSocket() }
    }

    /// Handles every frame that has arrived, without waiting.
    private func drainSocket() {
        var isFirst = true
        while let frame = nextFrame(wait: isFirst) {
            isFirst = false
            handle(frame)
        }
    }

    private func nextFrame(wait: Bool) -> Frame? {
        do {
            while true {
                if let frame = try decoder.next() { return frame }
                switch frames.receive(into: received, wait: wait || decoder.isInsideFrame) {
                case .bytes(let count): decoder.append(UnsafeRawBufferPointer(rebasing: received[..<count]))
                case .nothing: return nil
                case .closed: _exit(0)
                }
            }
        } catch {
            // The host is trusted; bytes that make no sense mean that the plugin has read from the socket.
            _exit(5)
        }
    }

    private func handle(_ frame: Frame) {
        switch frame.type {
        case .call: begin(frame)
        case .cancel: cancel(frame.callID)
        case .fetchReply: finishFetch(frame.payload)
        case .keyValueReply: finishKeyValue(frame.payload)
        case .fetchPiece: finishPiece(frame.payload)
        case .fetchWritten: finishWrite(frame.payload)
        case .drain: stop()
        default: _exit(4)
        }
    }

    private func begin(_ frame: Frame) {
        guard let plugin else { _exit(4) }
        let payload = decoded { () throws(MalformedPayload) in try CallPayload(decoding: frame.payload) }
        deadline.store(payload.deadlineNanoseconds, ordering: .relaxed)
        isCancelled.store(false, ordering: .relaxed)
        shared.withLock { state in
            state.callID = frame.callID
            (state.streams, state.uploads) = ([:], [:])
        }
        payload.withRequest { request in plugin.pointee.call(plugin.pointee.state, Self.handle(frame.callID), request) }
        runScheduled()
    }

    /// The host is trusted: a payload that makes no sense means that the plugin has read from the socket, and this process is of no more use.
    private func decoded<Payload>(_ body: () throws(MalformedPayload) -> Payload) -> Payload {
        do { return try body() } catch { _exit(5) }
    }

    private func cancel(_ callID: UInt64) {
        guard shared.withLock({ $0.callID == callID }), let plugin else { return }
        isCancelled.store(true, ordering: .relaxed)
        if let cancel = plugin.pointee.cancel { cancel(plugin.pointee.state, Self.handle(callID)) }
    }

    private func stop() -> Never {
        if let plugin, let stop = plugin.pointee.stop { stop(plugin.pointee.state) }
        _exit(0)
    }

    /// Call handles are ids, never addresses: a plugin that keeps one too long reaches nothing.
    static func handle(_ callID: UInt64) -> OpaquePointer? { OpaquePointer(bitPattern: UInt(callID)) }

    func runScheduled() {
        while true {
            let (work, fetches, keyValues, pieces, writes) = shared.withLock { state in
                defer {
                    state.scheduled.removeAll(keepingCapacity: true)
                    (state.refusedFetches, state.refusedKeyValues, state.refusedPieces, state.refusedWrites) = ([], [], [], [])
                }
                return (state.scheduled, state.refusedFetches, state.refusedKeyValues, state.refusedPieces, state.refusedWrites)
            }
            if work.isEmpty, fetches.isEmpty, keyValues.isEmpty, pieces.isEmpty, writes.isEmpty { return }
            refuse(fetches, keyValues)
            for item in pieces {
                FetchPiecePayload(errorCode: "invalid", errorMessage: "the reply is not open, or its next piece is awaited already").withPiece {
                    item.function?(item.context, $0)
                }
            }
            for item in writes {
                FetchWrittenPayload.outOfTurn.withWritten { item.function?(item.context, $0) }
            }
            for item in work { item.function?(item.context) }
        }
    }

    private func refuse(_ fetches: [Callback<limen_fetch_callback?>], _ keyValues: [Callback<limen_kv_callback?>]) {
        let message = "the request is malformed or its call is over"
        for item in fetches {
            FetchReplyPayload(id: 0, status: 0, errorCode: "invalid", errorMessage: message).withResponse { item.function?(item.context, $0) }
        }
        for item in keyValues {
            KeyValueReplyPayload(id: 0, found: false, errorCode: "invalid", errorMessage: message).withResult { item.function?(item.context, $0) }
        }
    }

    private func clearWake() {
        var count: UInt64 = 0
        _ = read(wake, &count, 8)
    }

    /// On the main thread, looks for a cancel at most once a millisecond, so that code that only asks still learns of it.
    func pollForCancel() {
        guard pthread_equal(pthread_self(), mainThread) != 0 else { return }
        let now = monotonicNanoseconds()
        guard now &- lastPoll > 1_000_000 else { return }
        lastPoll = now
        while let frame = nextFrame(wait: false) { handle(frame) }
    }

    /// `pump` of the ABI: handles what comes until `done` is set or the call is over.
    func pump(_ callID: UInt64, until done: UnsafePointer<Int32>) -> Int32 {
        while true {
            if UnsafePointer<Int32>(done).pointee != 0 { return 0 }
            runScheduled()
            if UnsafePointer<Int32>(done).pointee != 0 { return 0 }
            let now = monotonicNanoseconds()
            let end = deadline.load(ordering: .relaxed)
            if isCancelled.load(ordering: .relaxed) || now >= end { return -1 }
            let milliseconds = Int32(min((end - now) / 1_000_000 + 1, 1000))
            let ready = frames.isReadable(timeoutMilliseconds: milliseconds, also: wake)
            if ready.also { clearWake() }
            if ready.socket { drainSocket() }
        }
    }

    private func finishFetch(_ payload: [UInt8]) {
        var reply = decoded { () throws(MalformedPayload) in try FetchReplyPayload(decoding: payload) }
        let (id, isRefused) = (reply.id, reply.status == 0)
        let (found, isClosed) = shared.withLock { state -> (Callback<limen_fetch_callback?>?, Bool) in
            if let fetch = state.fetches.removeValue(forKey: id) { return (fetch, false) }
            return state.opened(id, isRefused: isRefused)
        }
        guard let pending = found, let callback = pending.function else { return }
        if isClosed { reply = FetchReplyPayload(id: reply.id, status: 0, errorCode: "cancelled", errorMessage: "the reply was closed") }
        reply.withResponse { callback(pending.context, $0) }
        runScheduled()
    }

    private func finishPiece(_ payload: [UInt8]) {
        let piece = decoded { () throws(MalformedPayload) in try FetchPiecePayload(decoding: payload) }
        let (id, isEnd) = (piece.id, piece.isEnd)
        // A reply of a call that is over is unknown here, and its piece nobody's.
        guard let answered = shared.withLock({ state in state.answered(id, isEnd: isEnd) }) else { return }
        guard let pending = answered.0 else { _exit(5) }
        let told = answered.1 ? FetchPiecePayload.cancelled(id: id) : piece
        told.withPiece { lent in pending.function?(pending.context, lent) }
        runScheduled()
    }

    private func finishWrite(_ payload: [UInt8]) {
        let written = decoded { () throws(MalformedPayload) in try FetchWrittenPayload(decoding: payload) }
        let (id, isEnd) = (written.id, written.isEnd)
        // A body of a call that is over is unknown here.
        guard let pending = shared.withLock({ state in state.written(id, isEnd: isEnd) }) else { return }
        written.withWritten { lent in pending.function?(pending.context, lent) }
        runScheduled()
    }

    private func finishKeyValue(_ payload: [UInt8]) {
        let reply = decoded { () throws(MalformedPayload) in try KeyValueReplyPayload(decoding: payload) }
        guard let pending = shared.withLock({ $0.keyValues.removeValue(forKey: reply.id) }), let callback = pending.function else { return }
        reply.withResult { callback(pending.context, $0) }
        runScheduled()
    }
}

/// Nanoseconds on the true CLOCK_MONOTONIC, which a recorded plugin does not see.
func monotonicNanoseconds() -> UInt64 { cconditions_true_monotonic() }
