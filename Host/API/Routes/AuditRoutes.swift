import JSON

extension Routes {
    /// The audit chain, to read and to verify.
    static func auditRoutes(_ audit: any AuditReading) -> [Route] {
        [
            .get(
                "/v1/admin/audit", "listAudit", tag: "admin", "The audit chain, newest first.", query: Schemas.pageParameters,
                data: Schemas.list(of: Schemas.auditEntry)
            ) { context throws(APIError) in
                try await auditPage(audit, context)
            },
            .get("/v1/admin/audit/verification", "verifyAudit", tag: "admin", "Recomputes the chain's hashes.", data: Schemas.auditVerification) {
                _ throws(APIError) in .data(try await audit.verify())
            },
        ]
    }

    private static func auditPage(_ audit: any AuditReading, _ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let page = try await audit.page(cursor: cursor, limit: limit)
        return .data([
            "items": .array(page.items), "next_cursor": page.next.map { .string($0) } ?? .null, "has_next": .bool(page.next != nil),
        ])
    }
}
