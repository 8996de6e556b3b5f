import PluginABI
import Synchronization

/// Runs the tasks of a plugin's calls on the worker's main thread.
///
/// A job that is enqueued while the executor drains waits its turn in the same drain, so a tool that never leaves the main
/// thread costs no context switch. A job enqueued from another thread asks the host to schedule a drain.
final class MainExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// Spare storage, swapped with `jobs` so that a drain allocates nothing.
        var spare: [UnownedJob] = []
        /// The main thread is inside `run` or a scheduled drain and will look at `jobs` again.
        var isDraining = false
        /// The host has been asked for a drain and has not begun it.
        var isScheduled = false
    }

    private let host: HostTable
    private let state = Mutex(State())

    init(host: HostTable) {
        self.host = host
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustSchedule = state.withLock { state in
            state.jobs.append(job)
            defer { if !state.isDraining { state.isScheduled = true } }
            return !state.isDraining && !state.isScheduled
        }
        if mustSchedule { schedule() }
    }

    /// Main thread only: does something that may enqueue jobs, then runs them. Nested calls leave the jobs to the outermost.
    func run(_ body: () -> Void) {
        let isOutermost = state.withLock { state in
            defer { state.isDraining = true }
            return !state.isDraining
        }
        body()
        if isOutermost { drain() }
    }

    private func schedule() {
        // SAFETY: the executor belongs to a runtime that lives as long as the process, so an unretained pointer stays valid.
        host.schedule(
            { Unmanaged<MainExecutor>.fromOpaque($0!).takeUnretainedValue().scheduled() }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func scheduled() {
        state.withLock { $0.isScheduled = false }
        run {}
    }

    private func drain() {
        var jobsLeft = Limits.jobsPerTurnMax
        while var batch = nextBatch(mayContinue: jobsLeft > 0) {
            jobsLeft -= batch.count
            for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
            batch.removeAll(keepingCapacity: true)
            state.withLock { $0.spare = batch }
        }
    }

    /// Takes what is waiting; nil ends the drain, after asking for another one if the turn is over and jobs are left.
    private func nextBatch(mayContinue: Bool) -> [UnownedJob]? {
        var mustSchedule = false
        let batch: [UnownedJob]? = state.withLock { state in
            if mayContinue, !state.jobs.isEmpty {
                let batch = state.jobs
                state.jobs = state.spare
                state.spare = []
                return batch
            }
            state.isDraining = false
            mustSchedule = !state.jobs.isEmpty && !state.isScheduled
            state.isScheduled = state.isScheduled || mustSchedule
            return nil
        }
        if mustSchedule { schedule() }
        return batch
    }
}
