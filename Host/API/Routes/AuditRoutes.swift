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
            .get(
                "/v1/admin/audit/export", "exportAudit", tag: "admin",
                "The audit chain in its order, one JSON object a line; the next part begins behind the last line's `seq`, and an empty one is the end.",
                query: [
                    Parameter("after", ["type": "integer", "minimum": 0, "default": 0], "The `seq` behind which it begins."),
                    Parameter("limit", ["type": "integer", "minimum": 1, "maximum": 1_000, "default": 1_000], "Lines at most."),
                ], data: Schemas.text, produces: [.lines], enveloped: false
            ) { context throws(APIError) in
                let (after, limit) = (context.query["after"]?.intValue ?? 0, context.query["limit"]?.intValue ?? 1_000)
                return .raw(contentType: MediaType.lines.rawValue, bytes: try await audit.lines(after: Int64(after), limit: limit))
            }.taking(.exports),
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
