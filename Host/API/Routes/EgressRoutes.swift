import JSON

extension Routes {
    /// What plugins asked of the network, and what became of it.
    static func egressRoutes(_ egress: any EgressReading) -> [Route] {
        [
            .get(
                "/v1/admin/egress", "listEgress", tag: "admin",
                "The latest decisions of the egress proxy, newest first, with what holds now; the log has them all.",
                query: [Schemas.limitParameter], data: Schemas.egress
            ) { context throws(APIError) in
                .data(["decisions": .array(egress.decisions(limit: context.page.limit)), "status": egress.status()])
            }
        ]
    }
}
