import Glibc
import IO
import Workers
package import WorkerProtocol

/// A spawner whose workers are threads of the test that speak frames: for faults that no real worker would make on demand.
package final class FakeSpawner: WorkerSpawner {
    package typealias Script = @Sendable (FakeWorker) -> Void

    private struct State {
        var handler: (@Sendable (SpawnerEvent, Int32) -> Void)?
        var lost: (@Sendable () -> Void)?
        var workers: [UInt64: FakeWorker] = [:]
        var threads: [ThreadBox] = []
        var spawned = 0
        var killed: [UInt64] = []
        var refuses = false
    }

    private final class ThreadBox: Sendable {
        private let thread: Lock<Thread?>
        init(_ thread: consuming Thread) { self.thread = Lock(thread) }
        func join() {
            let thread = self.thread.withLock { thread -> Thread? in
                var out: Thread? = nil
                swap(&out, &thread)
                return out
            }
            thread?.join()
        }
    }

    private let state = Lock(State())
    private let script: Script

    /// - Parameter script: what each worker does, on a thread of its own; when it returns the worker has exited with status 0.
    package init(_ script: @escaping Script) { self.script = script }

    /// Workers asked for so far.
    package var spawnedCount: Int { state.withLock { $0.spawned } }
    /// Workers that have not exited.
    package var aliveCount: Int { state.withLock { $0.workers.count } }
    /// Workers that were killed.
    package var killed: [UInt64] { state.withLock { $0.killed } }
    /// Whether requests are refused from now on.
    package func refuse(_ on: Bool) { state.withLock { $0.refuses = on } }

    package func spawn(_ request: SpawnRequest, bundle: Int32, socket: Int32) -> Bool {
        let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        let worker = FakeWorker(id: request.workerID, socket: copy, index: spawnedCount)
        let refused = state.withLock { state in
            if state.refuses { return true }
            state.spawned += 1
            state.workers[request.workerID] = worker
            return false
        }
        if refused {
            close(copy)
            return false
        }
        do {
            let thread = ThreadBox(
                try Thread(name: "fake-worker") {
                    self.emit(.spawned(workerID: request.workerID, pid: getpid(), hasMemoryPeak: false))
                    self.script(worker)
                    self.ended(worker)
                })
            state.withLock { $0.threads.append(thread) }
            return true
        } catch {
            return false
        }
    }

    package func kill(_ workerID: UInt64) {
        let worker = state.withLock { state in
            state.killed.append(workerID)
            return state.workers[workerID]
        }
        worker?.die(WorkerExit(status: nil, signal: 9))
    }

    package func stop() {}

    package func start(_ handler: @escaping @Sendable (SpawnerEvent, Int32) -> Void, lost: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.handler = handler
            state.lost = lost
        }
    }

    /// As if the spawner had died.
    package func lose() { state.withLock { $0.lost }?() }

    package func finish() async {
        let threads = state.withLock { state in
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
    }

    private func ended(_ worker: FakeWorker) {
        worker.close()
        state.withLock { $0.workers[worker.id] = nil }
        emit(.exited(workerID: worker.id, worker.exit ?? WorkerExit(status: 0, signal: nil)))
    }

    private func emit(_ event: SpawnerEvent) {
        let handler = state.withLock { $0.handler }
        handler?(event, -1)
    }
}

/// The worker's end of the frame socket, in the hands of a test.
package final class FakeWorker: @unchecked Sendable {
    // SAFETY: `decoder`, `buffer` and `hello` are touched only by the worker's own thread; the rest is constant or locked.
    package let id: UInt64
    /// 0 for the first worker of its spawner.
    package let index: Int
    package let socket: Int32
    /// What the host said before the plugin was loaded.
    package private(set) var hello: HelloPayload?
    private var decoder = FrameDecoder(from: .host, limits: FrameLimits(inputBytesMax: 16 << 20))
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private let end = Lock<(exit: WorkerExit?, isClosed: Bool)>((nil, false))

    init(id: UInt64, socket: Int32, index: Int) {
        self.id = id
        self.socket = socket
        self.index = index
    }

    var exit: WorkerExit? { end.withLock { $0.exit } }

    /// Ends the worker as the spawner would report it: its reads end and its writes fail.
    package func die(_ exit: WorkerExit) {
        end.withLock { end in
            if end.exit == nil { end.exit = exit }
            if !end.isClosed { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    /// What the spawner will report when the script has returned; the socket stays as it is until then.
    package func exits(_ exit: WorkerExit) { end.withLock { end in if end.exit == nil { end.exit = exit } } }

    func close() {
        end.withLock { end in
            end.isClosed = true
            Glibc.close(socket)
        }
    }

    /// Sends bytes as they are; false when the host has gone.
    @discardableResult
    package func send(raw bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    package func send(_ type: FrameType, _ call: UInt64 = 0, _ payload: [UInt8] = []) -> Bool {
        send(raw: Frame(type: type, callID: call, payload: payload).encoded())
    }

    /// The next frame of the host; nil when the conversation is over.
    package func next() -> Frame? {
        while true {
            do {
                if let frame = try decoder.next() { return frame }
            } catch { return nil }
            let count = read(socket, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return nil }
            buffer.withUnsafeBytes { decoder.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// The next call, skipping what else the host says; nil when the conversation is over.
    package func nextCall() -> (id: UInt64, call: CallPayload)? {
        while let frame = next() {
            guard frame.type == .call else { continue }
            do { return (frame.callID, try CallPayload(decoding: frame.payload)) } catch { return nil }
        }
        return nil
    }

    /// Posture, hello, description.
    package func load(description: String = "{}") {
        send(.jailed, 0, JailedPayload(rung: "test", landlockABI: 0, memoryDenyWriteExecute: false).encoded())
        guard let frame = next(), frame.type == .hello else { return }
        do { hello = try HelloPayload(decoding: frame.payload) } catch { return }
        send(.ready, 0, ReadyPayload(abi: 1, description: Array(description.utf8)).encoded())
    }

    /// Answers a call.
    @discardableResult
    package func answer(_ call: UInt64, _ json: String) -> Bool { answer(call, Array(json.utf8)) }
    @discardableResult
    package func answer(_ call: UInt64, _ json: [UInt8]) -> Bool { send(.result, call, ResultPayload(output: json).encoded()) }

    /// Fails a call.
    @discardableResult
    package func fail(_ call: UInt64, _ code: String, _ message: String = "no") -> Bool {
        send(.failure, call, FailurePayload(code: code, message: message).encoded())
    }

    /// Loads and answers every call with its own input until the host is done.
    package func echo() {
        load()
        while let frame = next() {
            switch frame.type {
            case .call:
                guard let call = try? CallPayload(decoding: frame.payload) else { return }
                answer(frame.callID, call.input)
            case .drain: return
            default: continue
            }
        }
    }
}
