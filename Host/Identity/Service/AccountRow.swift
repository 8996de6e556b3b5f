package import JSON
internal import Store

/// An account, as its owner and admins see it.
package struct Account: Sendable, Hashable {
    /// UUID v7.
    package let id: String
    package let tenant: String
    package let email: String
    package let handle: String?
    package let role: Role
    package let plan: String
    package let isActive: Bool
    package let isVerified: Bool
    package let mustChangePassword: Bool
    package let hasSingleSession: Bool
    /// What else is kept of it.
    package let meta: JSONObject
    /// In milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
}

/// An account as it is stored, with what nobody is shown.
struct StoredAccount: Sendable {
    let shown: Account
    let emailKey: String
    /// The stored password; nil for one that signs in elsewhere.
    let password: String?
    /// Whether its tenant is in force.
    let isTenantActive: Bool

    var id: String { shown.id }
    var tenant: String { shown.tenant }
    /// What its password must not be made of.
    var about: [String] { [shown.email] + (shown.handle.map { [$0] } ?? []) }

    /// Whether it may do anything at `now`: an address that nobody confirmed is good for a day.
    func isInForce(at now: Int64) -> Bool {
        shown.isActive && isTenantActive && (shown.isVerified || now < shown.createdAt + IdentityLimits.unverifiedMilliseconds)
    }

    init(_ row: Row) throws(StoreError) {
        let meta: JSONObject
        do {
            meta = try JSONValue(parsing: Array(row.text(12).utf8)).objectValue ?? [:]
        } catch {
            throw StoreError(.corrupt, "the account \(try row.text(0)) has no meta that can be read: \(error)")
        }
        guard let role = Role(rawValue: try row.text(6)) else { throw StoreError(.corrupt, "the account \(try row.text(0)) has no role") }
        shown = Account(
            id: try row.text(0), tenant: try row.text(1), email: try row.text(2), handle: try row.optionalText(4), role: role,
            plan: try row.text(7), isActive: try row.bool(8), isVerified: row.values[11] != .null, mustChangePassword: try row.bool(10),
            hasSingleSession: try row.bool(14), meta: meta, createdAt: try row.integer(13))
        emailKey = try row.text(3)
        password = try row.optionalText(9)
        isTenantActive = try row.bool(15)
    }
}

/// The statements that read accounts; all have the columns of `StoredAccount` in its order.
enum AccountQuery {
    static let byEmail: SQL = """
        SELECT a.id, a.tenant, a.email, a.email_key, a.handle, a.handle_key, a.role, a.plan, a.is_active, a.password, a.must_change, a.verified_at,
            a.meta, a.created_at, a.single_session, t.is_active
        FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.tenant = $1 AND a.email_key = $2
        """
    static let byID: SQL = """
        SELECT a.id, a.tenant, a.email, a.email_key, a.handle, a.handle_key, a.role, a.plan, a.is_active, a.password, a.must_change, a.verified_at,
            a.meta, a.created_at, a.single_session, t.is_active
        FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.id = $1
        """
    /// Holds the row until the transaction ends, so that what is decided on it stays true.
    static let lockedByID = SQL(
        sqlite: """
            SELECT a.id, a.tenant, a.email, a.email_key, a.handle, a.handle_key, a.role, a.plan, a.is_active, a.password, a.must_change,
                a.verified_at, a.meta, a.created_at, a.single_session, t.is_active
            FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.id = $1
            """,
        postgres: """
            SELECT a.id, a.tenant, a.email, a.email_key, a.handle, a.handle_key, a.role, a.plan, a.is_active, a.password, a.must_change,
                a.verified_at, a.meta, a.created_at, a.single_session, t.is_active
            FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.id = $1 FOR UPDATE OF a
            """)
    static let page: SQL = """
        SELECT a.id, a.tenant, a.email, a.email_key, a.handle, a.handle_key, a.role, a.plan, a.is_active, a.password, a.must_change, a.verified_at,
            a.meta, a.created_at, a.single_session, t.is_active
        FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.tenant = $1 AND a.id > $2 ORDER BY a.id LIMIT $3
        """

    /// The account of an id, held until the transaction ends.
    static func locked(_ id: String, _ connection: any DatabaseConnection) async throws(StoreError) -> StoredAccount? {
        guard let row = try await connection.row(lockedByID, [.text(id)]) else { return nil }
        return try StoredAccount(row)
    }

    /// The account of an id.
    static func find(_ id: String, _ connection: any DatabaseConnection) async throws(StoreError) -> StoredAccount? {
        guard let row = try await connection.row(byID, [.text(id)]) else { return nil }
        return try StoredAccount(row)
    }

    /// The account of an address.
    static func find(_ email: Email, tenant: String, _ connection: any DatabaseConnection) async throws(StoreError) -> StoredAccount? {
        guard let row = try await connection.row(byEmail, [.text(tenant), .text(email.key)]) else { return nil }
        return try StoredAccount(row)
    }
}
