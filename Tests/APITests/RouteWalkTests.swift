import IO
import JSON
import JSONSchema
import Testing

@testable import API

@Suite("API: every route")
struct RouteWalkTests {
    static let routes: [Route] = Routes.all(
        APIServices(
            tools: FakeTools(), plugins: FakePlugins(), audit: FakeAudit(), secrets: FakeSecrets(), egress: FakeEgress(), identity: .none, checks: [],
            metrics: { [] }, version: "0"))

    /// A path and body that the route accepts.
    static func example(_ route: Route) -> (path: String, body: String?) {
        let path = route.path.description.replacing("{id}", with: "a.echo").replacing("{name}", with: "a").replacing("{provider}", with: "corp")
            .replacing("{key}", with: "k").replacing("{handle}", with: "h").replacing("{message_id}", with: "m").replacing("{share_id}", with: "s")
            .replacing("{token}", with: "t").replacing("{version}", with: "1")
        guard route.body != nil else { return (path, nil) }
        switch route.operation {
        case "setSecret": return (path, #"{"value":"open sesame"}"#)
        case "chat": return (path, #"{"message":{"content":"hello"}}"#)
        case "openAIChatCompletions": return (path, #"{"model":"extractive","messages":[{"role":"user","content":"hello"}]}"#)
        case "openAIEmbeddings": return (path, #"{"model":"nobody/e","input":"hello"}"#)
        case "cancelChat": return (path, #"{"request_id":"r"}"#)
        case "decideApproval": return (path, #"{"decision":"deny"}"#)
        case "createConversation", "shareConversation", "regenerateMessage": return (path, "{}")
        case "createArtifact": return (path, #"{"type":"memory","name":"n","schema":{"kind":"memory.note"}}"#)
        case "createAgent": return (path, #"{"name":"n"}"#)
        case "changeArtifact", "changeAgent": return (path, #"[{"op":"replace","path":"/name","value":"n"}]"#)
        case "changeConversation": return (path, #"[{"op":"replace","path":"/title","value":"t"}]"#)
        default: break
        }
        return (path, route.operation == "runTool" ? #"{"tool_id":"a.echo","input":{}}"# : #"{"input":{}}"#)
    }

    /// Who is let in, as a person wrote it down: every operation that is not here is an operator's.
    static let others: [Access: Set<String>] = [
        .anonymous: [
            "getHealth", "getReadiness", "getKeySet", "signUp", "signIn", "refreshTokens", "requestReset", "completeReset", "verifyEmail",
            "startProvider", "finishProvider", "getShare",
        ],
        .user: [
            "listTools", "getTool", "invokeTool", "runTool", "getOpenAPI", "getMe", "getSettings", "chat", "cancelChat", "chatStream", "listModels",
            "getUsage", "listConversations", "createConversation", "getConversation", "changeConversation", "deleteConversation", "listMessages",
            "regenerateMessage", "exportConversation", "searchMessages", "shareConversation", "listShares", "removeShare", "listApprovals",
            "decideApproval", "openAIChatCompletions", "openAIEmbeddings", "openAIModels",
            "listArtifacts", "createArtifact", "getArtifact", "changeArtifact", "retireArtifact", "listArtifactVersions",
            "getArtifactVersion", "restoreArtifactVersion", "listAgents", "createAgent", "getAgent", "changeAgent", "retireAgent",
            "listWorkflows", "runWorkflow", "listRuns", "getRun", "cancelRun",
        ],
        .session: [
            "signOut", "requestEmailVerification", "changePassword", "getSecondFactor", "enableSecondFactor", "verifySecondFactor",
            "disableSecondFactor", "renewRecoveryCodes", "changeSettings", "listSessions", "endOtherSessions", "endSession", "listKeys",
            "createKey", "removeKey", "linkProvider", "listLinks", "removeLink",
        ],
        .admin: [
            "listSecrets", "getSecret", "setSecret", "removeSecret", "listUsers", "createUser", "getUser", "changeUser", "deleteUser",
            "endUserSessions", "listSettings", "changeSettingsOfHost", "listSettingChanges", "listPlans", "listJobs", "retryJob",
            "listInvitations", "invite", "removeInvitation", "listUserSessions", "endUserSession", "listUserKeys", "removeUserKey",
        ],
    ]

    /// What a caller is let into.
    private static func letsIn(_ caller: String, _ access: Access, _ operation: String) -> Bool {
        switch caller {
        case "user": [.anonymous, .user, .session].contains(access)
        case "admin", "admin of another tenant": access != .operatorOfHost
        case "every scope": access != .session
        case "no scope": access == .anonymous
        case "read scope":
            access == .anonymous
                || [
                    "listTools", "getTool", "getOpenAPI", "getMe", "getSettings", "chatStream", "listModels", "getUsage", "listConversations",
                    "getConversation", "listMessages", "exportConversation", "searchMessages", "listShares", "listApprovals",
                    "openAIModels",
                    "listArtifacts", "getArtifact", "listArtifactVersions", "getArtifactVersion", "listAgents", "getAgent",
                    "listWorkflows", "listRuns", "getRun",
                ].contains(operation)
        case "must change": access == .anonymous || ["signOut", "changePassword", "getMe"].contains(operation)
        default: true
        }
    }

    @Test(
        "each route lets in whom its row names and nobody else: user, admin, operator, another tenant's admin, API keys by scope (AUTH-12)",
        arguments: ["user", "admin", "operator", "admin of another tenant", "every scope", "no scope", "read scope", "must change"])
    func walk(caller: String) async throws {
        for route in Self.routes {
            let access = Self.others.first { $0.value.contains(route.operation) }?.key ?? .operatorOfHost
            #expect(route.access == access, "\(route.operation)")
            let (path, body) = Self.example(route)
            let response = try await Fixture.shared().send(route.method, path, body: body, key: caller)
            let isIn = ![401, 403].contains(response.status)
            #expect(isIn == Self.letsIn(caller, access, route.operation), "\(caller) at \(route.operation): \(response.status)")
        }
    }

    @Test(
        "a route that is called by nobody in particular answers 401, but health and the doors to sign in (AUTH-11, AUTH-12)",
        arguments: routes.indices)
    func anonymous(index: Int) async throws {
        let route = Self.routes[index]
        let (path, body) = Self.example(route)
        let response = try await Fixture.shared().send(route.method, path, body: body, key: nil)
        // A socket's first message may sign in; ChatSocketTests show that nothing else is served before.
        if Self.others[.anonymous]?.contains(route.operation) == true || route.isSocket {
            #expect(response.status != 401 && response.status != 403)
        } else {
            #expect(response.status == 401)
            #expect(try response.json["error"]?["code"] == (route.tag == "openai" ? "invalid_api_key" : "unauthorized"))
            #expect(response.header("WWW-Authenticate") != nil)
        }
    }

    @Test(
        "no header, scheme or trick stands in for the key (AUTH-11)",
        arguments: [
            [("Authorization", "Bearer wrong")], [("Authorization", "Bearer ")], [("Authorization", "Basic bG1uX3Rlc3Qta2V5")],
            [("Authorization", "lmn_test-key")], [("X-Api-Key", "lmn_test-key")], [("X-Dev-Mode", "1")], [("X-Forwarded-User", "admin")],
            [("Authorization", "Bearer lmn_test-key"), ("Authorization", "Bearer lmn_test-key")], [("Authorization", "Bearer lmn_test-key ")],
            [("Authorization", "Bearer LMN_TEST-KEY")],
            [("X-Session", "lmn_test-key")], [("X-Session", "lmn_test-key"), ("Authorization", "Bearer lmn_test-key")], [("X-Tenant", "main")],
            [("X-User-Id", "admin")], [("Cookie", "session=lmn_test-key")],
        ])
    func tricks(headers: [(String, String)]) async throws {
        let response = try await Fixture.shared().send("GET", "/v1/tools", headers: headers, key: nil)
        #expect(response.status == 401)
    }

    @Test("every route answers its holder within the schema that it publishes (API-5, API-11)", arguments: routes.indices)
    func answersFitSchemas(index: Int) async throws {
        let route = Self.routes[index]
        // These are asked by IdentityRouteTests, SettingRouteTests, JobRouteTests, ChatRouteTests, WorkflowRouteTests and OpenAIRouteTests, over stores of their own.
        let elsewhere = ["/v1/admin/users", "/v1/admin/settings", "/v1/admin/plans", "/v1/admin/jobs", "/v1/admin/tenants", "/v1/admin/invitations"]
        if ["auth", "account", "chat", "public", "openai", "artifacts", "agents", "workflows"].contains(route.tag)
            || elsewhere.contains(where: route.path.description.hasPrefix)
        {
            return
        }
        let (path, body) = Self.example(route)
        let response = try await Fixture.shared().send(route.method, path, body: body)
        #expect(response.status == 200, "\(route.operation): \(String(decoding: response.bytes, as: UTF8.self))")
        guard route.enveloped else { return }
        let schema = try CompiledSchema(Envelope.schema(route.data))
        #expect(schema.validate(try response.json) == [], "\(route.operation)")
    }

    @Test("every product route lives under /v1, or under the version of the protocol that it speaks (API-2)")
    func versioned() {
        let machine = ["/healthz", "/readyz", "/metrics", "/openapi.json"]
        for route in Self.routes {
            #expect(
                route.path.description.hasPrefix("/v1/") || route.path.description.hasPrefix("/openai/v1/")
                    || machine.contains(route.path.description))
        }
    }

    @Test("every route, and a WebSocket's messages, have a limit class whose bucket runs dry and fills again, and every body is capped (LIM-8)")
    func limitClasses() throws {
        var options = APIOptions()
        for limitClass in LimitClass.allCases { options.rates[limitClass] = RatePolicy(2, perSeconds: 60) }
        let limiter = RateLimiter(policies: options.rates)
        let start = Deadline(nanoseconds: 1_000_000_000)
        for limitClass in Set(Self.routes.map(\.limitClass)).union([.frames, .strangers]) {
            let key = RateKey(limitClass, .keyHolder("k"))
            let answers = (0..<3).map { _ in limiter.take(key, now: start).isAllowed }
            #expect(answers == [true, true, false], "\(limitClass)")
            #expect(limiter.take(key, now: start.adding(milliseconds: 30_000)).isAllowed, "\(limitClass)")
        }
        for compiled in try RouteTable(Self.routes).routes {
            #expect((compiled.route.body == nil) == (compiled.bodyBytesMax == 0))
            #expect(compiled.bodyBytesMax <= APIOptions().bodyBytesMax)
        }
    }

    @Test("every class has a standard, which is SPEC 7's where that names it (LIM-8)")
    func standards() {
        let known: [LimitClass: RatePolicy] = [
            .reads: RatePolicy(600, perSeconds: 60), .writes: RatePolicy(120, perSeconds: 60), .tools: RatePolicy(120, perSeconds: 60),
            .config: RatePolicy(30, perSeconds: 3600), .frames: RatePolicy(20, perSeconds: 1),
        ]
        for (limitClass, policy) in known { #expect(RateLimiter().policy(limitClass) == policy) }
        for limitClass in LimitClass.allCases { #expect(RateLimiter().policy(limitClass).count > 0) }
    }

    @Test("every parameter of a path has its schema in the row (API-5)")
    func parameters() {
        for route in Self.routes { #expect(Set(route.pathParameters.map(\.name)) == Set(route.path.parameterNames), "\(route.operation)") }
    }

    @Test("every reply carries the request's id and its trace (API-10)", arguments: ["/healthz", "/v1/tools", "/v1/none"])
    func headers(path: String) async throws {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let response = try await Fixture.shared().send("GET", path, headers: [("X-Request-Id", "req-7"), ("traceparent", trace)])
        #expect(response.header("X-Request-Id") == "req-7")
        #expect(try response.json["request_id"] == "req-7")
        let returned = try #require(response.header("traceparent"))
        #expect(returned.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") && returned != trace)
    }
}
