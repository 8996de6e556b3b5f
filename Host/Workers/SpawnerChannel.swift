import CLinux
import Glibc
package import IO
package import WorkerProtocol

/// The host's end of the `SOCK_SEQPACKET` channel to the spawner, read on one loop, written from any.
package final class SpawnerChannel: WorkerSpawner {
    /// A request that found the socket full; its descriptors are duplicates.
    private struct Outgoing: Sendable {
        let bytes: [UInt8]
        let descriptors: [Int32]
    }

    private struct State {
        var waiting: [Outgoing] = []
        var isClosed = false
    }

    private static let dontWait = Int32(MSG_DONTWAIT)
    private let descriptor: Int32
    private let loop: EventLoop
    private let scope = TaskScope()
    private let state = Lock(State())

    /// Takes ownership of the connected socket, for production `LIMEN_SPAWNER_FD`.
    package init(_ descriptor: consuming FileDescriptor, on loop: EventLoop) throws(Errno) {
        try Syscall.setNonblocking(descriptor.raw)
        self.descriptor = descriptor.release()
        self.loop = loop
    }

    package func spawn(_ request: SpawnRequest, bundle: Int32, socket: Int32) -> Bool {
        send(SpawnerRequest.spawn(request).encoded(), [bundle, socket])
    }

    package func kill(_ workerID: UInt64) { _ = send(SpawnerRequest.kill(workerID: workerID).encoded(), []) }

    package func stop() { _ = send(SpawnerRequest.stop.encoded(), []) }

    package func start(
        _ handler: @escaping @Sendable (SpawnerEvent, Int32) -> Void, lost: @escaping @Sendable () -> Void
    ) {
        scope.start(on: loop) {
            await self.read(handler)
            lost()
        }
    }

    package func finish() async {
        scope.cancel()
        await scope.finish()
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for request in waiting { for fd in request.descriptors { close(fd) } }
        close(descriptor)
    }

    // MARK: Sending

    private func send(_ bytes: [UInt8], _ descriptors: [Int32]) -> Bool {
        state.withLock { state in
            if state.isClosed { return false }
            if state.waiting.isEmpty {
                let sent = transmit(bytes, descriptors)
                if sent != -Int(EAGAIN) { return sent >= 0 }
            }
            guard state.waiting.count < WorkersLimits.spawnerQueueMax else { return false }
            let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 0) }
            if state.waiting.isEmpty { retryLater() }
            state.waiting.append(Outgoing(bytes: bytes, descriptors: copies))
            return true
        }
    }

    private func transmit(_ bytes: [UInt8], _ descriptors: [Int32]) -> Int {
        bytes.withUnsafeBytes { clinux_send_fds(descriptor, $0.baseAddress, $0.count, descriptors, Int32(descriptors.count)) }
    }

    private func retryLater() {
        loop.schedule(at: .after(milliseconds: WorkersLimits.spawnerRetryMilliseconds)) { self.flush() }
    }

    private func flush() {
        state.withLock { state in
            while let request = state.waiting.first {
                if transmit(request.bytes, request.descriptors) == -Int(EAGAIN) { return retryLater() }
                for fd in request.descriptors { close(fd) }
                state.waiting.removeFirst()
            }
        }
    }

    // MARK: Receiving

    /// Reads events until the spawner is gone or the scope is cancelled.
    private func read(_ handler: @escaping @Sendable (SpawnerEvent, Int32) -> Void) async {
        do {
            let registration = try loop.register(descriptor)
            defer { registration.deregister() }
            while true {
                while try receive(handler) {}
                try await registration.readEdge(until: .distantFuture)
            }
        } catch {
            // Whoever started the channel learns that it ended; there is nothing to tell apart here.
            return
        }
    }

    /// Takes one message; false when there is none now. Throws when the spawner is gone or talks nonsense.
    private func receive(_ handler: (SpawnerEvent, Int32) -> Void) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: SpawnerRequest.bytesMax)
        var fd: Int32 = -1
        var count: Int32 = 1
        let length = bytes.withUnsafeMutableBytes {
            clinux_receive_fds(descriptor, $0.baseAddress, $0.count, &fd, &count, Self.dontWait)
        }
        if length == -Int(EAGAIN) { return false }
        guard length > 0 else { throw IOError(.closed, "spawner") }
        bytes.removeSubrange(Int(length)...)
        do {
            handler(try SpawnerEvent(decoding: bytes), count == 1 ? fd : -1)
        } catch {
            if count == 1 { close(fd) }
            throw error
        }
        return true
    }
}
