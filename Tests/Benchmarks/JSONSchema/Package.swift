// swift-tools-version: 6.2
// Measures the JSON parser and the schema validator: `swift run -c release --package-path Tests/Benchmarks/JSONSchema schema-benchmark SCHEMA INSTANCE`.
import PackageDescription

let package = Package(
    name: "schema-benchmark-package",
    dependencies: [.package(name: "limen", path: "../../..")],
    targets: [
        .executableTarget(
            name: "schema-benchmark",
            dependencies: [.product(name: "JSONKit", package: "limen")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
