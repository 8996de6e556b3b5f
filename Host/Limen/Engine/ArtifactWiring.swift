import API
import Artifacts
import Chat
import Identity
import Store

/// The kinds of definitions that this host knows, and where they are kept.
enum ArtifactWiring {
    static func store(_ database: Database) -> ArtifactStore {
        ArtifactStore(
            database: database, kinds: ArtifactKinds([AgentDefinition.kind, PriceTable.kind, ArtifactWorkflows.kind]),
            accountTopic: IdentityService.topic)
    }
}
