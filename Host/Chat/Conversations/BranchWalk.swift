/// Follows a branch from a message back to its beginning through rows that are read in steps; no I/O.
///
/// The messages of a conversation in their order are its branch, but for what was edited or answered again, and lie together: so a step reads the messages before
/// one by their numbers and keeps those on the branch. Where most are not, the next steps follow the parents instead, message by message.
struct BranchWalk {
    /// How the next step is read.
    enum Step: Equatable {
        /// By number, from this message downwards.
        case inOrder(from: String, count: Int)
        /// From this message along the parents.
        case byParents(from: String, count: Int)
    }

    /// Newest first.
    private(set) var found: [PastMessage] = []
    /// The message that is wanted next; nil at the end.
    private var next: String?
    private var count = ChatLimits.walkStep
    private var isDense = true

    init(from message: String) { next = message }

    /// What is read next; nil when the walk is over: at the first message, at one with a summary, or where a window ends.
    var step: Step? {
        guard let next, found.count < ChatLimits.windowMessagesMax else { return nil }
        return isDense ? .inOrder(from: next, count: count) : .byParents(from: next, count: count)
    }

    /// Takes the rows of a step, newest first.
    mutating func take(_ rows: [PastMessage]) {
        let before = found.count
        for row in rows where row.id == next && found.count < ChatLimits.windowMessagesMax {
            found.append(row)
            next = row.summary == nil ? row.parent : nil
        }
        // A message that is not there any more ends the walk.
        if found.count == before { next = nil }
        isDense = isDense && (found.count - before) * ChatLimits.walkDensity >= rows.count
        // A short walk costs little, a long one few statements.
        count *= 2
    }
}
