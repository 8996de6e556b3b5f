internal import JSON

/// Every setting there is. None switches off a check: that is on purpose (AUTH-11).
package enum SettingsTable {
    /// Protection layers that `sandbox.require` can name; `limen doctor` shows the same words.
    package static let layers = [
        "user", "groups", "capabilities", "no_new_privileges", "user_namespace", "mount", "pid", "network", "ipc", "uts", "cgroup", "network_pool",
        "socket_grant", "private_root", "scratch", "procfs", "landlock", "seccomp", "tripwires", "write_xor_execute", "memory_limit", "cpu_limit",
        "task_limit",
        "memory_peak", "rlimits",
    ]

    /// Ways to build a jail, the strongest first (DESIGN 4); each is proved at start.
    package static let rungs = ["root", "userns", "landlock", "seccomp"]

    /// Certificates of one server.
    package static let certificatesMax = 16

    /// Settings that are given together or not at all.
    package static let pairs: [(String, String)] = [
        ("/sandbox/uid_base", "/sandbox/slots"), ("/listen/tls/certificate", "/listen/tls/key"),
    ]

    private static let rates = 1...1_000_000_000

    /// The table, in the order of the reference.
    package static let all: [Setting] = [
        Setting("listen.address", .text(bytesMax: 64), "127.0.0.1", "IP address to listen on; anything but loopback needs TLS."),
        Setting("listen.port", .integer(0...65535), 8080, "TCP port; 0 takes any free one."),
        Setting(
            "listen.tls.certificate", .texts(countMax: certificatesMax), nil,
            "PEM file of the server's certificate and its chain; with several, the client's wish (SNI) chooses, and the first is for all others."),
        Setting(
            "listen.tls.key", .texts(countMax: certificatesMax), nil,
            "PEM file of the private key, mode 0600; one for each certificate, in that order."),
        Setting(
            "listen.tls.ocsp", .texts(countMax: certificatesMax), nil, "DER file of an OCSP response to staple to the certificate that it is about."),
        Setting(
            "listen.behind_proxy", .flag, false,
            "True says that a proxy in front speaks TLS, so that an address other than loopback may be listened on without it."),
        Setting(
            "listen.hand_over", .flag, false,
            "A second `limen serve` on the data folder takes the first one's place and socket, and no client is refused."),
        Setting(
            "http.cors_origins", .origins(countMax: 64), [], "Origins whose pages may call the API in a browser; none unless listed, and never all."),
        Setting("data", .text(bytesMax: 1024), "var", "Folder of the database, keys and verified bundles."),
        Setting(
            "store.engine", .choice(["sqlite", "postgres"]), "sqlite", "Where the database is: a file in the data folder, or a PostgreSQL server."),
        Setting(
            "store.postgres.host", .text(bytesMax: 255), "localhost",
            "Name or address of the server, or the folder of its Unix socket. TLS is verified for every host but this machine; there is no switch."),
        Setting("store.postgres.port", .integer(1...65535), 5432, "Its TCP port, or the number in the socket's name."),
        Setting("store.postgres.database", .text(bytesMax: 63), "limen", "The database."),
        Setting("store.postgres.user", .text(bytesMax: 63), "limen", "The role: owner of the database, neither superuser nor BYPASSRLS."),
        Setting(
            "store.postgres.password_file", .text(bytesMax: 1024), nil,
            "File of the role's password, mode 0600, that the service's account can read; none where the server asks for none."),
        Setting(
            "store.postgres.ca_file", .text(bytesMax: 1024), nil,
            "PEM file of the authorities that the server's certificate is checked against; the system's unless set."),
        Setting(
            "store.postgres.replica_host", .text(bytesMax: 255), nil,
            "A streaming replica of that server, for reads that may lag: exports, sums, counts. The server itself answers them when it does not; with its database, role, password and authorities."
        ),
        Setting("store.postgres.replica_port", .integer(1...65535), 5432, "Its TCP port, or the number in its socket's name."),
        Setting("store.postgres.connections", .integer(2...1000), 16, "Connections of this host at most; who finds none free within 2 s gets 503."),
        Setting("manifests", .text(bytesMax: 1024), nil, "Folder of granted plugin manifests; `manifests` in the data folder unless set."),
        Setting("sandbox.require", .list(layers), [], "Layers without which the server refuses to start."),
        Setting(
            "sandbox.lowest_rung", .choice(rungs), "landlock",
            "Weakest way to build a jail that plugins are started in; without it they are refused. `seccomp` lets them read the account's files."),
        Setting("sandbox.uid_base", .integer(10_000...2_000_000_000), nil, "First of the user ids that workers run as; only as root."),
        Setting("sandbox.slots", .integer(1...4096), nil, "How many user ids, one a worker; together with uid_base."),
        Setting("sandbox.spares", .integer(0...64), 1, "Loaded workers kept ready for each plugin."),
        Setting("limits.connections", .integer(1...1_000_000), 10_000, "Open connections in all."),
        Setting("limits.connections_per_address", .integer(1...1_000_000), 100, "Open connections of one address."),
        Setting("limits.header_bytes", .bytes(1024...1_048_576), 16_384, "Request line and header fields."),
        Setting("limits.body_bytes", .bytes(1024...1_073_741_824), 2_097_152, "Request body where a route says nothing else."),
        Setting(
            "limits.output_bytes", .bytes(1024...1_073_741_824), 16_777_216, "Longest reply or streamed event, so unsent bytes of one connection."),
        Setting(
            "limits.memory_high_water_bytes", .bytes(67_108_864...1_099_511_627_776), 1_073_741_824,
            "Resident memory of the host from which on new calls and writes get 503 while running ones finish."),
        Setting("limits.rates.reads_per_minute", .integer(rates), 600, "Requests of one caller that read."),
        Setting("limits.rates.writes_per_minute", .integer(rates), 120, "Requests of one caller that change something."),
        Setting("limits.rates.tools_per_minute", .integer(rates), 120, "Tool calls of one caller."),
        Setting(
            "limits.rates.login_per_minute", .integer(rates), 10, "Sign-ins, codes, resets and other uses of passwords of one address or caller."),
        Setting("limits.rates.chat_per_minute", .integer(rates), 60, "Chat turns of one caller."),
        Setting("limits.rates.upload_per_minute", .integer(rates), 10, "Uploads of one caller."),
        Setting("limits.rates.voice_per_minute", .integer(rates), 20, "Transcriptions and syntheses of one caller."),
        Setting("limits.rates.config_per_hour", .integer(rates), 30, "Changes of configuration by one caller."),
        Setting("limits.rates.operations_per_minute", .integer(rates), 60_000, "Requests of one address for health, readiness, metrics and OpenAPI."),
        Setting(
            "limits.rates.strangers_per_minute", .integer(rates), 120, "Requests of one address without a valid key; beyond them 429 instead of 401."),
        Setting("limits.rates.frames_per_second", .integer(1...1_000_000), 20, "Messages that one WebSocket may send."),
        Setting("limits.drain_ms", .milliseconds(100...300_000), 30_000, "How long a stop waits for running work."),
        Setting("identity.sign_up", .choice(["open", "closed"]), "open", "Whether strangers may make accounts; admins always may."),
        Setting("identity.access_token_ms", .milliseconds(900_000...3_600_000), 1_800_000, "How long an access token lives."),
        Setting(
            "identity.password_list", .text(bytesMax: 1024), nil,
            "File of leaked passwords, one a line, that nobody may choose; Debian's (john-data) is read where there is one unless set."),
        Setting("identity.public_url", .text(bytesMax: 512), "http://127.0.0.1:8080", "Where people reach this service: for links in mail."),
        Setting("identity.mail.from", .text(bytesMax: 254), "limen@localhost", "Address that mail is from."),
        Setting(
            "identity.mail.command", .text(bytesMax: 1024), nil,
            "Program like sendmail that letters are handed to; they go to `outbox` in the data folder unless set."),
        Setting("identity.mail.smtp_host", .text(bytesMax: 253), nil, "Mail server that letters are handed to."),
        Setting("identity.mail.smtp_port", .integer(1...65535), 465, "Its port: 465 for tls, 587 for starttls."),
        Setting(
            "identity.mail.smtp_security", .choice(["tls", "starttls", "none"]), "tls",
            "How the connection is kept private; none on this machine alone."),
        Setting(
            "identity.mail.smtp_user", .text(bytesMax: 254), nil,
            "Account there; its password is `smtp.password` of tenant @host (`limen secret set`)."),
        Setting(
            "identity.oidc", .texts(countMax: 32), [],
            "Identity providers to sign in at, each NAME=ISSUER CLIENT [TENANT]; the client's secret is `oidc.NAME` of tenant @host (`limen secret set`)."
        ),
        Setting(
            "chat.models", .texts(countMax: 8), [],
            "Models that answer whoever names none, as `plugin/model`, each tried when those before it cannot; the built-in `extractive` when there are none."
        ),
        Setting(
            "chat.tokenizers", .texts(countMax: 32), [],
            "What counts the tokens of which models, each MODELS=FILE, such as openai/qwen*=/etc/limen/qwen.json; FILE is a `tokenizer.json` (byte-level BPE), `*` any characters, and the first that fits counts. Models without one are estimated."
        ),
        Setting("tools.timeout_ms", .milliseconds(1...60_000), 15_000, "Wall clock of a call whose manifest says nothing."),
        Setting("tools.timeout_cap_ms", .milliseconds(1...60_000), 60_000, "Wall clock that no call may pass."),
        Setting("tools.concurrency_per_user", .integer(1...4096), 64, "Calls in flight of one user."),
        Setting("tools.queue", .integer(0...100_000), 256, "Calls of one plugin that wait for a worker while all are busy; one more gets 429."),
        Setting(
            "log.access", .choice(["on", "errors", "off"]), "on",
            "Whether each request is a line of the log; `errors` are those of status 400 or more."),
        Setting(
            "egress.ca_file", .text(bytesMax: 1024), nil,
            "PEM file of authorities that plugins' requests trust beside the system's; verification cannot be switched off."),
        Setting(
            "egress.private_networks", .texts(countMax: 256), [],
            "Networks inside that one host may resolve to, as HOST=NETWORK such as db.corp.example=10.1.2.0/24; none unless listed."),
        Setting("log.level", .choice(["debug", "info", "warning", "error"]), "info", "Least severe messages that are written."),
    ]
}
