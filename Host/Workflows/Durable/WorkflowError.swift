package import Store

/// Why something could not be done with workflows and their runs.
package enum WorkflowError: Error, Sendable {
    /// There is none, or none that is the caller's: `workflow`, `run`, `conversation`.
    case missing(String)
    /// As many runs of the user's are under way as may be (LIM-2).
    case busy(max: Int)
    /// The request's id stands for another run.
    case reused
    /// The run is over.
    case ended
    /// What was given does not fit.
    case invalid(field: String, reason: String)
    /// The input is none for this workflow.
    case refused(WorkflowFailure)
    case store(StoreError)
}
