import JSON

extension Routes {
    private static let nameParameter = Parameter("name", Schemas.secretName, "The secret's name, as manifests give it.")

    /// The secrets of the caller's tenant: values go in, and nothing returns one.
    static func secretRoutes(_ secrets: any SecretAdministration) -> [Route] {
        [
            .get(
                "/v1/admin/secrets", "listSecrets", tag: "admin", "Every secret by name, with its times and uses; never a value.", access: .admin,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.secret)
            ) { context throws(APIError) in
                let (limit, cursor) = context.page
                let page = try await secrets.page(of: context.principal, cursor: cursor, limit: limit)
                return .data([
                    "items": .array(page.items), "next_cursor": page.next.map { .string($0) } ?? .null, "has_next": .bool(page.next != nil),
                ])
            },
            .get(
                "/v1/admin/secrets/{name}", "getSecret", tag: "admin", "One secret; never its value.", access: .admin, parameters: [nameParameter],
                data: Schemas.secret
            ) { context throws(APIError) in
                .data(try await secrets.secret(context.parameter("name"), of: context.principal))
            },
            .act(
                "PUT", "/v1/admin/secrets/{name}", "setSecret", tag: "admin", "Keeps a value, in the place of the one before.",
                access: .admin, limitClass: .writes, parameters: [nameParameter], body: Schemas.secretValue, bodyBytesMax: Limits.secretBodyBytesMax,
                data: Schemas.secret
            ) { context throws(APIError) in
                let value = Array((context.body["value"]?.stringValue ?? "").utf8)
                return .data(
                    try await secrets.set(context.parameter("name"), to: value, by: context.principal, requestID: context.requestID))
            },
            .act(
                "DELETE", "/v1/admin/secrets/{name}", "removeSecret", tag: "admin",
                "Removes a secret; requests that need it are refused from now on.",
                access: .admin, limitClass: .writes, parameters: [nameParameter],
                data: Schemas.object(["removed": Schemas.flag], required: ["removed"])
            ) { context throws(APIError) in
                try await secrets.remove(context.parameter("name"), by: context.principal, requestID: context.requestID)
                return .data(["removed": true])
            },
        ]
    }
}
