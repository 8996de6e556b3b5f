package import JSON
package import Store
package import Telemetry

/// The store of secrets, as the operator's routes see it.
package struct LiveSecrets: SecretAdministration {
    private let store: SecretStore
    private let log: Log

    /// Uses a store.
    package init(_ store: SecretStore, log: Log) {
        self.store = store
        self.log = log
    }

    package func page(of principal: Principal, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        do {
            let page = try await store.list(tenant: principal.tenant, cursor: cursor, limit: limit)
            return (page.items.map(Self.json), page.nextCursor)
        } catch {
            if error.code == .invalid { throw .invalid("The cursor is none that this list gave out.", reason: "cursor") }
            throw failed(error)
        }
    }

    package func secret(_ name: String, of principal: Principal) async throws(APIError) -> JSONValue {
        do throws(StoreError) {
            if let record = try await store.find(name, tenant: principal.tenant) { return Self.json(record) }
        } catch {
            throw failed(error)
        }
        throw .missing("secret")
    }

    package func set(_ name: String, to value: [UInt8], by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        do {
            return Self.json(try await store.set(name, tenant: principal.tenant, to: value, by: SecretActor(principal.id, requestID: requestID)))
        } catch {
            throw failed(error)
        }
    }

    package func remove(_ name: String, by principal: Principal, requestID: String) async throws(APIError) {
        let isRemoved: Bool
        do {
            isRemoved = try await store.remove(name, tenant: principal.tenant, by: SecretActor(principal.id, requestID: requestID))
        } catch {
            throw failed(error)
        }
        if !isRemoved { throw .missing("secret") }
    }

    /// What the rules of secrets refuse, the client is told; they say nothing of a value but its length.
    private func failed(_ error: StoreError) -> APIError {
        switch error.code {
        case .invalid: return .invalid("It cannot be kept: \(error.message).", reason: "secret")
        case .limit: return APIError(.conflict, "There is no room: \(error.message).", details: ["reason": "secrets_max"])
        default:
            log.error("the store of secrets failed", [("cause", .string("\(error)"))])
            return APIError(storing: error)
        }
    }

    private static func json(_ record: SecretRecord) -> JSONValue {
        [
            "name": .string(record.name), "version": JSONValue(record.version),
            "created_at": .string(Timestamp.text(milliseconds: record.createdAtMilliseconds)),
            "updated_at": .string(Timestamp.text(milliseconds: record.updatedAtMilliseconds)), "updated_by": .string(record.actor),
            "last_used_at": record.lastUsedAtMilliseconds.map { .string(Timestamp.text(milliseconds: $0)) } ?? .null, "uses": JSONValue(record.uses),
        ]
    }
}
