package import Store
package import Workflows

/// Why a conversation or a turn did not do what was asked; the routes say it in the contract's words.
package enum ChatError: Error, Sendable, Hashable {
    /// There is no such conversation, message, model… of this person's.
    case missing(String)
    /// The agent of the answer that shall be given anew is there no more, or not for this person.
    case agentGone
    /// The conversation is archived: it can be read, not continued.
    case archived
    /// A turn of this conversation is under way.
    case turnRunning
    /// A field has a value that cannot be.
    case invalid(field: String, reason: String)
    /// The message has more bytes than one may have.
    case tooLong(bytes: Int, max: Int)
    /// What is left of the model's window does not hold the message.
    case contextOverflow(tokens: Int, max: Int)
    /// The model called tools in more rounds than a turn has.
    case toolRounds(Int)
    /// The budget of this person or tenant is spent.
    case budget(BudgetSpent)
    /// The model failed; the failure says how.
    case model(ModelFailure)
    /// The turn's time is over.
    case timedOut
    /// Whoever asked gave up, or somebody cancelled the turn.
    case cancelled
    /// There are as many as there may be.
    case full(String, max: Int)
    /// The turn's workflow failed; the failure says where and why.
    case workflow(WorkflowFailure)
    /// The store did not do its part.
    case store(StoreError)
}

/// What a failed turn left behind, for the client: the ids of what is stored.
package struct TurnFailure: Error, Sendable {
    /// Why.
    package let cause: ChatError
    /// Where; nil when nothing was stored.
    package let conversation: String?
    /// The stored beginning of an answer.
    package let message: String?
    /// The text so far.
    package let partial: String

    package init(_ cause: ChatError, conversation: String? = nil, message: String? = nil, partial: String = "") {
        (self.cause, self.conversation, self.message, self.partial) = (cause, conversation, message, partial)
    }
}
