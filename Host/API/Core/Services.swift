package import JSON

/// A tool as the catalogue lists it: what does not change while its version runs, and what does.
package struct CatalogueTool: Sendable {
    /// Stable id, such as `text.statistics`.
    package var id: String
    package var name: String
    /// Every field of the contract's `tool` but `state` and `breaker`.
    package var description: JSONObject
    package var contentType: String
    package var privileged: Bool
    /// `ready`, `broken` or `disabled`.
    package var state: String
    /// `closed`, `open` or `half_open`.
    package var breaker: String

    /// Makes an entry.
    package init(
        id: String, name: String, description: JSONObject, contentType: String, privileged: Bool, state: String, breaker: String
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.contentType = contentType
        self.privileged = privileged
        self.state = state
        self.breaker = breaker
    }

    /// The contract's `tool`.
    package var json: JSONValue {
        var object = description
        object["state"] = .string(state)
        object["breaker"] = .string(breaker)
        return .object(object)
    }
}

/// One invocation, checked as far as HTTP can: the input's own schema is the call path's business.
package struct ToolInvocation: Sendable {
    package var toolID: String
    package var input: JSONValue
    package var identity: RequestIdentity
    package var principal: Principal
    package var conversationID: String?
    /// Whether the caller wants sanitised HTML beside the output of an `html_untrusted` tool.
    package var wantsHTML: Bool
}

/// What an invocation came to.
package struct ToolAnswer: Sendable {
    /// JSON of the contract's tool call reply.
    package var reply: [UInt8]
    /// Sanitised HTML, when asked for and the tool makes any.
    package var html: [UInt8]?

    /// Makes an answer.
    package init(reply: [UInt8], html: [UInt8]? = nil) {
        self.reply = reply
        self.html = html
    }
}

/// The tools behind the routes.
package protocol ToolCatalogue: Sendable {
    /// Every tool of every plugin, sorted by id.
    func tools() -> [CatalogueTool]
    /// The tool of an id.
    func tool(_ id: String) -> CatalogueTool?
    /// The tools that an id, or a name, could mean; what an invocation needs to know before it is made.
    func candidates(_ idOrName: String) -> [(id: String, contentType: String)]
    /// Calls a tool; cancelling the task cancels the call.
    /// - Parameter events: Receives progress, tokens and partial results as they come.
    func call(_ invocation: ToolInvocation, events: (any EventSink)?) async throws(APIError) -> ToolAnswer
}

/// The operator's view of plugins.
package protocol PluginAdministration: Sendable {
    /// Every plugin, sorted by name, as the contract's shape.
    func plugins() -> [(name: String, json: JSONValue)]
    /// Enables or disables one; the answer is its new shape.
    func setEnabled(_ name: String, _ enabled: Bool, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue
    /// Puts the previous version back, or ends a trial; the answer is the plugin's new shape.
    func rollback(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue
    /// Gives all calls to the version on trial; the answer is the plugin's new shape.
    func promote(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue
    /// Who granted what when, newest first; `next` is the cursor of the page after, nil at the end.
    func history(_ name: String, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?)
    /// Closes the breaker of a tool.
    func resetBreaker(_ tool: String, by principal: Principal, requestID: String) async throws(APIError)
    /// Reads `manifests/` again; each file's outcome.
    func reload(by principal: Principal, requestID: String) async throws(APIError) -> [JSONValue]
    /// What protects this machine and which workers live.
    func sandbox() async -> JSONValue
}

/// The audit chain, to read.
package protocol AuditReading: Sendable {
    /// One page, newest first; `next` is the cursor of the page after, nil at the end.
    func page(cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?)
    /// Entries in their order from behind a number on, one JSON object a line.
    func lines(after seq: Int64, limit: Int) async throws(APIError) -> [UInt8]
    /// Whether the chain is whole.
    func verify() async throws(APIError) -> JSONValue
}

/// The store of secrets, as an operator of a tenant sees and changes it: nothing returns a value.
package protocol SecretAdministration: Sendable {
    /// One page by name; `next` is the cursor of the page after, nil at the end.
    func page(of principal: Principal, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?)
    /// What the list says of one.
    func secret(_ name: String, of principal: Principal) async throws(APIError) -> JSONValue
    /// Keeps a value; the answer is what the list says now.
    func set(_ name: String, to value: [UInt8], by principal: Principal, requestID: String) async throws(APIError) -> JSONValue
    /// Removes one.
    func remove(_ name: String, by principal: Principal, requestID: String) async throws(APIError)
}

/// What plugins did on the network, to read.
package protocol EgressReading: Sendable {
    /// The latest decisions, newest first.
    func decisions(limit: Int) -> [JSONValue]
    /// What holds now: requests under way, idle connections, totals.
    func status() -> JSONValue
}

/// One check of readiness: it must not lie, and it must not hang.
package struct ReadinessCheck: Sendable {
    package var name: String
    /// Milliseconds after which the check counts as failed.
    package var timeoutMilliseconds: Int
    /// nil when all is well, else the reason as an operator may read it without a key.
    package var run: @Sendable () async -> String?

    /// Makes a check.
    package init(_ name: String, timeoutMilliseconds: Int = Limits.readinessMilliseconds, run: @escaping @Sendable () async -> String?) {
        self.name = name
        self.timeoutMilliseconds = timeoutMilliseconds
        self.run = run
    }
}

/// Everything the routes stand on.
package struct APIServices: Sendable {
    package var tools: any ToolCatalogue
    package var plugins: any PluginAdministration
    package var audit: any AuditReading
    package var secrets: any SecretAdministration
    package var egress: any EgressReading
    package var identity: LiveIdentity
    package var jobs: LiveJobs
    package var chat: LiveChat
    package var artifacts: LiveArtifacts
    package var workflows: LiveWorkflows
    package var settings: LiveSettings
    package var checks: [ReadinessCheck]
    /// Prometheus text.
    package var metrics: @Sendable () -> [UInt8]
    package var version: String

    /// Gathers the services.
    package init(
        tools: any ToolCatalogue, plugins: any PluginAdministration, audit: any AuditReading, secrets: any SecretAdministration,
        egress: any EgressReading, identity: LiveIdentity, jobs: LiveJobs = .none, chat: LiveChat = .none, artifacts: LiveArtifacts = .none,
        workflows: LiveWorkflows = .none,
        settings: LiveSettings = .none,
        checks: [ReadinessCheck],
        metrics: @escaping @Sendable () -> [UInt8], version: String
    ) {
        self.tools = tools
        self.plugins = plugins
        self.audit = audit
        self.secrets = secrets
        self.egress = egress
        self.identity = identity
        self.jobs = jobs
        self.chat = chat
        self.artifacts = artifacts
        self.workflows = workflows
        self.settings = settings
        self.checks = checks
        self.metrics = metrics
        self.version = version
    }
}
