// swift-tools-version: 6.2
// Limen has no package dependencies: what we do not write ourselves comes from Debian's C libraries (ARCHITECTURE.md).
import PackageDescription

/// Settings of every Swift target; `.ci/run` adds `-warnings-as-errors`.
let shared: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

/// What is loaded at the start of a jail carries its runtime with it: loading the shared C++ library alone costs the better part of a millisecond a start.
/// `Sandbox/Link` holds a linker script that makes `-lstdc++` mean the archive.
let carriesRuntime =
    ["-static-stdlib", "-no-toolchain-stdlib-rpath", "-use-ld=lld", "-L\(Context.packageDirectory)/Sandbox/Link"]
    + linker("--gc-sections", "-z", "pack-relative-relocs")
let selfContained: [LinkerSetting] = [.unsafeFlags(carriesRuntime)]

/// Lets the libraries that a worker loads find its clock and randomness (Sandbox/CConditions) before the C library's.
let exportsConditions: LinkerSetting = .unsafeFlags(
    [
        "clock_gettime", "gettimeofday", "time", "timespec_get", "getrandom", "getentropy", "arc4random", "arc4random_buf", "arc4random_uniform",
        "nanosleep", "clock_nanosleep", "sleep", "usleep", "syscall", "sem_timedwait", "sem_clockwait", "pthread_cond_timedwait",
        "pthread_cond_clockwait", "timerfd_settime", "epoll_wait", "poll", "select",
    ].flatMap { linker("--export-dynamic-symbol=\($0)") })

/// Hides every symbol but the entry's.
let exportsEntryOnly: LinkerSetting = .unsafeFlags(linker("--version-script=\(Context.packageDirectory)/SDK/exports.map"))

/// A bundle is hashed and mapped for every worker's start: no symbol table in a release.
let stripped: LinkerSetting = .unsafeFlags(linker("-s"), .when(configuration: .release))

/// A plugin exports its entry symbol and nothing else, so that two runtimes in one process never meet.
let pluginLink: [LinkerSetting] = [
    .unsafeFlags(
        // libgcc too: the worker has the shared one loaded for plugins that end threads.
        carriesRuntime + ["-Xclang-linker", "-static-libgcc"] + linker("--exclude-libs=ALL", "-z", "relro", "-z", "now", "-z", "defs")),
    exportsEntryOnly, stripped,
]

/// The same with the runtime beside it in the bundle's `lib/`, as a plugin may also be built.
let pluginLinkDynamic: [LinkerSetting] = [
    .unsafeFlags(["-no-toolchain-stdlib-rpath"] + linker("--gc-sections", "-rpath=$ORIGIN", "-z", "relro", "-z", "now", "-z", "defs")),
    exportsEntryOnly,
    stripped,
]

func linker(_ flags: String...) -> [String] { flags.flatMap { ["-Xlinker", $0] } }

func swift(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: [], swiftSettings: shared)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: shared)
}

/// Makes a plugin carry Debian's static archives instead of needing shared libraries in its jail.
let archivesFirst: LinkerSetting = .unsafeFlags(["-L\(Context.packageDirectory)/Plugins/StaticLibraries"])

/// A bundled plugin is two targets: its logic, which tests import, and `<Name>Entry` in `Plugins/<Folder>/Entry`, which exports the
/// entry symbol and alone carries the link flags (both would otherwise reach the test bundle: six entry symbols, a static runtime).
func plugin(_ name: String, _ folder: String, _ dependencies: [Target.Dependency] = []) -> [Target] {
    [
        .target(
            name: "\(name)Plugin", dependencies: ["LimenPlugin", "PluginABI", "JSON"] + dependencies, path: "Plugins/\(folder)/Sources",
            swiftSettings: shared),
        .target(
            name: "\(name)Entry", dependencies: [.target(name: "\(name)Plugin"), "LimenPlugin", "PluginABI"], path: "Plugins/\(folder)/Entry",
            swiftSettings: shared, linkerSettings: pluginLink + [archivesFirst]),
    ]
}

let sdk: [Target] = [
    .target(name: "PluginABI", path: "SDK/PluginABI"),
    .systemLibrary(name: "CPCRE2", path: "SDK/CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    swift("JSON", "SDK/JSON"),
    swift("JSONSchema", "SDK/JSONSchema", ["JSON", "CPCRE2"]),
    swift("LimenPlugin", "SDK/LimenPlugin", ["PluginABI", "JSON"]),
    swift("PluginHarness", "SDK/PluginHarness", ["LimenPlugin", "PluginABI", "JSON"]),
]

let sandbox: [Target] = [
    .target(name: "CLinux", path: "Sandbox/CLinux"),
    swift("WorkerProtocol", "Sandbox/WorkerProtocol", ["JSON"]),
    swift("Jail", "Sandbox/Jail", ["CLinux", "WorkerProtocol"]),
    swift("Supervisor", "Sandbox/Supervisor", ["WorkerProtocol", "JSON", "Jail"]),
    .target(name: "CConditions", path: "Sandbox/CConditions"),
    .executableTarget(
        name: "limen-worker", dependencies: ["Jail", "WorkerProtocol", "PluginABI", "CLinux", "CConditions"], path: "Sandbox/Worker",
        swiftSettings: shared, linkerSettings: selfContained + [exportsConditions]),
    .executableTarget(
        name: "limen-spawner", dependencies: ["Jail", "WorkerProtocol", "CLinux"], path: "Sandbox/Spawner",
        swiftSettings: shared, linkerSettings: selfContained),
]

let host: [Target] = [
    .systemLibrary(name: "COpenSSL", path: "Host/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", path: "Host/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CPQ", path: "Host/CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CZlib", path: "Host/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    swift("IO", "Host/IO", ["CLinux", "COpenSSL"]),
    swift("Telemetry", "Host/Telemetry", ["JSON", "IO", "CLinux"]),
    swift("Config", "Host/Config", ["JSON", "JSONSchema"]),
    swift("Crypto", "Host/Crypto", ["COpenSSL"]),
    swift("HTTP", "Host/HTTP", ["IO", "JSON", "CLinux", "CZlib"]),
    swift("Store", "Host/Store", ["CSQLite", "CPQ", "IO", "JSON", "Crypto"]),
    swift("Identity", "Host/Identity", ["Store", "Crypto", "IO", "JSON"]),
    swift("Workflows", "Host/Workflows", ["Store", "Crypto", "IO", "JSON", "JSONSchema"]),
    swift("Artifacts", "Host/Artifacts", ["Store", "Crypto", "IO", "JSON"]),
    swift("Tokens", "Host/Tokens", ["Store", "IO", "JSON"]),
    swift(
        "Chat", "Host/Chat",
        ["Artifacts", "Workflows", "Tokens", "Tools", "Registry", "Supervisor", "WorkerProtocol", "Store", "Crypto", "IO", "JSON"]),
    swift("Registry", "Host/Registry", ["Store", "Crypto", "JSON", "JSONSchema", "Telemetry", "CLinux", "IO"]),
    swift("Workers", "Host/Workers", ["IO", "Supervisor", "WorkerProtocol", "Jail", "Telemetry", "JSON", "CLinux"]),
    swift("Egress", "Host/Egress", ["Registry", "Store", "HTTP", "IO", "JSON", "Telemetry"]),
    swift(
        "Tools", "Host/Tools",
        ["Registry", "Workers", "Egress", "Supervisor", "JSON", "JSONSchema", "IO", "Store", "Telemetry", "Crypto", "WorkerProtocol"]),
    swift(
        "API", "Host/API",
        [
            "Identity", "Tools", "Registry", "Workers", "Egress", "HTTP", "IO", "JSON", "JSONSchema", "Store", "Telemetry", "Config", "Crypto",
            "Supervisor",
            "WorkerProtocol", "Artifacts", "Chat", "Workflows",
        ]),
    .executableTarget(
        name: "limen",
        dependencies: [
            "API", "Artifacts", "Chat", "Workflows", "Identity", "Tools", "Registry", "Egress", "Workers", "HTTP", "IO", "JSON", "JSONSchema",
            "Store",
            "Telemetry", "Config",
            "Crypto", "Tokens",
            "Supervisor", "Jail", "WorkerProtocol", "CLinux",
        ], path: "Host/Limen", swiftSettings: shared, linkerSettings: selfContained),
]

let plugins: [Target] =
    [
        // No pkg-config here: its -L would come before `archivesFirst`. The module maps name the libraries.
        .systemLibrary(name: "CCMark", path: "Plugins/CCMark", providers: [.apt(["libcmark-gfm-dev", "libcmark-gfm-extensions-dev"])]),
        .systemLibrary(name: "CGumbo", path: "Plugins/CGumbo", providers: [.apt(["libgumbo-dev"])]),
        .systemLibrary(name: "CExpat", path: "Plugins/CExpat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CPCRE2Archive", path: "Plugins/CPCRE2Archive", providers: [.apt(["libpcre2-dev"])]),
        swift("HTMLTree", "Plugins/HTMLTree", ["CGumbo", "LimenPlugin"]),
        swift("ModelWire", "Plugins/ModelWire", ["LimenPlugin", "JSON"]),
        .target(
            name: "SysprobePlugin", dependencies: ["PluginABI"], path: "Plugins/Sysprobe/Sources",
            linkerSettings: [.unsafeFlags(["-static-stdlib", "-nostartfiles", "-no-toolchain-stdlib-rpath"]), exportsEntryOnly, stripped]),
    ] + plugin("Text", "Text", ["CPCRE2Archive"]) + plugin("Calc", "Calc") + plugin("Table", "Table") + plugin("Markdown", "Markdown", ["CCMark"])
    + plugin("Time", "Time") + plugin("Sanitizer", "Sanitizer", ["HTMLTree"]) + plugin("Web", "Web", ["HTMLTree", "CExpat"])
    + plugin("OpenAI", "OpenAI", ["ModelWire"]) + plugin("Anthropic", "Anthropic", ["ModelWire"]) + plugin("Zhipu", "Zhipu", ["ModelWire"])
    + plugin("Moonshot", "Moonshot", ["ModelWire"])

/// A plugin that exercises what the Swift runtime needs inside a jail, linked both ways.
let fixtures: [Target] = [
    swift("RuntimeProbe", "Tests/Fixtures/RuntimeProbe/Sources", ["LimenPlugin", "JSON"]),
    .target(
        name: "RuntimeProbeStatic", dependencies: ["RuntimeProbe", "LimenPlugin", "PluginABI"], path: "Tests/Fixtures/RuntimeProbe/StaticEntry",
        swiftSettings: shared, linkerSettings: pluginLink),
    .target(
        name: "RuntimeProbeDynamic", dependencies: ["RuntimeProbe", "LimenPlugin", "PluginABI"], path: "Tests/Fixtures/RuntimeProbe/DynamicEntry",
        swiftSettings: shared, linkerSettings: pluginLinkDynamic),
]

let testTargets: [Target] = [
    .target(
        name: "TestSupport", dependencies: ["Tools", "Workers", "Supervisor", "Store", "JSON", "JSONSchema", "WorkerProtocol", "IO", "CLinux"],
        path: "Tests/Support", swiftSettings: shared),
    // What tests of every layer use; it needs nothing of the host, so that the lower layers' tests build without it.
    .target(name: "TestKit", dependencies: ["JSON"], path: "Tests/Kit", swiftSettings: shared),
    // What tests of anything with rows share.
    .target(name: "StoreKit", dependencies: ["Store"], path: "Tests/StoreKit", swiftSettings: shared),
    // A second source of system call numbers, for tests of ours.
    .systemLibrary(name: "CSeccomp", path: "Tests/CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    // What only C can do in a test: a child of a threaded process that goes on without a runtime.
    .target(name: "CKit", path: "Tests/CKit"),
    tests("JSONTests", ["JSON", "TestKit"]),
    tests("JSONSchemaTests", ["JSONSchema", "JSON", "TestKit"]),
    tests("LimenPluginTests", ["LimenPlugin", "PluginHarness", "RuntimeProbe", "JSON", "JSONSchema", "PluginABI"]),
    tests("WorkerProtocolTests", ["WorkerProtocol", "JSON", "TestKit"]),
    tests("JailTests", ["Jail", "CLinux", "CSeccomp", "CKit", "WorkerProtocol", "TestKit"]),
    tests("SupervisorTests", ["Supervisor", "WorkerProtocol", "JSON", "Jail", "TestKit"]),
    tests("IOTests", ["IO", "CLinux", "TestKit"]),
    tests("HTTPTests", ["HTTP", "IO", "JSON", "CLinux", "CZlib", "TestKit"]),
    tests("CryptoTests", ["Crypto"]),
    tests("WorkflowsTests", ["Workflows", "Store", "Crypto", "IO", "JSON", "JSONSchema", "TestKit"]),
    tests("ArtifactsTests", ["Artifacts", "Store", "Crypto", "IO", "JSON", "TestKit", "StoreKit"]),
    tests("TokensTests", ["Tokens", "IO", "JSON", "TestKit"]),
    tests("ChatTests", ["Artifacts", "Workflows", "Chat", "Tokens", "Tools", "Supervisor", "Store", "Crypto", "IO", "JSON", "TestKit", "StoreKit"]),
    tests("IdentityTests", ["Identity", "Store", "Crypto", "IO", "JSON", "TestKit"]),
    tests("StoreTests", ["Store", "IO", "JSON", "Crypto", "CSQLite", "TestKit"]),
    tests("TelemetryTests", ["Telemetry", "JSON", "IO"]),
    tests("ConfigTests", ["Config", "JSON", "JSONSchema"]),
    swift("EgressCases", "Tests/EgressCases", ["Registry", "HTTP", "IO", "TestKit"]),
    tests("EgressTests", ["EgressCases", "Egress", "Registry", "Store", "HTTP", "IO", "JSON", "Telemetry", "TestKit"]),
    tests("RegistryTests", ["Registry", "Store", "JSON", "JSONSchema", "Crypto", "Telemetry", "IO"]),
    tests(
        "ToolsTests",
        [
            "Tools", "Workers", "Registry", "Supervisor", "Store", "IO", "JSON", "JSONSchema", "Telemetry", "Crypto", "WorkerProtocol", "Jail",
            "LimenPlugin", "TestSupport",
        ]),
    tests(
        "APITests",
        [
            "API", "Artifacts", "Chat", "Workflows", "Identity", "Crypto", "HTTP", "IO", "JSON", "JSONSchema", "Tools", "Registry", "Store", "Config",
            "Telemetry",
            "TestKit", "StoreKit",
        ]),
    tests("LimenTests", ["JSON", "JSONSchema", "HTTP", "IO", "CLinux", "TestKit"]),
    tests(
        "PluginsTests",
        [
            "JSON", "JSONSchema", "LimenPlugin", "PluginHarness", "CalcPlugin", "TablePlugin", "TextPlugin", "TimePlugin", "MarkdownPlugin",
            "SanitizerPlugin", "WebPlugin", "ModelWire", "OpenAIPlugin", "AnthropicPlugin", "ZhipuPlugin", "MoonshotPlugin",
        ]),
    swift(
        "EscapeSuite", "Tests/EscapeSuite",
        [
            "EgressCases", "TestKit", "Telemetry", "Tools", "Egress", "Registry", "Store", "Crypto", "Workers", "Supervisor", "IO", "Jail", "CLinux",
            "JSON",
        ]),
    .executableTarget(name: "limen-escape", dependencies: ["EscapeSuite"], path: "Tests/EscapeRunner", swiftSettings: shared),
    tests("EscapeTests", ["EscapeSuite", "EgressCases"]),
    // The server of the HTTP benchmark and of the load tests, and the clients that one process of Python could not be.
    .executableTarget(
        name: "limen-bench-http", dependencies: ["HTTP", "IO", "JSON", "Telemetry"], path: "Tests/Benchmarks/HTTP", swiftSettings: shared),
    .executableTarget(name: "limen-load", path: "Tests/LoadClient"),
    .testTarget(
        name: "LoadTests", dependencies: ["CLinux", "limen-bench-http", "limen-load"], path: "Tests/LoadTests", swiftSettings: shared),
    tests("ArchitectureTests", ["JSON"]),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "JSON", "JSONSchema", "HTTP", "IO", "WorkerProtocol", "Jail", "Registry", "Egress", "CalcPlugin", "TablePlugin", "TimePlugin",
            "WebPlugin", "ModelWire", "LimenPlugin", "Workflows", "Tokens",
        ],
        path: "Tests/Fuzz/Targets", swiftSettings: shared),
    tests("FuzzTests", ["FuzzTargets", "TestKit"]),
]

let package = Package(
    name: "limen",
    products: [
        .executable(name: "limen", targets: ["limen"]),
        .executable(name: "limen-worker", targets: ["limen-worker"]),
        .executable(name: "limen-spawner", targets: ["limen-spawner"]),
        .library(name: "LimenPlugin", targets: ["LimenPlugin"]),
        .library(name: "JSONKit", targets: ["JSON", "JSONSchema"]),
        .library(name: "PluginHarness", targets: ["PluginHarness"]),
        .library(name: "runtimeprobe", type: .dynamic, targets: ["RuntimeProbeStatic"]),
        .library(name: "runtimeprobe-dynamic", type: .dynamic, targets: ["RuntimeProbeDynamic"]),
        .library(name: "text", type: .dynamic, targets: ["TextEntry"]),
        .library(name: "calc", type: .dynamic, targets: ["CalcEntry"]),
        .library(name: "table", type: .dynamic, targets: ["TableEntry"]),
        .library(name: "markdown", type: .dynamic, targets: ["MarkdownEntry"]),
        .library(name: "time", type: .dynamic, targets: ["TimeEntry"]),
        .library(name: "sanitizer", type: .dynamic, targets: ["SanitizerEntry"]),
        .library(name: "web", type: .dynamic, targets: ["WebEntry"]),
        .library(name: "openai", type: .dynamic, targets: ["OpenAIEntry"]),
        .library(name: "anthropic", type: .dynamic, targets: ["AnthropicEntry"]),
        .library(name: "zhipu", type: .dynamic, targets: ["ZhipuEntry"]),
        .library(name: "moonshot", type: .dynamic, targets: ["MoonshotEntry"]),
        .library(name: "sysprobe", type: .dynamic, targets: ["SysprobePlugin"]),
    ],
    targets: sdk + sandbox + host + plugins + fixtures + testTargets
)
