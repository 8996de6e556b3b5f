import Supervisor
import TestKit
import WorkerProtocol

/// Workers that send anything at all, through the codec, to the states and the pool that the host keeps of them. A model of its own, which
/// knows only what was sent and what was promised, says after each frame whether the verdict may be what it was.
struct FrameStorm {
    /// One worker: the host's view of it, and what the model knows.
    struct Worker {
        var state: WorkerState
        var decoder: FrameDecoder
        /// Sent, but not read yet.
        var wire: [UInt8] = []
        var saidJailed = false
        var saidReady = false
        /// The call that it has, as the model counts.
        var call: UInt64?
        var isCancelled = false
        /// It was condemned: nothing of it may be acted on any more.
        var isCondemned = false
    }

    private(set) var problems: [String] = []
    private(set) var frames = 0
    private(set) var verdicts: [String: Int] = [:]
    private var workers: [UInt64: Worker] = [:]
    private var pool = WorkerPool(WorkerPool.Settings(mode: .tenant, workersMax: 8, spares: 2, waitersMax: 32))
    private var random: SeededRandom
    private var now = Moment(nanoseconds: 1_000_000_000)
    private var waiting: [UInt64: IsolationKey] = [:]
    private var keys: [UInt64: IsolationKey] = [:]
    /// Calls begun and not ended.
    private var open: Set<UInt64> = []
    private var nextID: UInt64 = 100
    private let limits: FrameLimits = {
        var limits = FrameLimits(inputBytesMax: 256, outputBytesMax: 256)
        (limits.resultBytesMax, limits.eventBytesMax, limits.logBytesMax, limits.failureBytesMax) = (512, 256, 64, 256)
        return limits
    }()

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// Goes on until that many frames and faults were judged, or something is wrong.
    mutating func run(frames wanted: Int) {
        pool.tick(at: now)
        perform()
        while frames < wanted, problems.isEmpty {
            step()
            perform()
            check()
        }
        finish()
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func step() {
        now = now.adding(milliseconds: chance(30) ? Int.random(in: 0...20, using: &random) : 0)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<70: speak()
        case 70..<84: request()
        case 84..<88: cancel()
        case 88..<96: bury()
        default:
            now = now.adding(milliseconds: Int.random(in: 0...1_500, using: &random))
            tick()
        }
    }

    // MARK: The host's side

    private mutating func request() {
        nextID += 1
        let key = IsolationKey(.tenant, tenant: "t\(Int.random(in: 0..<5, using: &random))", user: "u", call: nextID)
        switch pool.checkOut(nextID, key: key, until: now.adding(milliseconds: 5_000), at: now) {
        case .granted(let worker): begin(nextID, on: worker, key)
        case .queued: waiting[nextID] = key
        case .refused: break
        }
    }

    private mutating func begin(_ call: UInt64, on id: UInt64, _ key: IsolationKey) {
        if let old = keys.updateValue(key, forKey: id), old != key { problems.append("worker \(id) serves two keys") }
        guard var worker = workers[id] else { return problems.append("worker \(id) was given, but is gone") }
        if worker.isCondemned || worker.call != nil || !worker.saidReady { problems.append("worker \(id) was given, but is not free") }
        if !worker.state.begin(call, deadline: now.adding(milliseconds: Int.random(in: 1...3_000, using: &random))) {
            problems.append("a free worker took no call: \(worker.state.name)")
        }
        worker.call = call
        worker.isCancelled = false
        open.insert(call)
        workers[id] = worker
    }

    private mutating func end(_ worker: inout Worker) {
        guard let call = worker.call else { return }
        if open.remove(call) == nil { problems.append("call \(call) ended twice") }
        worker.call = nil
    }

    private mutating func cancel() {
        guard let id = workers.keys.sorted().randomElement(using: &random), var worker = workers[id] else { return }
        let may = worker.call != nil && !worker.isCancelled && !worker.isCondemned
        if worker.state.cancel(.cancelled, at: now) != may { problems.append("a cancellation went wrong") }
        worker.isCancelled = worker.isCancelled || may
        workers[id] = worker
    }

    private mutating func tick() {
        for id in workers.keys.sorted() {
            guard var worker = workers[id] else { continue }
            switch worker.state.tick(at: now) {
            case .none: break
            case .sendCancel:
                if worker.call == nil || worker.isCancelled { problems.append("a cancel for no call") }
                worker.isCancelled = true
            case .kill: condemn(&worker, id)
            }
            workers[id] = worker
        }
        pool.tick(at: now)
    }

    private mutating func condemn(_ worker: inout Worker, _ id: UInt64) {
        worker.isCondemned = true
        end(&worker)
        pool.workerFailing(id)
    }

    /// A process ends: one that must, or any at all.
    private mutating func bury() {
        let doomed = workers.filter { $0.value.isCondemned }.keys.sorted()
        guard let id = chance(80) ? doomed.randomElement(using: &random) : workers.keys.sorted().randomElement(using: &random) else { return }
        bury(id)
    }

    private mutating func bury(_ id: UInt64) {
        guard var worker = workers.removeValue(forKey: id) else { return }
        if !worker.isCondemned { pool.workerFailing(id) }
        let wasLoading = worker.state.isLoadPhase
        let reason = worker.state.exited(.crash(signal: 11))
        if worker.state.name != "dead" || worker.state.nextTick != nil { problems.append("a dead worker waits for something") }
        end(&worker)
        keys[id] = nil
        pool.workerGone(id, loadFailure: wasLoading ? reason.explanation : nil, at: now)
        if pool.broken != nil { pool.mend(at: now) }
    }

    private mutating func perform() {
        while pool.hasActions {
            for action in pool.takeActions() {
                switch action {
                case .spawn(let id):
                    var worker = Worker(state: WorkerState(at: now), decoder: FrameDecoder(from: .worker, limits: limits))
                    worker.state.spawned(at: now)
                    if workers.updateValue(worker, forKey: id) != nil { problems.append("worker \(id) was started twice") }
                case .retire(let id, let reason): retire(id, reason)
                case .grant(let waiter, let id, _):
                    guard let key = waiting.removeValue(forKey: waiter) else { return problems.append("granted \(waiter), who does not wait") }
                    begin(waiter, on: id, key)
                case .refuse(let waiter, _):
                    if waiting.removeValue(forKey: waiter) == nil { problems.append("refused \(waiter), who does not wait") }
                case .broken: break
                }
            }
        }
    }

    private mutating func retire(_ id: UInt64, _ reason: KillReason) {
        guard var worker = workers[id] else { return problems.append("retired \(id), which is gone") }
        if worker.call != nil { problems.append("retired \(id) at work") }
        if !worker.state.drain(reason, at: now) { _ = worker.state.kill(reason, at: now) }
        worker.isCondemned = true
        workers[id] = worker
    }

    private mutating func check() {
        let counts = pool.counts
        if counts.total != workers.count { problems.append("\(workers.count) live, the pool knows \(counts.total)") }
        if counts.waiting != waiting.count { problems.append("\(waiting.count) wait, the pool knows \(counts.waiting)") }
        if open.count != workers.values.count(where: { $0.call != nil }) { problems.append("a call has no worker") }
        for (id, worker) in workers {
            let name = worker.state.name
            if worker.state.nextTick == nil, name != "ready" { problems.append("worker \(id) is \(name) for ever") }
            if worker.state.isIdle, worker.call != nil || worker.isCondemned { problems.append("worker \(id) is idle, but should not be") }
            if worker.wire.count > 1 << 16 { problems.append("the wire is never read") }
        }
    }

    /// The end: silence, so every call ends by its deadline, and everything dies.
    private mutating func finish() {
        for _ in 0..<40 where problems.isEmpty {
            now = now.adding(milliseconds: 1_000)
            tick()
            perform()
            for id in workers.filter({ $0.value.isCondemned }).keys.sorted() { bury(id) }
            perform()
            check()
        }
        if !open.isEmpty || !waiting.isEmpty { problems.append("\(open.count) calls and \(waiting.count) waiters never ended") }
        pool.killAll()
        perform()
        for id in workers.keys.sorted() { bury(id) }
        if !pool.isEmpty || pool.hasActions { problems.append("something is left after the end") }
    }
}

// MARK: The worker's side

extension FrameStorm {
    /// A worker writes a frame or two, and the host reads a piece of what has come.
    private mutating func speak() {
        // The condemned may speak, but others are more interesting.
        let speakers = chance(5) ? workers.keys.sorted() : workers.filter { !$0.value.isCondemned }.keys.sorted()
        guard let id = speakers.randomElement(using: &random), var worker = workers[id] else { return }
        for _ in 0..<(chance(90) ? 1 : 3) { worker.wire += bytes(of: worker) }
        let piece = chance(70) ? worker.wire.count : Int.random(in: 0...worker.wire.count, using: &random)
        worker.decoder.append(Array(worker.wire.prefix(piece)))
        worker.wire.removeFirst(piece)
        workers[id] = worker
        while read(id) { perform() }
    }

    /// Reads a frame; false when there is none.
    private mutating func read(_ id: UInt64) -> Bool {
        guard var worker = workers[id] else { return false }
        defer { workers[id] = worker }
        do throws(FrameFault) {
            guard let frame = try worker.decoder.next() else { return false }
            frames += 1
            if frame.payload.count > limits.payloadBytesMax(frame.type) { problems.append("a frame over its limit") }
            judge(frame, &worker, id)
            return true
        } catch {
            frames += 1
            verdicts["fault", default: 0] += 1
            _ = worker.state.fault(.malformed, at: now)
            if worker.state.name != "killing" { problems.append("a fault did not condemn") }
            condemn(&worker, id)
            // The stream is lost; the process may go on writing, but nobody reads.
            worker.decoder = FrameDecoder(from: .worker, limits: limits)
            worker.wire = []
            return false
        }
    }

    private mutating func judge(_ frame: Frame, _ worker: inout Worker, _ id: UInt64) {
        let before = worker
        let verdict = worker.state.received(frame.type, call: frame.callID, at: now)
        verdicts["\(verdict)".prefix { $0 != "(" }.description, default: 0] += 1
        let mine = before.call != nil && frame.callID == before.call && !before.isCondemned
        func must(_ holds: Bool) {
            if !holds { problems.append("\(frame.type) \(frame.callID) in \(before.state.name), call \(before.call ?? 0): \(verdict)") }
        }
        switch verdict {
        case .jailed:
            must(frame.type == .jailed && !before.saidJailed && !before.isCondemned)
            worker.saidJailed = true
        case .ready:
            must(frame.type == .ready && before.saidJailed && !before.saidReady && !before.isCondemned)
            worker.saidReady = true
            pool.workerReady(id, at: now)
        case .loadRefused:
            must(frame.type == .failure && before.saidJailed && !before.saidReady)
            _ = worker.state.kill(.load("refused"), at: now)
            condemn(&worker, id)
        case .event: must(frame.type == .event && mine && !before.isCancelled)
        case .fetch: must(frame.type == .fetch && mine && !before.isCancelled)
        case .fetchOpen: must(frame.type == .fetchOpen && mine && !before.isCancelled)
        case .fetchRead: must(frame.type == .fetchRead && mine && !before.isCancelled)
        case .fetchClose: must(frame.type == .fetchClose && mine && !before.isCancelled)
        case .fetchBegin: must(frame.type == .fetchBegin && mine && !before.isCancelled)
        case .fetchWrite: must(frame.type == .fetchWrite && mine && !before.isCancelled)
        case .fetchFinish: must(frame.type == .fetchFinish && mine && !before.isCancelled)
        case .keyValue: must(frame.type == .keyValue && mine && !before.isCancelled)
        case .log: must(frame.type == .log && before.saidJailed && !before.isCondemned)
        case .result, .failure:
            must(mine && !before.isCancelled && frame.type == (verdict == .result ? .result : .failure))
            end(&worker)
            pool.checkIn(id, at: now)
        case .endOfCancelled:
            must(mine && before.isCancelled && frame.type == .failure)
            end(&worker)
            pool.checkIn(id, at: now)
        case .ignore: must(frame.type == .log || before.isCondemned || (mine && before.isCancelled))
        case .kill:
            must(worker.state.name == "killing")
            condemn(&worker, id)
        }
        if before.isCondemned { must(verdict == .ignore || before.state.name == "draining") }
    }

    /// What a worker might say now, or what no worker would.
    private mutating func bytes(of worker: Worker) -> [UInt8] {
        if Int.random(in: 0..<500, using: &random) == 0 {
            return (0..<Int.random(in: 1...40, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }
        let honest = worker.wire.isEmpty && !worker.decoder.isInsideFrame && chance(98)
        let call = worker.call ?? 0
        let type: FrameType
        if honest {
            let inCall: [FrameType] = [
                .event, .event, .log, .fetch, .keyValue, .fetchOpen, .fetchRead, .fetchClose, .fetchBegin, .fetchWrite, .fetchFinish, .result,
                .failure,
            ]
            type =
                !worker.saidJailed
                ? .jailed : !worker.saidReady ? .ready : (worker.call == nil ? [.log] : inCall).randomElement(using: &random) ?? .log
        } else {
            type = FrameType.allCases.filter(\.isFromWorker).randomElement(using: &random) ?? .log
        }
        let callID = honest ? call : [0, call, call &+ 1, call &- 1, 7, .max].randomElement(using: &random) ?? 0
        let length = Int.random(in: 0...60, using: &random)
        var bytes = Frame(type: type, callID: callID, payload: (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }).encoded()
        // A header that lies: length, type, flags.
        if chance(1) { bytes[Int.random(in: 0..<8, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        return bytes
    }
}
