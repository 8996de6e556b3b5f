import JSON

/// A machine and what is already known of its run: tells it what was kept before anything is called, and decides what may be called again.
struct WorkflowWalk: Sendable {
    /// What is to be kept and done next.
    struct Step {
        /// Ends that are not kept yet.
        var ended: [WorkflowMachine.Report]
        var calls: [WorkflowMachine.Call]
        /// Places of calls that were begun before, by a host that died.
        var again: Set<Int>
    }

    private(set) var machine: WorkflowMachine
    /// Ends that were heard since the last step.
    private var heard: [WorkflowMachine.Report] = []
    private var known: ArraySlice<WorkflowMachine.Report>
    private var open: [Int: WorkflowBeginning]
    private var held: [WorkflowMachine.Call] = []
    private var clock: Int64

    init(_ machine: WorkflowMachine, _ past: WorkflowPast, now: Int64) {
        (self.machine, known, clock) = (machine, past.ended[...], past.startedAt ?? now)
        open = Dictionary(past.open.map { ($0.place, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Goes on until something is to be called, or the run is over. `isRepeatable` says whether a tool may be called twice as it is now.
    mutating func step(at now: Int64, isRepeatable: (String) -> Bool) -> Step {
        replay()
        var calls = held + machine.advance(at: now)
        held = []
        // Who was under way when a host died: again where that does no harm, else nobody knows.
        while let lost = calls.firstIndex(where: { isLost($0, isRepeatable) }) {
            let call = calls.remove(at: lost)
            let began = open.removeValue(forKey: call.place)
            let report = WorkflowMachine.Report(
                call.place, .failure(.outcomeUnknown), startedAt: began?.at ?? now, endedAt: now, version: began?.version)
            hear(report)
            calls += machine.advance(at: now)
        }
        if machine.end != nil { calls = [] }
        let stopped = Set(machine.stopped)
        calls.removeAll { stopped.contains($0.place) }
        defer { heard = [] }
        return Step(ended: heard, calls: calls, again: Set(open.keys))
    }

    private func isLost(_ call: WorkflowMachine.Call, _ isRepeatable: (String) -> Bool) -> Bool {
        guard let began = open[call.place] else { return false }
        return !(began.isRepeatable && isRepeatable(call.tool))
    }

    /// Tells the machine what was kept, with the times of then.
    private mutating func replay() {
        while let report = known.popFirst() {
            held += machine.advance(at: clock)
            clock = report.endedAt
            held.removeAll { $0.place == report.place }
            machine.finish(report)
        }
    }

    /// Hears how a call ended.
    mutating func hear(_ report: WorkflowMachine.Report) {
        if report.endsRun { return machine.cancel(at: report.endedAt) }
        guard machine.finish(report) else { return }
        heard.append(report)
    }

    mutating func takeStopped() -> [Int] { machine.takeStopped() }
    mutating func cancel(at now: Int64) { machine.cancel(at: now) }
    mutating func timeOut(at now: Int64) { machine.timeOut(at: now) }
}
