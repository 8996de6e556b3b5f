// swift-tools-version: 6.2
// Fuzz targets for what reads untrusted text. A package of their own, because `--sanitize fuzzer` takes over `main`. SwiftPM's flag only
// links the fuzzer; the compiler has to be told to instrument:
//   cd Tests/Fuzz && swift build -c release --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address \
//       -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,indirect-calls,trace-cmp
//   ASAN_OPTIONS=detect_leaks=0 .build/release/fuzz-json -max_total_time=60 /tmp/corpus-json Corpus/json
import PackageDescription

func fuzzer(_ name: String, _ folder: String) -> Target {
    .executableTarget(
        name: name, dependencies: [.product(name: "JSONKit", package: "limen")], path: "Sources/\(folder)",
        swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "limen-fuzz",
    products: ["json", "schema", "pattern", "patch"].map { .executable(name: "fuzz-\($0)", targets: ["fuzz-\($0)"]) },
    dependencies: [.package(name: "limen", path: "../..")],
    targets: [
        fuzzer("fuzz-json", "FuzzJSON"), fuzzer("fuzz-schema", "FuzzSchema"), fuzzer("fuzz-pattern", "FuzzPattern"),
        fuzzer("fuzz-patch", "FuzzPatch"),
    ]
)
