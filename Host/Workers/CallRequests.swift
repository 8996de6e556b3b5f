import IO
import Supervisor
import WorkerProtocol

/// The fetches and key-value requests of one call: served side by side, answered in whatever order they finish, all ended with the call.
///
/// The call's own task goes on reading meanwhile, so that a worker which is blocked on sending never waits for a host that is blocked on answering.
final class CallRequests: @unchecked Sendable {
    // SAFETY: every member is touched only on the loop of `registration`, by the call's task and by the tasks of `tasks`, which run on that loop.

    /// Serves a request; the answer is a whole frame.
    typealias Answer = @Sendable () async -> [UInt8]

    private let registration: FDRegistration
    private let deadline: Deadline
    private let tasks = TaskScope()
    private var order = RequestOrder()
    /// The replies that the worker reads piece by piece.
    var streams = StreamOrder()
    /// The bodies that the worker writes piece by piece.
    var uploads = UploadOrder()
    private var waiting: [UInt64: Answer] = [:]
    private var outbox: [(id: UInt64, frame: [UInt8])] = []
    private var isSending = false
    private var isOver = false
    private var room: OneShot?
    /// Part of an answer was sent and the rest was not: nothing else may follow it.
    private(set) var isMidFrame = false

    init(_ registration: FDRegistration, until deadline: Deadline) {
        self.registration = registration
        self.deadline = deadline
    }

    /// Whether the plugin must wait before it may ask for more.
    var isFull: Bool { order.isFull }

    /// Serves a request as soon as its turn comes.
    func add(_ request: RequestOrder.Request, _ answer: @escaping Answer) {
        waiting[order.add(request)] = answer
        startReady()
    }

    /// Serves a request that waits for no other and that none waits for: `StreamOrder` and `UploadOrder` bound how many there are.
    func addBeside(_ answer: @escaping Answer) { tasks.start(on: registration.loop) { await self.send(0, await answer()) } }

    /// Returns when a request has finished, the deadline has passed, or the task is cancelled.
    func waitForRoom() async {
        let loop = registration.loop
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let shot = OneShot(continuation)
                room = shot
                loop.schedule(at: deadline) { shot.resume() }
            }
        } onCancel: {
            loop.execute { self.room?.resume() }
        }
        room = nil
    }

    /// Ends everything; what cannot end at once is handed to `owner`. No byte is sent after this.
    func end(_ owner: TaskScope) {
        isOver = true
        outbox = []
        waiting = [:]
        tasks.cancel()
        guard tasks.count > 0 else { return }
        owner.start(on: registration.loop) { await self.tasks.finish() }
    }

    private func startReady() {
        for id in order.start() {
            guard let answer = waiting.removeValue(forKey: id) else { continue }
            tasks.start(on: registration.loop) { await self.send(id, await answer()) }
        }
    }

    /// Sends an answer, after those that are being sent; a request has finished when its answer is in the kernel's hands, so a worker that does not
    /// read holds up its own requests and no memory of ours.
    private func send(_ id: UInt64, _ frame: [UInt8]) async {
        assert(registration.loop.isCurrent)
        guard !isOver else { return }
        outbox.append((id, frame))
        guard !isSending else { return }
        isSending = true
        defer { isSending = false }
        while !isOver, !outbox.isEmpty {
            let next = outbox.removeFirst()
            guard await write(next.frame) else { return }
            order.finished(next.id)
            room?.resume()
            startReady()
        }
    }

    /// False when the worker is gone, does not read until the deadline, or the call is over.
    private func write(_ frame: [UInt8]) async -> Bool {
        guard let sent = WorkerHandle.sendNow(registration.fd, frame) else { return false }
        if sent == frame.count { return true }
        isMidFrame = true
        do {
            try await registration.write(Array(frame[sent...]), until: deadline)
        } catch {
            // Whoever ends the call sees `isMidFrame` and ends the worker too.
            return false
        }
        isMidFrame = false
        return true
    }
}

extension RequestOrder.Request {
    /// What a key-value request touches.
    init(_ request: KeyValuePayload) {
        switch request.operation {
        case .get: self = .read(key: request.key)
        case .set, .delete: self = .write(key: request.key)
        case .list: self = .list(prefix: request.key)
        }
    }
}
