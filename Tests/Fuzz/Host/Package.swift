// swift-tools-version: 6.2
// Fuzz targets for what the host reads from strangers. The host's modules are for their own package only (`package` access) and no
// product of it, so this package builds them from their own sources, through the links in Linked/:
//   cd Tests/Fuzz/Host && swift build -c release --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address \
//       -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,indirect-calls,trace-cmp
//   ASAN_OPTIONS=detect_leaks=0 .build/release/fuzz-http -max_total_time=60 /tmp/corpus-http ../Corpus/http
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "limen-fuzz-host",
    products: [.executable(name: "fuzz-http", targets: ["fuzz-http"])],
    targets: [
        .target(name: "CLinux", path: "Linked/CLinux"),
        .target(name: "IO", dependencies: ["CLinux"], path: "Linked/IO", swiftSettings: settings),
        .target(name: "HTTP", dependencies: ["IO", "CLinux"], path: "Linked/HTTP", swiftSettings: settings),
        .executableTarget(
            name: "fuzz-http", dependencies: ["HTTP"], path: "Sources/FuzzHTTP",
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]),
    ]
)
