import Testing

@Suite("Architecture: habits that keep errors visible")
struct HabitTests {
    @Test("no catch is empty, so no clean-up error is swallowed (TOOL-9)", arguments: SourceTree.product)
    func noEmptyCatch(file: SourceFile) {
        for line in emptyCatches(file.code) { Issue.record("\(file.path):\(line) catches and does nothing") }
    }

    @Test("the search for empty catches finds one that holds only a comment")
    func emptyCatchSearchWorks() {
        #expect(emptyCatches(CodeOnly.strip("do { try f() } catch {\n  // never mind\n}\n")) == [1])
        #expect(emptyCatches(CodeOnly.strip("do { try f() } catch let e as E where e.x { }\n")) == [1])
        #expect(emptyCatches(CodeOnly.strip("do { try f() } catch { log(error) }; let s = \"catch {}\" // catch {}\n")) == [])
    }

    @Test("`try?` is used only with its reason beside it, because it hides the cause (TOOL-9)", arguments: SourceTree.product)
    func noSilentTry(file: SourceFile) {
        // With the blank before it: `Registry?` ends in the same letters.
        for (number, line) in occurrences(of: " try?", in: file) + occurrences(of: "(try?", in: file) {
            let reason = line.contains("//") || (number >= 2 && file.lines[number - 2].contains("//"))
            if !reason { Issue.record("\(file.path):\(number) hides an error and does not say why") }
        }
    }

    @Test("no `try!` and no `fatalError`: input never traps (API-13)", arguments: SourceTree.product, ["try!", "fatalError("])
    func noForcedTry(file: SourceFile, word: String) {
        for (number, _) in occurrences(of: word, in: file) { Issue.record("\(file.path):\(number) has \(word)") }
    }

    @Test("no task without an owner", arguments: SourceTree.product)
    func noBareTask(file: SourceFile) {
        for (number, line) in file.codeLines.enumerated() {
            let words = line.filter { $0 != " " }
            let bare = words.contains("Task{") || words.contains("Task.detached")
            let owned = words.contains("addTask{") || words.contains("=Task{")
            if bare, !owned { Issue.record("\(file.path):\(number + 1) starts a task that nobody owns") }
        }
    }

    @Test(
        "clock and randomness are imposed, and calls recorded, by an author's commands alone: the service has no way to",
        arguments: SourceTree.product)
    func conditionsAreAuthors(file: SourceFile) {
        if file.path.hasPrefix("Host/Limen/Author/") { return }
        for word in ["ConditionsBox(", "CallTape("] {
            for (number, _) in occurrences(of: word, in: file) { Issue.record("\(file.path):\(number) has \(word)") }
        }
    }

    @Test("no product code hashes passwords at the tests' cost", arguments: SourceTree.product)
    func passwordsCostTheirPrice(file: SourceFile) {
        if file.path == "Host/Crypto/Passwords/Scrypt.swift" { return }
        for (number, _) in occurrences(of: "cheapestForTests", in: file) { Issue.record("\(file.path):\(number) hashes at the tests' cost") }
    }

    @Test("each unchecked promise to the compiler names the invariant that holds it", arguments: SourceTree.product)
    func safetyLines(file: SourceFile) {
        for word in ["@unchecked Sendable", "nonisolated(unsafe)"] {
            for (number, _) in occurrences(of: word, in: file) {
                let around = file.lines[max(0, number - 7)..<min(file.lines.count, number + 1)]
                if !around.contains(where: { $0.contains("SAFETY") }) { Issue.record("\(file.path):\(number) has \(word) without SAFETY:") }
            }
        }
    }

    @Test("nothing is left for later: no TODO and no FIXME", arguments: SourceTree.product)
    func noTodo(file: SourceFile) {
        for (number, line) in file.lines.enumerated() where line.contains("TODO") || line.contains("FIXME") {
            Issue.record("\(file.path):\(number + 1)")
        }
    }

    @Test("a file holds one concept: at most 400 lines", arguments: SourceTree.product)
    func filesAreShort(file: SourceFile) {
        #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count) lines")
    }

    private func occurrences(of word: String, in file: SourceFile) -> [(number: Int, line: Substring)] {
        file.codeLines.enumerated().filter { $0.element.contains(word) }.map { ($0.offset + 1, file.lines[$0.offset]) }
    }

    /// Line numbers of `catch … { }` with nothing between the braces.
    private func emptyCatches(_ code: String) -> [Int] {
        let bytes = Array(code.utf8)
        let word = Array("catch".utf8)
        var found: [Int] = []
        var line = 1
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            guard bytes[index...].starts(with: word), index == 0 || !isWord(bytes[index - 1]) else { continue }
            var cursor = index + word.count
            guard cursor < bytes.count, !isWord(bytes[cursor]) else { continue }
            while cursor < bytes.count, bytes[cursor] != UInt8(ascii: "{") { cursor += 1 }
            cursor += 1
            while cursor < bytes.count, isSpace(bytes[cursor]) { cursor += 1 }
            if cursor < bytes.count, bytes[cursor] == UInt8(ascii: "}") { found.append(line) }
        }
        return found
    }

    private func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
}
