import Testing

@Suite("Architecture: ledger and authentication")
struct LedgerTests {
    private static let ids: [String] = SourceTree.text("Tests/LEDGER.md").split(separator: "\n").compactMap { line in
        guard line.hasPrefix("| "), let id = line.dropFirst(2).split(separator: " ").first, id.contains("-"), id.first?.isUppercase == true
        else { return nil }
        return String(id)
    }

    @Test("the ledger names each ID once, with one line")
    func idsAreUnique() {
        #expect(Self.ids.count >= 130)
        #expect(Set(Self.ids).count == Self.ids.count)
    }

    @Test("an ID in a test's name is an ID of the ledger", arguments: SourceTree.tests)
    func namesUseKnownIDs(file: SourceFile) {
        let families = Set(Self.ids.map { $0.prefix { $0 != "-" } })
        for line in file.lines where line.contains("@Test(\"") || line.contains("@Suite(\"") {
            for word in line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "-") }) {
                let parts = word.split(separator: "-", maxSplits: 1)
                guard parts.count == 2, families.contains(parts[0]), parts[1].allSatisfy(\.isNumber) else { continue }
                #expect(Self.ids.contains(String(word)), "\(file.path) names \(word)")
            }
        }
    }

    @Test(
        "no word of the host could switch authentication off (AUTH-11)",
        arguments: [
            "dev_mode", "devmode", "no_auth", "noauth", "skip_auth", "skipauth", "disable_auth", "disableauth", "auth_bypass", "bypassauth",
            "allow_anonymous", "insecure_",
        ]
    )
    func noBypass(word: String) {
        for file in SourceTree.product where file.layer == "Host" {
            for (number, line) in file.lines.enumerated() where line.lowercased().contains(word) {
                Issue.record("\(file.path):\(number + 1) has \(word)")
            }
        }
    }

    @Test("no build flag changes what the host's routes check (AUTH-11)")
    func noConditionalAuthentication() {
        for file in SourceTree.product where file.path.hasPrefix("Host/API/") {
            for (number, line) in file.codeLines.enumerated() where line.contains("#if") {
                Issue.record("\(file.path):\(number + 1) compiles differently by flag")
            }
        }
    }
}
