/// Every command, in the order of the help.
enum Commands {
    static let table = CommandTable(
        commands: [serve, doctor] + user + tenants + audit + plugin + publishing + secrets + [
            egressTest, bench, benchEgress, benchStore, benchChat, benchChat, benchMeasure, benchSoak, pluginDev, openapi, configCheck,
            configReference,
        ])

    private static let data = Option.value("data", "DIR", "data folder: database, keys, bundles (var)")
    private static let manifests = Option.value("manifests", "DIR", "what each plugin is granted (DATA/manifests)")
    private static let config = Option.value("config", "FILE", "configuration (limen.json when there is one)")
    private static let groups = Option.flag("accept-groups", "rootless: start although this account has supplementary groups")
    private static let libraries = Option.value("libraries", "DIR", "take libNAME.so from there instead of building")

    private static let recording = [
        Option.value("record", "FILE", "keep what each call saw: clock, randomness, fetches, key-value state, config, input, answer"),
        .value("replay", "FILE", "make the recorded calls again, without network, and compare"),
    ]
    private static let key = Option.value("key", "FILE", "sign with that key (the data folder's own, or yours: ~/.config/limen/publisher.key)")
    private static let trustFolder = [data, manifests]

    private static let serve = Command(
        "serve", summary: "Serve tools over HTTP.",
        options: [
            .value("listen", "ADDRESS:PORT", "where to listen (127.0.0.1:8080)"),
            .value("tls-certificate", "FILE,...", "PEM: the server's certificate and its chain; read again when it changes"),
            .value("tls-key", "FILE,...", "PEM: its private key, mode 0600"), .value("tls-ocsp", "FILE,...", "DER: an OCSP response to staple"), data,
            manifests, config, groups,
        ],
        outer: ServeCommand.outer, run: ServeCommand.run)

    private static let doctor = Command(
        "doctor", summary: "Show what this kernel and this account can enforce.", options: [.flag("json", "print one JSON object")],
        outer: DoctorCommand.outer,
        run: DoctorCommand.run)

    private static let plugin = [
        Command(
            "plugin new", "NAME", summary: "Write a plugin that builds and passes its own tests at once.",
            options: [.value("language", "swift|c|rust", "what it is written in (swift)")], operandsMax: 1, run: AuthorCommands.new),
        Command(
            "plugin dev", "DIR",
            summary: "On every save: build, reload in the real jail, show what the examples say. Type TOOL INPUT to call a tool.", options: [groups],
            operandsMax: 1,
            run: DevCommand.run),
        Command("plugin build", "DIR", summary: "Build a plugin's library.", operandsMax: 1, run: AuthorCommands.build),
        Command(
            "plugin pack", "DIR...", summary: "Build and sign a bundle NAME-VERSION/ that can be installed wherever its publisher is trusted.",
            options: [.value("output", "DIR", "where to put it (.)"), libraries, key, data, groups], operandsMax: 64, outer: PackCommand.outer,
            run: PackCommand.run),
        Command(
            "plugin install", "BUNDLE...", summary: "Verify a bundle, show what it asks for or how that differs, write its manifest.",
            options: [
                .flag("enable", "enable it without asking"), .flag("yes", "agree to whatever would be asked, a wider grant included"),
                .value("canary", "PERCENT", "try it with that share of the calls beside the version in force"),
                .value("mounts", "TARGET=DIR,...", "folders of this host for the mounts it asks for"),
                .value("hosts", "[http://]HOST[:PORT],...", "whom it may reach, if it leaves that to you (*.example.com is all below)"),
                .value("with-config", "JSON", "settings of its own, over those that it has"), data, manifests,
            ], operandsMax: 64, run: InstallCommand.run),
        Command(
            "plugin rollback", "NAME", summary: "Put the previous version back, or end the trial of a new one.", options: [data, manifests],
            operandsMax: 1, run: VersionCommands.rollback),
        Command(
            "plugin promote", "NAME", summary: "Give all calls to the version on trial.", options: [data, manifests], operandsMax: 1,
            run: VersionCommands.promote),
        Command(
            "plugin history", "NAME", summary: "Show who granted what when.",
            options: [.value("limit", "ROWS", "how many, newest first (50)"), data, manifests], operandsMax: 1, run: VersionCommands.history),
        Command(
            "plugin list", summary: "Show every plugin, its state and the reason when it is broken.", options: [data, manifests],
            run: OperatorCommands.list),
        Command(
            "plugin enable", "NAME", summary: "Let a plugin be called.", options: [data, manifests], operandsMax: 1, run: OperatorCommands.enable),
        Command(
            "plugin disable", "NAME", summary: "Stop a plugin from being called.", options: [data, manifests], operandsMax: 1,
            run: OperatorCommands.disable),
        Command(
            "plugin schema", "DIR", summary: "Print the schemas that a plugin's library derives.", options: [libraries, groups], operandsMax: 1,
            outer: SchemaCommand.outer, run: SchemaCommand.run),
        Command(
            "plugin test", "DIR", summary: "Run a plugin's examples in the real jail.", options: [libraries, groups] + recording, operandsMax: 1,
            outer: TestCommand.outer, run: TestCommand.run),
        Command(
            "plugin run", "NAME|DIR TOOL INPUT", summary: "Call one tool in the real jail.",
            options: [data, manifests, libraries, groups] + recording,
            operandsMax: 3, outer: RunCommand.outer, run: RunCommand.run),
        Command(
            "plugin ask", "MODEL TEXT|INPUT|@FILE",
            summary: "Ask an installed model once, with its grant and its key: PLUGIN/MODEL, or the name alone.",
            options: [
                .value("kind", "KIND", "what the adapter does (model.chat); INPUT is JSON then"),
                .value("patience", "MS", "how long it may say nothing (30000)"), .flag("json", "events and answer as lines of JSON"),
                .value("config", "FILE", "limen.json"), data, manifests, groups,
            ], operandsMax: 2, outer: AskCommand.outer, run: AskCommand.run),
    ]

    private static let publishing = [
        Command(
            "plugin sign", "BUNDLE...", summary: "Sign a packed bundle; its files must be as plugin.json lists them.", options: [key, data],
            operandsMax: 64, run: KeyCommands.sign),
        Command(
            "plugin verify", "BUNDLE...", summary: "Check every byte of a bundle and who signed it; install nothing.",
            options: [.value("trust", "FILE", "trust that publisher alone, instead of those of the data folder")] + trustFolder, operandsMax: 64,
            run: TrustCommands.verify),
        Command(
            "plugin key new", summary: "Make a publisher's key.",
            options: [
                .value("name", "NAME", "the publisher that its bundles name"),
                .value("output", "FILE", "where to put it (~/.config/limen/publisher.key)"),
            ], run: KeyCommands.new),
        Command(
            "plugin key show", summary: "Print the trust file of a key, for others to trust: its public half and nothing else.",
            options: [key, data], run: KeyCommands.show),
        Command(
            "plugin trust add", "FILE", summary: "Take the bundles of a publisher from now on.",
            options: [
                .value("plugins", "NAMES", "only these plugins, by commas; `acme-*` is all that begin so"),
                .value("until", "TIME", "only until then, such as 2027-01-31T00:00:00Z"),
                .flag("replace", "over what is trusted under that name now"),
            ] + trustFolder, operandsMax: 1, run: TrustCommands.add),
        Command(
            "plugin trust list", summary: "Show trusted publishers, the fingerprints of their keys, and how long they are valid.",
            options: trustFolder, run: TrustCommands.list),
        Command(
            "plugin trust remove", "NAME", summary: "Take no more bundles of a publisher; a running server stops its plugins.",
            options: trustFolder, operandsMax: 1, run: TrustCommands.remove),
    ]

    private static let tenant = Option.value("tenant", "ID", "whose calls it is for (main)")
    private static let secrets = [
        Command(
            "secret set", "NAME", summary: "Keep a secret, encrypted; its value comes from standard input or a file, never from an argument.",
            options: [tenant, .value("file", "FILE", "read the value from there"), data], operandsMax: 2, run: SecretCommands.set),
        Command(
            "secret list", summary: "Show names, times and uses of secrets; never a value.",
            options: [.value("tenant", "ID", "of that tenant alone"), data], run: SecretCommands.list),
        Command("secret remove", "NAME", summary: "Remove a secret.", options: [tenant, data], operandsMax: 1, run: SecretCommands.remove),
        Command(
            "keys rotate", summary: "Seal every secret's key under a new master key, while the server runs.", options: [data],
            run: SecretCommands.rotate),
        Command(
            "backup", "FILE", summary: "Copy the database into a new file, whole and of one moment, while the server runs.", options: [data],
            operandsMax: 1, run: BackupCommands.backup),
        Command(
            "restore", "FILE", summary: "Put a backup in the place of the database; the server is stopped.",
            options: [.flag("yes", "replace what is there"), data], operandsMax: 1, run: BackupCommands.restore),
    ]

    private static let ofTenant = Option.value("tenant", "ID", "of that tenant (main)")
    private static let user = [
        Command(
            "user create", "EMAIL", summary: "Make an account; prints a one-time password, unless a file has another.",
            options: [
                .value("role", "user|admin|operator", "what it may do (user)"), .value("handle", "NAME", "the name that others see"),
                .value("file", "FILE", "read the password from there; then it need not be changed"), ofTenant, data,
            ], operandsMax: 1, run: UserCommands.create),
        Command("user list", summary: "Show accounts, their roles and states.", options: [ofTenant, data], run: UserCommands.list),
        Command(
            "user role", "EMAIL ROLE", summary: "Give an account another role; it is signed out everywhere.", options: [ofTenant, data],
            operandsMax: 2, run: UserCommands.role),
        Command(
            "user disable", "EMAIL", summary: "Refuse an account, its sessions and its keys from now on.", options: [ofTenant, data],
            operandsMax: 1, run: UserCommands.disable),
        Command(
            "user enable", "EMAIL", summary: "Let a disabled account in again.", options: [ofTenant, data], operandsMax: 1, run: UserCommands.enable),
        Command(
            "user reset", "EMAIL", summary: "Sign an account out everywhere and give it a one-time password.",
            options: [.flag("mfa", "take its second factor away too"), ofTenant, data], operandsMax: 1, run: UserCommands.reset),
        Command(
            "user key", "EMAIL", summary: "Make an API key of an account and print it, this once.",
            options: [
                .value("scopes", "LIST", "what it is for: read,write,tools,metrics,admin (read,write,tools)"),
                .value("name", "NAME", "what lists call it (cli)"), .value("days", "DAYS", "how long it lives (90)"), ofTenant, data,
            ], operandsMax: 1, run: UserCommands.key),
    ]

    private static let tenants = [
        Command(
            "tenant create", "ID", summary: "Make a tenant.",
            options: [
                .value("name", "NAME", "what people call it (ID)"), .value("host", "HOST", "who signs up at that host name belongs to it"), data,
            ],
            operandsMax: 1, run: TenantCommands.create),
        Command("tenant list", summary: "Show tenants and their states.", options: [data], run: TenantCommands.list),
        Command(
            "tenant disable", "ID", summary: "Refuse everybody of a tenant from now on.", options: [data], operandsMax: 1, run: TenantCommands.disable
        ),
        Command("tenant enable", "ID", summary: "Let a disabled tenant in again.", options: [data], operandsMax: 1, run: TenantCommands.enable),
    ]
    private static let audit = [
        Command(
            "audit verify", summary: "Recompute the audit log's chain; exit code 1 when an entry is missing or was altered.", options: [data],
            run: AuditCommands.verify),
        Command(
            "audit export", summary: "Print the audit log, one JSON object a line.",
            options: [.value("after", "SEQ", "only what follows that entry"), data], run: AuditCommands.export),
    ]

    private static let egressTest = Command(
        "egress test", "MANIFEST URL", summary: "Explain what a manifest's egress rules make of a request; nothing is looked up or sent.",
        options: [
            .value("method", "METHOD", "of a fetch (GET)"), .flag("connect", "a tunnel: URL is HOST:PORT"),
            .value("resolve", "HOST=ADDRESS,...", "judge these answers as if the DNS had given them"),
            .value("private", "HOST=NETWORK,...", "as if the operator had opened these networks for that host"),
        ], operandsMax: 2, run: EgressCommand.test)

    private static let bench = Command(
        "bench", summary: "Measure starts, calls, schemas, a storm of starts and reloads; a table, or one JSON object.",
        options: [
            .flag("json", "print one JSON object"), .value("parts", "LIST", "only these: calls,storm,reload,rootless"),
            .flag("brief", "little of everything: to see that it runs, not for figures"),
            .value("soak", "SECONDS", "call plugins without pause instead, and count deaths"),
            .value("bundles", "DIR", "packed bundles to measure with (var/bundles)"), groups,
        ], run: BenchCommand.run)
    private static let benchEgress = Command(
        "bench egress", summary: "Measure what the egress proxy adds, beside squid and tinyproxy; a table, or one JSON object.",
        options: [
            .flag("json", "print one JSON object"), .flag("brief", "little of everything: to see that it runs, not for figures"),
            .value("serve", "ROLE", "be one of the servers that the bench starts for itself: upstream or tunnels"),
            .value("port", "PORT", "with --serve tunnels: the server behind"),
        ], run: EgressBench.run)
    private static let benchStore = Command(
        "bench store", summary: "Measure session checks, small writes, pages out of many rows and sign-ins; a table, or one JSON object.",
        options: [
            .flag("json", "print one JSON object"), .flag("brief", "little of everything: to see that it runs, not for figures"),
            .value("rows", "COUNT", "rows to page through (10000000)"),
            .value("folder", "DIR", "leave the rows there, as rows.db, for a peer"),
            .value("postgres", "FOLDER", "measure a PostgreSQL too: the folder of its socket; its databases `rows` and `identity` are filled"),
        ], run: StoreBench.run)
    private static let benchChat = Command(
        "bench chat", summary: "Measure stored turns with the built-in model, first tokens and a long conversation; a table, or one JSON object.",
        options: [.flag("json", "print one JSON object"), .flag("brief", "little of everything: to see that it runs, not for figures")],
        run: ChatBench.run)
    private static let benchMeasure = Command("bench-measure", summary: "", isInner: true, run: BenchMeasure.run)
    private static let benchSoak = Command("bench-soak", summary: "", isInner: true, run: BenchSoak.run)
    private static let pluginDev = Command("plugin-dev", summary: "", isInner: true, run: DevService.run)

    private static let openapi = Command("openapi", summary: "Print the OpenAPI 3.1 document.", run: OpenAPICommand.run)

    private static let configCheck = Command(
        "config check", summary: "Check a configuration without starting.", options: [config], run: ConfigCommands.check)
    private static let configReference = Command(
        "config reference", summary: "Print every setting with type, range, default and variable.", run: ConfigCommands.reference)
}
