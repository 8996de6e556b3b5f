import Artifacts
import IO
import Store

/// The price tables of tenants, read once a version.
final class PriceBook: Sendable {
    private struct Known {
        let id: String
        let version: Int
        let table: PriceTable
    }

    private let artifacts: ArtifactStore?
    private let known = Lock<[String: Known]>([:])

    init(_ artifacts: ArtifactStore?) { self.artifacts = artifacts }

    /// A tenant's table as it is now; nothing costs anything where there are no tables.
    func table(of tenant: String) async throws(ChatError) -> PriceTable {
        guard let artifacts else { return .free }
        let artifact: Artifact
        do throws(ArtifactError) {
            artifact = try await artifacts.seeded(kind: PriceTable.kindName, name: "default", tenant: tenant)
        } catch {
            // The host's own keys belong to no tenant that has artifacts, and a host may know no tables.
            if case .store(let cause) = error { throw .store(cause) }
            return .free
        }
        if let found = known.withLock({ $0[tenant] }), found.id == artifact.id, found.version == artifact.version { return found.table }
        let table: PriceTable
        do throws(PriceTableError) {
            table = try PriceTable(artifact.schema)
        } catch {
            throw .store(StoreError(.corrupt, "the price table \(artifact.id) is none: \(error.problems)"))
        }
        known.withLock { known in
            if known.count >= ChatLimits.priceTablesMax { known.removeAll() }
            known[tenant] = Known(id: artifact.id, version: artifact.version, table: table)
        }
        return table
    }
}
