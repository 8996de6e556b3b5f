package import JSON
import Store

/// What an artifact is for (SPEC 9).
package enum ArtifactType: String, Sendable, Hashable, CaseIterable {
    case workflow, policy, tool, adapter, agent, memory, context
}

/// Who may read an artifact.
package enum ArtifactVisibility: String, Sendable, Hashable, CaseIterable {
    /// Its owner.
    case `private`
    /// Its owner and the people that it names.
    case shared
    /// Everyone of the tenant.
    case global
}

/// A definition that people keep, share and go back to: a workflow, a policy, an agent. One value is one version of it.
package struct Artifact: Sendable, Hashable {
    /// UUID v7.
    package let id: String
    package let tenant: String
    package let type: ArtifactType
    /// `schema.kind`, such as `workflow.chat`: what the definition has to look like.
    package let kind: String
    package let name: String
    package let description: String
    /// The account; nil for what the system or somebody who is gone left to the tenant.
    package let owner: String?
    package let visibility: ArtifactVisibility
    /// 1, 2, 3, … without gaps.
    package let version: Int
    /// The definition; an object with `kind`.
    package let schema: JSONValue
    /// Milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let updatedAt: Int64
    /// Whether the system put it there.
    package let isSeeded: Bool
    /// The version at which it was last shown to more people: what it said before is its owner's alone.
    package let shownFrom: Int
    /// The accounts that a shared one names.
    package let sharedWith: [String]

    /// Columns: id, tenant, type, kind, name, description, owner, visibility, version, schema, created_at, updated_at, seed_name, shown_from.
    init(_ row: Row, sharedWith: [String]) throws(StoreError) {
        guard let type = ArtifactType(rawValue: try row.text(2)), let visibility = ArtifactVisibility(rawValue: try row.text(7)) else {
            throw StoreError(.corrupt, "the artifact \(try row.text(0)) is of no type or visibility that there is")
        }
        do {
            schema = try JSONValue(parsing: try row.text(9))
        } catch {
            throw StoreError(.corrupt, "the definition of the artifact \(try row.text(0)) is no JSON")
        }
        (id, tenant, self.type, kind) = (try row.text(0), try row.text(1), type, try row.text(3))
        (name, description, owner, self.visibility) = (try row.text(4), try row.text(5), try row.optionalText(6), visibility)
        (version, createdAt, updatedAt) = (try row.int(8), try row.integer(10), try row.integer(11))
        (isSeeded, shownFrom, self.sharedWith) = (try row.optionalText(12) != nil, try row.int(13), sharedWith)
    }

    /// Whether somebody of its tenant may read it, in this version.
    package func isReadable(by reader: ArtifactReader) -> Bool {
        guard tenant == reader.tenant, version >= shownFrom || owner == reader.account else { return false }
        switch visibility {
        case .global: return true
        case .shared: return owner == reader.account || sharedWith.contains(reader.account)
        case .private: return owner == reader.account
        }
    }
}

/// One version in an artifact's history, without its definition.
package struct ArtifactVersion: Sendable, Hashable {
    package let version: Int
    package let name: String
    /// The account that wrote it; nil for the system.
    package let author: String?
    /// The version whose content it took over again; nil for one of its own.
    package let restoredFrom: Int?
    /// Milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
}

/// Whoever asks for artifacts: verified by whoever makes one, never taken from a body or header.
package struct ArtifactReader: Sendable, Hashable {
    package let tenant: String
    /// The account's id.
    package let account: String
    /// Whether it administers the tenant.
    package let isAdmin: Bool

    package init(tenant: String, account: String, isAdmin: Bool = false) {
        (self.tenant, self.account, self.isAdmin) = (tenant, account, isAdmin)
    }
}

/// What of an artifact its editors decide.
package struct ArtifactDraft: Sendable, Hashable {
    package var name: String
    package var description: String
    package var visibility: ArtifactVisibility
    package var sharedWith: [String]
    package var schema: JSONValue

    package init(
        name: String, description: String = "", visibility: ArtifactVisibility = .private, sharedWith: [String] = [], schema: JSONValue
    ) {
        (self.name, self.description, self.visibility, self.sharedWith, self.schema) = (name, description, visibility, sharedWith, schema)
    }

    init(_ artifact: Artifact) {
        self.init(
            name: artifact.name, description: artifact.description, visibility: artifact.visibility, sharedWith: artifact.sharedWith,
            schema: artifact.schema)
    }

    /// Bytes of its definition, written out.
    var bytes: Int { schema.serialized().count }

    /// Whether it says the same as a version does, apart from who may read it.
    func hasContent(of artifact: Artifact) -> Bool {
        name == artifact.name && description == artifact.description && schema == artifact.schema
    }
}
