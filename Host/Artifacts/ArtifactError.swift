package import JSON
package import Store

/// What is wrong with a definition, and where.
package struct ArtifactProblem: Error, Sendable, Hashable {
    /// JSON Pointer (RFC 6901) into `schema`.
    package let pointer: String
    /// A sentence without its subject: `names no node`.
    package let message: String

    package init(_ pointer: String, _ message: String) { (self.pointer, self.message) = (pointer, message) }
}

/// Why something could not be done with an artifact.
package enum ArtifactError: Error, Sendable, Hashable {
    /// There is none, or none that the caller may read: `artifact`, `version`.
    case missing(String)
    /// The caller may read it and not do this; why.
    case forbidden(String)
    /// A field that cannot be taken, by its path.
    case invalid(field: String, reason: String)
    /// A definition that is none of its kind.
    case definition([ArtifactProblem])
    /// A patch that cannot be applied.
    case patch(JSONPatchError)
    /// A change that its state does not allow: the reason as a word, and as a sentence.
    case conflict(reason: String, String)
    /// As many as there may be: of what, and how many.
    case full(String, max: Int)
    case store(StoreError)
}
