package import JSON

/// What the server was told: limen.json, then `LIMEN_*` variables, then the command line, checked against one schema.
///
/// It holds no secrets: those come from files or the encrypted store only.
package struct Configuration: Sendable, Hashable {
    /// Where to listen.
    package struct Listen: Sendable, Hashable {
        /// IP address.
        package var address: String
        /// TCP port; 0 takes any free one.
        package var port: Int
        /// Certificates; nil for plain HTTP.
        package var tls: TLS?
        /// Whether a proxy in front speaks TLS.
        package var behindProxy: Bool
        /// Whether a second host takes this one's place.
        package var handOver: Bool
    }

    /// What the server shows to its clients.
    package struct TLS: Sendable, Hashable {
        /// PEM files: each server's certificate with its chain.
        package var certificates: [String]
        /// PEM files: the private key of each.
        package var keys: [String]
        /// DER files: OCSP responses.
        package var staples: [String]
    }

    /// What the sandbox needs.
    package struct Sandbox: Sendable, Hashable {
        /// Layers without which the server refuses to start.
        package var require: [String]
        /// Weakest rung on which plugins are started.
        package var lowestRung: String
        /// First user id of the workers; nil unless given together with `slots`.
        package var uidBase: Int?
        /// How many user ids.
        package var slots: Int?
        /// Loaded workers kept ready for each plugin.
        package var spares: Int
    }

    /// Bounds of the server.
    package struct ServerLimits: Sendable, Hashable {
        /// Open connections in all.
        package var connections: Int
        /// Open connections of one address.
        package var connectionsPerAddress: Int
        /// Request line and header fields.
        package var headerBytes: Int
        /// Request body where a route says nothing else.
        package var bodyBytes: Int
        /// Unsent bytes of one connection.
        package var outputBytes: Int
        /// Resident memory from which on new work gets 503.
        package var memoryHighWaterBytes: Int
        /// How long a stop waits for running work.
        package var drainMilliseconds: Int
    }

    /// Requests of one caller, by class.
    package struct Rates: Sendable, Hashable {
        /// Requests that read, a minute.
        package var readsPerMinute: Int
        /// Requests that change something, a minute.
        package var writesPerMinute: Int
        /// Tool calls, a minute.
        package var toolsPerMinute: Int
        /// Chat turns, a minute.
        package var chatPerMinute: Int
        /// Uploads, a minute.
        package var uploadPerMinute: Int
        /// Uses of voice, a minute.
        package var voicePerMinute: Int
        /// Uses of passwords, a minute.
        package var loginPerMinute: Int
        /// Changes of configuration, an hour.
        package var configPerHour: Int
        /// Health, readiness, metrics and OpenAPI, a minute and address.
        package var operationsPerMinute: Int
        /// Requests without a valid key, a minute and address.
        package var strangersPerMinute: Int
        /// Messages of one WebSocket, a second.
        package var framesPerSecond: Int
    }

    /// Bounds of tool calls.
    package struct Tools: Sendable, Hashable {
        /// Wall clock of a call whose manifest says nothing.
        package var timeoutMilliseconds: Int
        /// Wall clock that no call may pass.
        package var timeoutCapMilliseconds: Int
        /// Calls in flight of one user.
        package var concurrencyPerUser: Int
        /// Calls of one plugin that wait for a worker.
        package var queue: Int
    }

    /// Who is let in.
    package struct Identity: Sendable, Hashable {
        /// Whether strangers may make accounts.
        package var isSignUpOpen: Bool
        /// How long an access token lives.
        package var accessMilliseconds: Int
        /// File of leaked passwords.
        package var passwordList: String?
        /// Where people reach the service.
        package var publicURL: String
        /// Address that mail is from.
        package var mailFrom: String
        /// Program that letters are handed to.
        package var mailCommand: String?
        /// Mail server that letters are handed to.
        package var smtpHost: String?
        /// Its port.
        package var smtpPort: Int
        /// `tls`, `starttls` or `none`.
        package var smtpSecurity: String
        /// Account there.
        package var smtpUser: String?
        /// Identity providers, as they were written.
        package var providers: [String]
    }

    /// The way out for plugins.
    package struct Egress: Sendable, Hashable {
        /// Authorities to trust beside the system's; nil for those alone.
        package var authorities: String?
        /// `HOST=NETWORK`, each a network inside that the host may resolve to.
        package var privateNetworks: [String]
    }

    /// Where the database is.
    package struct Store: Sendable, Hashable {
        /// The server; nil for a file in the data folder.
        package var postgres: Postgres?
    }

    /// A PostgreSQL server.
    package struct Postgres: Sendable, Hashable {
        /// Name, address or the folder of a Unix socket.
        package var host: String
        package var port: Int
        package var database: String
        package var user: String
        /// File of the password.
        package var passwordFile: String?
        /// A replica for reads that may lag.
        package var replicaHost: String?
        package var replicaPort: Int
        /// PEM file of authorities.
        package var authorities: String?
        /// Connections at most.
        package var connections: Int
    }

    /// Where to listen.
    package var listen: Listen
    /// Where the database is.
    package var store: Store
    /// Folder of the database, keys and verified bundles.
    package var data: String
    /// Folder of granted manifests.
    package var manifests: String
    /// What the sandbox needs.
    package var sandbox: Sandbox
    /// Bounds of the server.
    package var limits: ServerLimits
    /// Requests of one caller, by class.
    package var rates: Rates
    /// Origins whose pages may call.
    package var corsOrigins: [String]
    /// Bounds of tool calls.
    package var tools: Tools
    /// Who is let in.
    package var identity: Identity
    /// The way out for plugins.
    package var egress: Egress
    /// Models that answer whoever names none, in the order in which they are tried; empty for the built-in one.
    package var chatModels: [String]
    /// What counts the tokens of which models, each `MODELS=FILE`; the first that fits counts.
    package var chatTokenizers: [String]
    /// `debug`, `info`, `warning` or `error`.
    package var logLevel: String
    /// `on`, `errors` or `off`.
    package var logAccess: String

    /// Reads and checks everything; throws with every problem found.
    ///
    /// `file` is limen.json or nil; `arguments` are the command line's, by JSON Pointer (`/listen/port`).
    package static func load(
        file: String?, environment: [String: String] = [:], arguments: [String: JSONValue] = [:]
    ) throws(ConfigurationError) -> Configuration {
        let document = try ConfigurationReader.document(file: file, environment: environment, arguments: arguments)
        let configuration = try Configuration(document)
        try configuration.checkRelations()
        return configuration
    }

    private init(_ document: JSONObject) throws(ConfigurationError) {
        let values = Values(document: document)
        let certificates = values.texts("listen", "tls", "certificate")
        let keys = values.texts("listen", "tls", "key")
        let staples = values.texts("listen", "tls", "ocsp")
        listen = Listen(
            address: try values.text("listen", "address"), port: try values.integer("listen", "port"),
            tls: certificates.isEmpty && staples.isEmpty ? nil : TLS(certificates: certificates, keys: keys, staples: staples),
            behindProxy: try values.flag("listen", "behind_proxy"), handOver: try values.flag("listen", "hand_over"))
        data = try values.text("data")
        store = try Store(values)
        manifests = values.optionalText("manifests") ?? "\(data)/manifests"
        sandbox = Sandbox(
            require: try values.list("sandbox", "require"), lowestRung: try values.text("sandbox", "lowest_rung"),
            uidBase: values.optionalInteger("sandbox", "uid_base"),
            slots: values.optionalInteger("sandbox", "slots"), spares: try values.integer("sandbox", "spares"))
        limits = ServerLimits(
            connections: try values.integer("limits", "connections"),
            connectionsPerAddress: try values.integer("limits", "connections_per_address"),
            headerBytes: try values.integer("limits", "header_bytes"), bodyBytes: try values.integer("limits", "body_bytes"),
            outputBytes: try values.integer("limits", "output_bytes"),
            memoryHighWaterBytes: try values.integer("limits", "memory_high_water_bytes"),
            drainMilliseconds: try values.integer("limits", "drain_ms"))
        tools = Tools(
            timeoutMilliseconds: try values.integer("tools", "timeout_ms"),
            timeoutCapMilliseconds: try values.integer("tools", "timeout_cap_ms"),
            concurrencyPerUser: try values.integer("tools", "concurrency_per_user"), queue: try values.integer("tools", "queue"))
        rates = try Rates(values)
        corsOrigins = try values.list("http", "cors_origins")
        identity = Identity(
            isSignUpOpen: try values.text("identity", "sign_up") == "open", accessMilliseconds: try values.integer("identity", "access_token_ms"),
            passwordList: values.optionalText("identity", "password_list"), publicURL: try values.text("identity", "public_url"),
            mailFrom: try values.text("identity", "mail", "from"),
            mailCommand: values.optionalText("identity", "mail", "command"), smtpHost: values.optionalText("identity", "mail", "smtp_host"),
            smtpPort: try values.integer("identity", "mail", "smtp_port"), smtpSecurity: try values.text("identity", "mail", "smtp_security"),
            smtpUser: values.optionalText("identity", "mail", "smtp_user"),
            providers: values.texts("identity", "oidc"))
        chatModels = values.texts("chat", "models")
        chatTokenizers = values.texts("chat", "tokenizers")
        egress = Egress(
            authorities: values.optionalText("egress", "ca_file"), privateNetworks: values.texts("egress", "private_networks"))
        logLevel = try values.text("log", "level")
        logAccess = try values.text("log", "access")
    }

    private func checkRelations() throws(ConfigurationError) {
        if tools.timeoutMilliseconds > tools.timeoutCapMilliseconds {
            throw ConfigurationError("configuration", "/tools/timeout_ms", "is above tools.timeout_cap_ms")
        }
        if let tls = listen.tls, tls.certificates.count != tls.keys.count {
            throw ConfigurationError("configuration", "/listen/tls/key", "needs as many files as listen.tls.certificate, in the same order")
        }
        if let tls = listen.tls, tls.certificates.isEmpty {
            throw ConfigurationError("configuration", "/listen/tls/ocsp", "needs listen.tls.certificate")
        }
        if limits.connectionsPerAddress > limits.connections {
            throw ConfigurationError("configuration", "/limits/connections_per_address", "is above limits.connections")
        }
    }
}

extension Configuration.Store {
    fileprivate init(_ values: Values) throws(ConfigurationError) {
        func word(_ name: String) throws(ConfigurationError) -> String { try values.text("store", "postgres", name) }
        guard try values.text("store", "engine") == "postgres" else { return }
        postgres = Configuration.Postgres(
            host: try word("host"), port: try values.integer("store", "postgres", "port"), database: try word("database"), user: try word("user"),
            passwordFile: values.optionalText("store", "postgres", "password_file"),
            replicaHost: values.optionalText("store", "postgres", "replica_host"),
            replicaPort: try values.integer("store", "postgres", "replica_port"),
            authorities: values.optionalText("store", "postgres", "ca_file"),
            connections: try values.integer("store", "postgres", "connections"))
    }
}

extension Configuration {
    /// What this file says of settings that the database may change (`RuntimeSettings`), by their names.
    package var runtime: [String: JSONValue] {
        [
            "rates.reads_per_minute": JSONValue(rates.readsPerMinute), "rates.writes_per_minute": JSONValue(rates.writesPerMinute),
            "rates.tools_per_minute": JSONValue(rates.toolsPerMinute), "rates.chat_per_minute": JSONValue(rates.chatPerMinute),
            "rates.upload_per_minute": JSONValue(rates.uploadPerMinute), "rates.voice_per_minute": JSONValue(rates.voicePerMinute),
            "rates.config_per_hour": JSONValue(rates.configPerHour), "rates.frames_per_second": JSONValue(rates.framesPerSecond),
            "rates.login_per_minute": JSONValue(rates.loginPerMinute), "rates.operations_per_minute": JSONValue(rates.operationsPerMinute),
            "rates.strangers_per_minute": JSONValue(rates.strangersPerMinute), "sign_up": .string(identity.isSignUpOpen ? "open" : "closed"),
        ]
    }
}

extension Configuration.Rates {
    fileprivate init(_ values: Values) throws(ConfigurationError) {
        func rate(_ name: String) throws(ConfigurationError) -> Int { try values.integer("limits", "rates", name) }
        readsPerMinute = try rate("reads_per_minute")
        writesPerMinute = try rate("writes_per_minute")
        toolsPerMinute = try rate("tools_per_minute")
        chatPerMinute = try rate("chat_per_minute")
        uploadPerMinute = try rate("upload_per_minute")
        voicePerMinute = try rate("voice_per_minute")
        loginPerMinute = try rate("login_per_minute")
        configPerHour = try rate("config_per_hour")
        operationsPerMinute = try rate("operations_per_minute")
        strangersPerMinute = try rate("strangers_per_minute")
        framesPerSecond = try rate("frames_per_second")
    }
}

/// Reads a document that the schema has accepted.
private struct Values {
    let document: JSONObject

    func integer(_ path: String...) throws(ConfigurationError) -> Int {
        guard let value = ConfigurationReader.get(path, in: document)?.intValue else { throw mismatch(path) }
        return value
    }

    func optionalText(_ path: String...) -> String? { ConfigurationReader.get(path, in: document)?.stringValue }

    func optionalInteger(_ path: String...) -> Int? { ConfigurationReader.get(path, in: document)?.intValue }

    func flag(_ path: String...) throws(ConfigurationError) -> Bool {
        guard let value = ConfigurationReader.get(path, in: document)?.boolValue else { throw mismatch(path) }
        return value
    }

    func text(_ path: String...) throws(ConfigurationError) -> String {
        guard let value = ConfigurationReader.get(path, in: document)?.stringValue else { throw mismatch(path) }
        return value
    }

    /// One text or several; none when it is unset.
    func texts(_ path: String...) -> [String] {
        guard let value = ConfigurationReader.get(path, in: document) else { return [] }
        return value.stringValue.map { [$0] } ?? value.arrayValue?.compactMap(\.stringValue) ?? []
    }

    func list(_ path: String...) throws(ConfigurationError) -> [String] {
        guard let value = ConfigurationReader.get(path, in: document)?.arrayValue else { throw mismatch(path) }
        return value.compactMap(\.stringValue)
    }

    private func mismatch(_ path: [String]) -> ConfigurationError {
        ConfigurationError("configuration", "/" + path.joined(separator: "/"), "has another type than its schema says")
    }
}
