// swift-tools-version: 6.2
// What a plugin's package depends on: four targets and no C library, where the whole repository's package has seventy and needs a dozen. The targets are
// those of ../Package.swift; a plugin's builds are planned in a third of the time, and its author installs nothing.
import PackageDescription

let shared: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "limen",
    products: [
        .library(name: "LimenPlugin", targets: ["LimenPlugin"]),
        .library(name: "PluginHarness", targets: ["PluginHarness"]),
    ],
    targets: [
        .target(name: "PluginABI", path: "PluginABI"),
        .target(name: "JSON", path: "JSON", swiftSettings: shared),
        .target(name: "LimenPlugin", dependencies: ["PluginABI", "JSON"], path: "LimenPlugin", swiftSettings: shared),
        .target(name: "PluginHarness", dependencies: ["LimenPlugin", "PluginABI", "JSON"], path: "PluginHarness", swiftSettings: shared),
    ]
)
