import Glibc

/// One source file of the repository, as text and as text without comments and literals.
struct SourceFile: Sendable, CustomStringConvertible {
    /// Path from the repository's root.
    let path: String
    /// Lines as written.
    let lines: [Substring]
    /// The same text with comments and the insides of string literals blanked; line numbers stay.
    let code: String

    var description: String { path }
    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The top-level folder, such as `Host`.
    var layer: String { String(path.prefix { $0 != "/" }) }
}

/// The repository's files, read once.
enum SourceTree {
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    static let swift: [SourceFile] = ["Host", "SDK", "Sandbox", "Plugins", "Tests"].flatMap { files(beneath: $0) }
        .filter { $0.hasSuffix(".swift") }.map(load)

    /// Everything that ships: no tests, no templates (those are text until somebody copies them), no description of a package.
    static let product: [SourceFile] = swift.filter {
        $0.layer != "Tests" && !$0.path.contains("/Templates/") && !$0.path.hasSuffix("/Package.swift")
    }
    static let tests: [SourceFile] = swift.filter { $0.layer == "Tests" && !$0.path.hasPrefix("Tests/ArchitectureTests/") }

    static func text(_ path: String) -> String {
        guard let file = fopen("\(root)/\(path)", "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func files(beneath folder: String) -> [String] {
        guard let directory = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasPrefix(".") { continue }
            let path = "\(folder)/\(name)"
            found += Int32(entry.pointee.d_type) == Int32(DT_DIR) ? files(beneath: path) : [path]
        }
        return found.sorted()
    }

    private static func load(_ path: String) -> SourceFile {
        let text = text(path)
        return SourceFile(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false), code: CodeOnly.strip(text))
    }
}

/// Blanks comments and literals so that a search sees code only.
enum CodeOnly {
    private enum State { case code, line, block(Int), string(hashes: Int, multiline: Bool) }

    static func strip(_ text: String) -> String {
        let input = Array(text.utf8)
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        var state = State.code
        var index = 0
        func has(_ word: String, _ at: Int) -> Bool { input[at...].starts(with: word.utf8) }
        while index < input.count {
            let byte = input[index]
            switch state {
            case .code:
                if has("//", index) {
                    state = .line
                } else if has("/*", index) {
                    state = .block(1)
                    index += 1
                } else if let (hashes, multiline, length) = literalStart(input, index) {
                    state = .string(hashes: hashes, multiline: multiline)
                    output.append(UInt8(ascii: "\""))
                    index += length
                    continue
                } else {
                    output.append(byte)
                }
            case .line:
                if byte == UInt8(ascii: "\n") {
                    output.append(byte)
                    state = .code
                }
            case .block(let depth):
                if byte == UInt8(ascii: "\n") { output.append(byte) }
                if has("*/", index) {
                    state = depth == 1 ? .code : .block(depth - 1)
                    index += 1
                } else if has("/*", index) {
                    state = .block(depth + 1)
                    index += 1
                }
            case .string(let hashes, let multiline):
                let close = (multiline ? "\"\"\"" : "\"") + String(repeating: "#", count: hashes)
                if has(close, index) {
                    output.append(UInt8(ascii: "\""))
                    index += close.utf8.count
                    state = .code
                    continue
                }
                if byte == UInt8(ascii: "\n") { output.append(byte) }
                if byte == UInt8(ascii: "\\"), hashes == 0 { index += 1 }
            }
            index += 1
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func literalStart(_ input: [UInt8], _ index: Int) -> (hashes: Int, multiline: Bool, length: Int)? {
        var cursor = index
        while cursor < input.count, input[cursor] == UInt8(ascii: "#") { cursor += 1 }
        guard cursor < input.count, input[cursor] == UInt8(ascii: "\"") else { return nil }
        let multiline = input[cursor...].starts(with: "\"\"\"".utf8)
        return (cursor - index, multiline, cursor - index + (multiline ? 3 : 1))
    }
}
