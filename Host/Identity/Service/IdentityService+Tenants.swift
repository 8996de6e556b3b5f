internal import JSON
package import Store

/// A tenant, as operators see it.
package struct Tenant: Sendable, Hashable {
    /// A short word, part of what identifies everything that is the tenant's.
    package let id: String
    package let name: String
    /// The host name whose sign-ups are this tenant's; nil for none.
    package let host: String?
    package let isActive: Bool
    /// In milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64

    init(_ row: Row) throws(StoreError) {
        (id, name, host) = (try row.text(0), try row.text(1), try row.optionalText(2))
        (isActive, createdAt) = (try row.bool(3), try row.integer(4))
    }
}

/// What an operator changes of a tenant; nil stays.
package struct TenantChange: Sendable, Hashable {
    package var name: String?
    /// Nil inside for none.
    package var host: String??
    package var isActive: Bool?

    /// Changes nothing.
    package init() {}
}

extension IdentityService {
    private static let find: SQL = "SELECT id, name, host, is_active, created_at FROM tenant WHERE id = $1"

    /// Whether a text can be a tenant's id: lower case, no `@`, which marks what is the host's own.
    package static func isTenantID(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-") && text.utf8.first != UInt8(ascii: "_")
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }

    /// A host name in the one form that it is compared in.
    private static func host(_ text: String) throws(IdentityError) -> String {
        let name = text.lowercased()
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isGood =
            name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }
            }
        guard isGood else { throw .invalid(field: "host", "is no host name, such as team.example.org, without port") }
        return name
    }

    private static func name(_ text: String) throws(IdentityError) -> String {
        guard (1...255).contains(text.utf8.count), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
            throw .invalid(field: "name", "has 1 to 255 bytes and no control characters")
        }
        return text
    }

    /// Tenants by id, at most `limit`.
    package func tenants(cursor: String?, limit: Int) async throws(IdentityError) -> Page<Tenant> {
        let after: String
        do throws(StoreError) {
            after = try cursor.map { (text) throws(StoreError) in try PageCursor.decode(text) } ?? ""
        } catch {
            throw .invalid(field: "cursor", "is none that this list gave out")
        }
        let found = try await read { connection in
            try await connection.rows(
                "SELECT id, name, host, is_active, created_at FROM tenant WHERE id > $1 ORDER BY id LIMIT $2", [.text(after), SQLValue(limit + 1)]
            ).map { try Tenant($0) }
        }
        return Page(found, limit: limit) { $0.id }
    }

    /// One tenant.
    package func tenant(_ id: String) async throws(IdentityError) -> Tenant {
        let row = try await read { try await $0.row(Self.find, [.text(id)]) }
        guard let row else { throw .missing("tenant") }
        do throws(StoreError) { return try Tenant(row) } catch { throw .store(error) }
    }

    /// Makes a tenant.
    package func createTenant(_ id: String, name: String?, host: String?, by actor: Actor) async throws(IdentityError) -> Tenant {
        guard Self.isTenantID(id) else {
            throw .invalid(field: "id", "is no tenant's id: 1 to 63 of a-z, 0-9, `-` and `_`, the first a letter or digit")
        }
        let (name, host, now) = (try Self.name(name ?? id), try host.map { text throws(IdentityError) in try Self.host(text) }, now())
        let failure = try await write { connection -> IdentityError? in
            if let failure = try await Self.taken(id, host, connection) { return failure }
            try await connection.execute(
                "INSERT INTO tenant (id, name, host, created_at) VALUES ($1, $2, $3, $4)", [.text(id), .text(name), SQLValue(host), .integer(now)])
            try await Self.note("tenant.create", actor.id, tenant: id, requestID: actor.requestID, at: now, connection)
            return nil
        }
        if let failure { throw failure }
        return try await tenant(id)
    }

    /// Which field another tenant has already; a race meets the schema.
    private static func taken(_ id: String?, _ host: String?, _ connection: any DatabaseConnection) async throws(StoreError) -> IdentityError? {
        if let id, try await connection.row(find, [.text(id)]) != nil { return .conflict(field: "id", "is another tenant's") }
        if let host, try await connection.row("SELECT 1 FROM tenant WHERE host = $1", [.text(host)]) != nil {
            return .conflict(field: "host", "is another tenant's")
        }
        return nil
    }

    /// Changes a tenant. Whoever belongs to one that is disabled is refused from the next request on; `main`, where operators are, is never.
    package func changeTenant(_ id: String, _ change: TenantChange, by actor: Actor) async throws(IdentityError) -> Tenant {
        if id == "main", change.isActive == false { throw .conflict(field: "is_active", "is what keeps operators in: `main` stays") }
        let name = try change.name.map { text throws(IdentityError) in try Self.name(text) }
        let host = try (change.host ?? nil).map { text throws(IdentityError) in try Self.host(text) }
        let now = now()
        memory.forgetAll()
        defer { memory.forgetAll() }
        let failure = try await write { connection -> IdentityError? in
            guard let row = try await connection.row(Self.find, [.text(id)]) else { return .missing("tenant") }
            let before = try Tenant(row)
            let wanted = change.host == nil ? before.host : host
            if let wanted, wanted != before.host, let failure = try await Self.taken(nil, wanted, connection) { return failure }
            let isActive = change.isActive ?? before.isActive
            try await connection.execute(
                "UPDATE tenant SET name = $2, host = $3, is_active = $4 WHERE id = $1",
                [.text(id), .text(name ?? before.name), SQLValue(wanted), SQLValue(isActive)])
            try await connection.announce(Self.topic, Self.everybody)
            try await Self.note(
                "tenant.change", actor.id, tenant: id, requestID: actor.requestID, details: ["is_active": .bool(isActive)], at: now, connection)
            return nil
        }
        if let failure { throw failure }
        return try await tenant(id)
    }
}
