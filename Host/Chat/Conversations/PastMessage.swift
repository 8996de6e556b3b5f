import Store

/// What a window needs of a message: a walk along a branch reads hundreds, so it reads nothing else of them.
struct PastMessage: Sendable, Hashable {
    let id: String
    let parent: String?
    let role: MessageRole
    let content: String
    /// What is summed up of everything up to here; nil where nothing is.
    let summary: String?

    /// Columns: id, parent, role, content, summary.
    init(_ row: Row) throws(StoreError) {
        guard let role = MessageRole(rawValue: try row.text(2)) else {
            throw StoreError(.corrupt, "the message \(try row.text(0)) is of no role that there is")
        }
        self.init(id: try row.text(0), parent: try row.optionalText(1), role: role, content: try row.text(3), summary: try row.optionalText(4))
    }

    init(id: String, parent: String? = nil, role: MessageRole, content: String, summary: String? = nil) {
        (self.id, self.parent, self.role, self.content, self.summary) = (id, parent, role, content, summary)
    }
}
