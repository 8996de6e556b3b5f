// swift-tools-version: 6.2
// Fuzzing for what reads strangers' bytes: one program, the target named by FUZZ_TARGET. A package of its own, because `--sanitize fuzzer`
// takes over `main`; the modules are built from their own sources through the links in Linked/, because most are no product. SwiftPM's flag
// only links the fuzzer; the compiler has to be told to instrument. `run` does all that and prints a table.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

func linked(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Linked/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "limen-fuzz",
    products: [.executable(name: "limen-fuzz", targets: ["limen-fuzz"])],
    targets: [
        .target(name: "CLinux", path: "Linked/CLinux"),
        .target(name: "PluginABI", path: "Linked/PluginABI"),
        .systemLibrary(name: "CPCRE2", path: "Linked/CPCRE2", pkgConfig: "libpcre2-8"),
        .systemLibrary(name: "COpenSSL", path: "Linked/COpenSSL", pkgConfig: "openssl"),
        .systemLibrary(name: "CZlib", path: "Linked/CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CSQLite", path: "Linked/CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "CPQ", path: "Linked/CPQ", pkgConfig: "libpq"),
        linked("JSON"), linked("JSONSchema", ["JSON", "CPCRE2"]), linked("LimenPlugin", ["PluginABI", "JSON"]),
        linked("WorkerProtocol", ["JSON"]), linked("Jail", ["CLinux", "WorkerProtocol"]),
        linked("IO", ["CLinux", "COpenSSL"]), linked("HTTP", ["IO", "JSON", "CLinux", "CZlib"]), linked("Crypto", ["COpenSSL"]),
        linked("Telemetry", ["JSON", "IO", "CLinux"]), linked("Store", ["CSQLite", "CPQ", "IO", "JSON", "Crypto"]),
        linked("Workflows", ["Store", "Crypto", "IO", "JSON", "JSONSchema"]),
        linked("Tokens", ["Store", "IO", "JSON"]),
        linked("Registry", ["Store", "Crypto", "JSON", "JSONSchema", "Telemetry", "CLinux", "IO"]),
        linked("Egress", ["Registry", "Store", "HTTP", "IO", "JSON", "Telemetry"]),
        linked("CalcPlugin", ["LimenPlugin", "PluginABI", "JSON"]), linked("TablePlugin", ["LimenPlugin", "PluginABI", "JSON"]),
        linked("TimePlugin", ["LimenPlugin", "PluginABI", "JSON"]),
        .systemLibrary(name: "CGumbo", path: "Linked/CGumbo"), .systemLibrary(name: "CExpat", path: "Linked/CExpat"),
        linked("ModelWire", ["LimenPlugin", "JSON"]), linked("HTMLTree", ["CGumbo", "LimenPlugin"]),
        linked("WebPlugin", ["LimenPlugin", "PluginABI", "JSON", "HTMLTree", "CExpat"]),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "JSON", "JSONSchema", "HTTP", "IO", "WorkerProtocol", "Jail", "Registry", "Egress", "CalcPlugin", "TablePlugin", "TimePlugin",
                "WebPlugin", "ModelWire", "LimenPlugin", "Workflows", "Tokens",
            ],
            path: "Targets", swiftSettings: settings),
        .executableTarget(
            name: "limen-fuzz", dependencies: ["FuzzTargets"], path: "Entry", swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]),
    ]
)
