/// Work that a warm task does: a piece of an object's life that needs a task, until it can wait without one.
package protocol WarmWork: AnyObject, Sendable {
    /// Does the piece; called on the loop, and never twice at once.
    func work(in task: WarmTask) async
}

/// A task that does one piece of work after another.
package final class WarmTask: TimerEntry, @unchecked Sendable {
    // SAFETY: every member that changes is touched only on the loop's thread.
    private let tasks: WarmTasks
    private var task: OwnedTask<Void>?
    private var work: (any WarmWork)?
    private var waiter: UnsafeContinuation<Void, Never>?
    /// Whether it has worked since it was last looked at.
    private var wasUsed = true

    fileprivate init(_ tasks: WarmTasks) { self.tasks = tasks }

    /// Cancels what it does; it does nothing afterwards.
    package func cancel() { task?.cancel() }

    fileprivate func begin(_ first: any WarmWork) {
        work = first
        task = OwnedTask(on: tasks.loop) { [self] in
            while let work = take() {
                await work.work(in: self)
                if Task.isCancelled { break }
                await withUnsafeContinuation { wait($0) }
            }
            end()
        }
    }

    fileprivate func resume(with next: (any WarmWork)?) {
        work = next
        wasUsed = true
        let waiter = waiter
        self.waiter = nil
        waiter?.resume()
    }

    private func take() -> (any WarmWork)? {
        defer { work = nil }
        return work
    }

    private func wait(_ continuation: UnsafeContinuation<Void, Never>) {
        if tasks.isDismissed || tasks.isFull || tasks.loop.local.isStopping { return continuation.resume() }
        waiter = continuation
        if !isArmed { tasks.loop.local.timers.insert(self, due: tasks.loop.turnDeadline.adding(milliseconds: IOLimits.warmMilliseconds).nanoseconds) }
        tasks.put(self)
    }

    private func end() {
        tasks.loop.local.timers.remove(self)
        task = nil
        tasks.ended()
    }

    /// One that nobody needed for a while ends, and its memory with it.
    override func fire(now: UInt64) {
        guard waiter != nil else {
            // Busy: it is looked at again when it waits.
            return
        }
        if now == .max || !wasUsed {
            tasks.forget(self)
            return resume(with: nil)
        }
        wasUsed = false
        tasks.loop.local.timers.insert(self, due: now + UInt64(IOLimits.warmMilliseconds) * 1_000_000)
    }
}

/// Tasks of one loop for work that comes in short pieces to many objects: the task that was used last is used first.
///
/// A connection that waits thus holds no task, and ten thousand that ask in turn use one task's memory, which stays in the processor's cache. A task
/// each would keep the frames of its last handler, some 8 KiB, and fetch them anew for every request.
package final class WarmTasks: @unchecked Sendable {
    // SAFETY: every member that changes is touched only on the loop's thread.
    let loop: EventLoop
    private var idle: [WarmTask] = []
    private var count = 0
    fileprivate private(set) var isDismissed = false
    private var onEmpty: (() -> Void)?

    /// For work on `loop`.
    package init(loop: EventLoop) { self.loop = loop }

    /// Does a piece of work, at once when the loop is between two tasks; on the loop.
    package func run(_ work: any WarmWork) {
        loop.runNow {
            if let task = idle.popLast() { return task.resume(with: work) }
            count += 1
            WarmTask(self).begin(work)
        }
    }

    /// Ends the tasks that wait, and each other one after its work; then calls `whenEmpty`. On the loop.
    package func dismiss(_ whenEmpty: @escaping () -> Void) {
        loop.assertOnLoop()
        isDismissed = true
        onEmpty = whenEmpty
        let waiting = idle
        idle = []
        for task in waiting { task.resume(with: nil) }
        if count == 0 { ended(0) }
    }

    fileprivate var isFull: Bool { idle.count >= IOLimits.warmTasksMax }
    /// How many tasks there are, those at work included.
    var taskCount: Int { count }

    fileprivate func put(_ task: WarmTask) { idle.append(task) }

    fileprivate func forget(_ task: WarmTask) { idle.removeAll { $0 === task } }

    fileprivate func ended(_ ended: Int = 1) {
        count -= ended
        guard count == 0, isDismissed else { return }
        onEmpty?()
        onEmpty = nil
    }
}
