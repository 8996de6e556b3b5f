import Glibc

/// Stands in for a worker's main thread: one thread that runs what is posted to it, in order, some of it later.
///
/// SAFETY: `@unchecked Sendable` because `ready` and `later` are touched only while `mutex` is held, and the rest never changes.
final class HarnessLoop: @unchecked Sendable {
    static let shared = HarnessLoop()

    private struct Item {
        let due: UInt64
        let body: @Sendable () -> Void
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var ready: [@Sendable () -> Void] = []
    private var readyNext = 0
    private var later: [Item] = []

    private init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        var thread = pthread_t()
        let context = Unmanaged.passUnretained(self).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<HarnessLoop>.fromOpaque(context).takeUnretainedValue().runForever()
            }, context)
        precondition(result == 0, "no thread for the harness")
    }

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    func post(afterNanoseconds delay: UInt64 = 0, _ body: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        let due = delay == 0 ? 0 : HarnessLoop.now &+ delay
        // Latest first, so that the next item is the last; what is due now goes to a queue of its own.
        if due == 0 { ready.append(body) } else { later.insert(Item(due: due, body: body), at: place(of: due)) }
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Runs posted items until `isDone`; only on the loop's own thread.
    func run(until isDone: () -> Bool) {
        while !isDone() {
            if let body = next(waitingAtMostNanoseconds: 1_000_000) { body() }
        }
    }

    private func runForever() -> Never {
        while true {
            if let body = next(waitingAtMostNanoseconds: 1_000_000_000) { body() }
        }
    }

    private func next(waitingAtMostNanoseconds wait: UInt64) -> (@Sendable () -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let giveUp = HarnessLoop.now + wait
        while true {
            let now = HarnessLoop.now
            if let item = later.last, item.due <= now { return later.removeLast().body }
            if readyNext < ready.count { return takeReady() }
            if now >= giveUp { return nil }
            let wake = min(giveUp, later.last?.due ?? giveUp)
            var until = timespec(tv_sec: Int(wake / 1_000_000_000), tv_nsec: Int(wake % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &until)
        }
    }

    private func takeReady() -> @Sendable () -> Void {
        defer {
            readyNext += 1
            if readyNext == ready.count {
                ready.removeAll(keepingCapacity: true)
                readyNext = 0
            }
        }
        return ready[readyNext]
    }

    /// Where an item belongs among those that wait, latest first.
    private func place(of due: UInt64) -> Int {
        var (low, high) = (0, later.count)
        while low < high {
            let middle = (low + high) / 2
            if later[middle].due > due { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
