extension AuditLog {
    /// Adds an entry within the caller's transaction, so that an act and its record stand or fall together.
    package static func note(_ entry: AuditEntry, within connection: any DatabaseConnection) async throws(StoreError) {
        try await insert(AuditRow(entry), connection)
    }
}
