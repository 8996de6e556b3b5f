import JSON

extension Routes {
    private static let nameParameter = Parameter("name", Schemas.pluginName, "The plugin's name.")

    /// What an operator sees of plugins and of the sandbox, and may change.
    static func pluginRoutes(_ plugins: any PluginAdministration) -> [Route] {
        [
            .get(
                "/v1/admin/plugins", "listPlugins", tag: "admin", "Every plugin with its state and, when broken, the reason.",
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.plugin)
            ) { context throws(APIError) in
                try .page(plugins.plugins(), context, key: { $0.name }, item: { $0.json })
            },
            .get(
                "/v1/admin/plugins/{name}", "getPlugin", tag: "admin", "One plugin.", parameters: [nameParameter], data: Schemas.plugin
            ) { context throws(APIError) in
                guard let plugin = plugins.plugins().first(where: { $0.name == context.parameter("name") }) else { throw .missing("plugin") }
                return .data(plugin.json)
            },
            .post(
                "/v1/admin/plugins/{name}/enable", "enablePlugin", tag: "admin", "Lets a plugin be called.", limitClass: .writes,
                parameters: [nameParameter], data: Schemas.plugin
            ) { context throws(APIError) in
                .data(try await plugins.setEnabled(context.parameter("name"), true, by: context.principal, requestID: context.requestID))
            },
            .post(
                "/v1/admin/plugins/{name}/disable", "disablePlugin", tag: "admin",
                "Stops a plugin from being called; calls in flight finish.", limitClass: .writes, parameters: [nameParameter],
                data: Schemas.plugin
            ) { context throws(APIError) in
                .data(try await plugins.setEnabled(context.parameter("name"), false, by: context.principal, requestID: context.requestID))
            },
            .post(
                "/v1/admin/plugins/{name}/rollback", "rollbackPlugin", tag: "admin",
                "Puts the previous version back with the grants it had, or ends the trial of a new one; calls in flight finish.", limitClass: .writes,
                parameters: [nameParameter], data: Schemas.plugin
            ) { context throws(APIError) in
                .data(try await plugins.rollback(context.parameter("name"), by: context.principal, requestID: context.requestID))
            },
            .post(
                "/v1/admin/plugins/{name}/promote", "promotePlugin", tag: "admin", "Gives all calls to the version on trial.", limitClass: .writes,
                parameters: [nameParameter], data: Schemas.plugin
            ) { context throws(APIError) in
                .data(try await plugins.promote(context.parameter("name"), by: context.principal, requestID: context.requestID))
            },
            .get(
                "/v1/admin/plugins/{name}/history", "listPluginHistory", tag: "admin", "Who granted what when, newest first.",
                parameters: [nameParameter], query: Schemas.pageParameters, data: Schemas.list(of: Schemas.pluginGrant)
            ) { context throws(APIError) in
                let (limit, cursor) = context.page
                let page = try await plugins.history(context.parameter("name"), cursor: cursor, limit: limit)
                return .data([
                    "items": .array(page.items), "next_cursor": page.next.map { .string($0) } ?? .null, "has_next": .bool(page.next != nil),
                ])
            },
            .post(
                "/v1/admin/plugins/reload", "reloadPlugins", tag: "admin",
                "Reads the manifests again. A broken one is named with file, pointer and reason, and its old version goes on.",
                limitClass: .writes, data: Schemas.reload
            ) { context throws(APIError) in
                .data(["outcomes": .array(try await plugins.reload(by: context.principal, requestID: context.requestID))])
            },
            .get("/v1/admin/sandbox", "getSandbox", tag: "admin", "Which protections hold here, and the workers alive.", data: Schemas.sandbox) {
                _ throws(APIError) in .data(await plugins.sandbox())
            },
        ]
    }
}
