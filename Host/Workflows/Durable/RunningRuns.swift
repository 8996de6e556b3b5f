import IO

/// The runs that this process works on, so that they can be ended.
package final class RunningRuns: Sendable {
    final class Run: Sendable {
        private let state = Lock<(isCancelled: Bool, stop: (@Sendable () -> Void)?)>((false, nil))

        /// Whether somebody asked for its end.
        var isCancelled: Bool { state.withLock { $0.isCancelled } }

        /// Runs `stop` when the run is cancelled, at once if it was.
        func onCancel(_ stop: @escaping @Sendable () -> Void) {
            let isLate = state.withLock { state in
                state.stop = stop
                return state.isCancelled
            }
            if isLate { stop() }
        }

        func cancel() {
            let stop = state.withLock { state in
                state.isCancelled = true
                return state.stop
            }
            stop?()
        }
    }

    private let runs = Lock<[String: Run]>([:])

    package init() {}

    /// Runs under way on this host.
    package var count: Int { runs.withLock { $0.count } }

    func begin(_ id: String) -> Run {
        let run = Run()
        runs.withLock { $0[id] = run }
        return run
    }

    func end(_ id: String, _ run: Run) { runs.withLock { runs in if runs[id] === run { runs[id] = nil } } }

    func cancel(_ id: String) { runs.withLock { $0[id] }?.cancel() }
}

/// Wakes those who wait for a run's end.
final class RunBells: Sendable {
    private let waiting = Lock<[String: [Int: AsyncStream<Void>.Continuation]]>([:])
    private let next = Lock(0)

    /// Beats at which a look is worth it, the first at once; until `forget`.
    func beats(_ id: String) -> (beats: AsyncStream<Void>, beat: AsyncStream<Void>.Continuation, number: Int) {
        let (beats, beat) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = next.withLock { next in
            next += 1
            return next
        }
        waiting.withLock { $0[id, default: [:]][number] = beat }
        beat.yield()
        return (beats, beat, number)
    }

    func ring(_ id: String) { for beat in waiting.withLock({ Array($0[id, default: [:]].values) }) { beat.yield() } }

    func forget(_ id: String, _ number: Int) {
        waiting.withLock { waiting in
            waiting[id]?[number] = nil
            if waiting[id]?.isEmpty == true { waiting[id] = nil }
        }
    }
}
