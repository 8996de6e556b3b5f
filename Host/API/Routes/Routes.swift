package import JSON

/// The whole table, in the order of the OpenAPI document.
package enum Routes {
    /// Every route of the host.
    package static func all(_ services: APIServices) -> [Route] {
        let routes =
            toolRoutes(services.tools) + pluginRoutes(services.plugins) + secretRoutes(services.secrets) + auditRoutes(services.audit)
            + egressRoutes(services.egress)
            + short(identityRoutes(services.identity) + providerRoutes(services.identity) + accountRoutes(services.identity))
            + short(tenantRoutes(services.identity)) + breakerRoutes(services.tools, services.plugins)
            + chatRoutes(services.chat) + conversationRoutes(services.chat) + sharingRoutes(services.chat) + openAIRoutes(services.chat)
            + artifactRoutes(services.artifacts) + agentRoutes(services.artifacts)
            + workflowRoutes(services.workflows) + settingRoutes(services.settings) + jobRoutes(services.jobs) + operationsRoutes(services)
        return routes + [openAPIRoute(describing: routes, version: services.version)]
    }

    /// The same routes with short bodies: what strangers send before they have signed in is an address and a password.
    private static func short(_ routes: [Route]) -> [Route] {
        routes.map { route in
            var route = route
            route.bodyBytesMax = Limits.identityBodyBytesMax
            return route
        }
    }

    /// The OpenAPI document without a host: for `limen openapi`.
    package static func document(version: String) -> JSONValue {
        let nobody = APIServices(
            tools: NoServices(), plugins: NoServices(), audit: NoServices(), secrets: NoServices(), egress: NoServices(), identity: .none, checks: [],
            metrics: { [] }, version: version)
        return OpenAPI.document(all(nobody), version: version)
    }
}

/// Stands behind a table that is only described, never called.
private struct NoServices: ToolCatalogue, PluginAdministration, AuditReading, SecretAdministration, EgressReading {
    func tools() -> [CatalogueTool] { [] }
    func tool(_ id: String) -> CatalogueTool? { nil }
    func candidates(_ idOrName: String) -> [(id: String, contentType: String)] { [] }
    func call(_ invocation: ToolInvocation, events: (any EventSink)?) async throws(APIError) -> ToolAnswer { throw .unexpected }
    func plugins() -> [(name: String, json: JSONValue)] { [] }
    func setEnabled(_ name: String, _ enabled: Bool, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        throw .unexpected
    }
    func rollback(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue { throw .unexpected }
    func promote(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue { throw .unexpected }
    func history(_ name: String, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) { throw .unexpected }
    func reload(by principal: Principal, requestID: String) async throws(APIError) -> [JSONValue] { throw .unexpected }
    func sandbox() async -> JSONValue { [:] }
    func resetBreaker(_ tool: String, by principal: Principal, requestID: String) async throws(APIError) { throw .unexpected }
    func lines(after seq: Int64, limit: Int) async throws(APIError) -> [UInt8] { throw .unexpected }
    func page(cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) { throw .unexpected }
    func verify() async throws(APIError) -> JSONValue { throw .unexpected }
    func page(of principal: Principal, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        throw .unexpected
    }
    func secret(_ name: String, of principal: Principal) async throws(APIError) -> JSONValue { throw .unexpected }
    func set(_ name: String, to value: [UInt8], by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        throw .unexpected
    }
    func remove(_ name: String, by principal: Principal, requestID: String) async throws(APIError) { throw .unexpected }
    func decisions(limit: Int) -> [JSONValue] { [] }
    func status() -> JSONValue { [:] }
}
