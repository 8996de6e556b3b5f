/// Who may do what with an artifact: the one place that decides (SPEC 9, CFG-4).
///
/// `private` and `shared` are the owner's to move between. An admin raises what it can read to `global`, where admins alone write, because everyone of the tenant
/// runs it; from there it goes nowhere but into retirement.
enum ArtifactRules {
    /// Why its content may not be written; nil when it may.
    static func edit(_ artifact: Artifact, by reader: ArtifactReader) -> ArtifactError? {
        switch artifact.visibility {
        case .global where reader.isAdmin: nil
        case .global: .forbidden("An artifact that everyone of the tenant uses is an admin's to change; copy it into one of your own.")
        case .private, .shared: artifact.owner == reader.account ? nil : .forbidden("Only its owner changes an artifact that is shared with you.")
        }
    }

    /// Why it may not become readable in that way; nil when it may.
    static func move(_ artifact: Artifact, to visibility: ArtifactVisibility, by reader: ArtifactReader) -> ArtifactError? {
        guard artifact.visibility != visibility else { return nil }
        if artifact.visibility == .global {
            return .conflict(reason: "visibility", "An artifact that everyone of the tenant uses can be retired, and not be hidden again.")
        }
        if visibility == .global { return raise(by: reader) }
        return artifact.owner == reader.account ? nil : .forbidden("Only its owner says whom an artifact is shared with.")
    }

    /// Why nothing may be made or become global; nil when it may.
    static func raise(by reader: ArtifactReader) -> ArtifactError? {
        reader.isAdmin ? nil : .forbidden("Only an admin gives an artifact to everyone of the tenant.")
    }

    /// Why it may not be retired; nil when it may.
    static func retire(_ artifact: Artifact, by reader: ArtifactReader) -> ArtifactError? {
        if artifact.isSeeded {
            return .conflict(reason: "seeded", "The system's own artifacts stay; restore the version that you want instead.")
        }
        return edit(artifact, by: reader)
    }
}
