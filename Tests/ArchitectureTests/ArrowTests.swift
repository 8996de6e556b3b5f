import Testing

@Suite("Architecture: arrows between targets")
struct ArrowTests {
    @Test("every import follows an arrow of the architecture", arguments: SourceTree.product.filter { $0.layer != "Tests" })
    func importsFollowArrows(file: SourceFile) throws {
        let folder = Arrows.folder(of: file.path)
        let allowed = try #require(Arrows.allowed[folder], "\(folder) has no row in Arrows.swift; ARCHITECTURE.md wants one too")
        for module in file.codeLines.compactMap(Arrows.module) {
            let fits = allowed.contains(module) || Arrows.toolchain.contains(module)
            #expect(fits, "\(file.path) imports \(module), which \(folder) may not")
        }
    }

    @Test("the table's own arrows point inward: SDK <- Sandbox <- Host, plugins to the SDK and to what they share")
    func layersPointInward() {
        let owner = Dictionary(
            Arrows.allowed.keys.map { (String($0.split(separator: "/")[1]), String($0.split(separator: "/")[0])) },
            uniquingKeysWith: { first, _ in first })
        let inward: [String: Set<String>] = [
            "SDK": ["SDK"], "Sandbox": ["SDK", "Sandbox"], "Host": ["SDK", "Sandbox", "Host"], "Plugins": ["SDK"],
        ]
        for (folder, modules) in Arrows.allowed {
            let layer = String(folder.split(separator: "/")[0])
            for module in modules {
                guard let target = owner[module] else { continue }  // a Debian library
                let isShared = layer == "Plugins" && ["HTMLTree", "ModelWire"].contains(module)
                #expect(isShared || inward[layer]?.contains(target) == true, "\(folder) -> \(target)/\(module) points outward")
            }
        }
    }

    @Test("no product code imports Foundation or Dispatch: start-up and the jail's size depend on it", arguments: SourceTree.product)
    func noFoundation(file: SourceFile) {
        for module in file.codeLines.compactMap(Arrows.module) {
            #expect(!module.hasPrefix("Foundation") && module != "Dispatch", "\(file.path) imports \(module)")
        }
    }

    @Test("neither the package nor the one that authors depend on has a package dependency", arguments: ["Package.swift", "SDK/Package.swift"])
    func noPackageDependency(path: String) {
        let text = SourceTree.text(path)
        #expect(text.contains("targets:") && !CodeOnly.strip(text).contains(".package("))
    }

    @Test("no target but the tests may import the tests' own helpers or XCTest")
    func noTestingInProduct() {
        for file in SourceTree.product {
            let modules = file.codeLines.compactMap(Arrows.module)
            #expect(!modules.contains("Testing") && !modules.contains("XCTest"), "\(file.path)")
        }
    }

    @Test("the fuzzers' package builds each module with all that it imports, or no target of it would build")
    func fuzzedModulesHaveTheirArrows() {
        let package = SourceTree.text("Tests/Fuzz/Package.swift")
        var seen = 0
        for match in package.matches(of: /linked\("(\w+)"(?:, \[([^\]]*)\])?\)/) {
            let dependencies = Set((match.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) })
            for file in SourceTree.product where file.layer != "Plugins" && Arrows.folder(of: file.path).hasSuffix("/\(match.1)") {
                seen += 1
                for module in file.codeLines.compactMap(Arrows.module) where !Arrows.toolchain.contains(module) {
                    #expect(dependencies.contains(module), "\(file.path) imports \(module), which Tests/Fuzz/Package.swift does not give \(match.1)")
                }
            }
        }
        #expect(seen > 100)
    }
}
