import Glibc
import JSON
import LimenPlugin
import PluginHarness
import Testing

@testable import TextPlugin

/// A file of the repository, by its path from the top.
func repositoryFile(_ path: String, _ here: String = #filePath) throws -> String {
    let top = here.split(separator: "/").dropLast(3).joined(separator: "/")
    guard let file = fopen("/\(top)/\(path)", "r") else { throw PluginError("missing", path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
}

/// About a megabyte of prose.
func prose(bytes: Int, seed: UInt64 = 1) -> String {
    var generator = SeededGenerator(seed: seed)
    let words = ["threshold", "the", "jail", "é", "worker", "of", "a", "plugin", "日本", "don't", "2026", "naïve"]
    var text = ""
    while text.utf8.count < bytes {
        text += words.randomElement(using: &generator) ?? ""
        text += generator.next() % 12 == 0 ? ".\n" : " "
    }
    return text
}

private let harness = Result { try PluginHarness { textPlugin.serve($0) } }

private func call(_ tool: String, _ input: JSONValue) async throws -> JSONValue { try await harness.get().call(tool, input).output }

private func code(_ tool: String, _ input: JSONValue) async throws -> String {
    guard case .failure(let error) = await (try harness.get()).call(tool, input).result else { return "" }
    return error.code
}

@Suite(.timeLimit(.minutes(5))) struct TextPluginTests {
    @Test(
        "digests equal the published vectors",
        arguments: [
            ("", "sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "sha256",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            ("abc", "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "sha1", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            ("", "md5", "d41d8cd98f00b204e9800998ecf8427e"), ("message digest", "md5", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("12345678901234567890123456789012345678901234567890123456789012345678901234567890", "md5", "57edf4a22be3c955ac49da2e2107b67a"),
            ("123456789", "crc32", "cbf43926"),
        ])
    func digests(_ text: String, _ algorithm: String, _ digest: String) async throws {
        let output = try await call("hash", ["text": .string(text), "algorithms": [.string(algorithm)]])
        #expect(output["digests"]?[algorithm] == .string(digest))
    }

    @Test("Base64 and hexadecimal stand for bytes, and what is neither is refused")
    func encodings() async throws {
        let plain = try await call("hash", ["text": "any carnal pleas"])
        #expect(try await call("hash", ["text": "YW55IGNhcm5hbCBwbGVhcw==", "encoding": "base64"]) == plain)
        #expect(try await call("hash", ["text": "616e79206361726e616c20706C656173", "encoding": "hex"]) == plain)
        for (text, encoding) in [("YQ", "base64"), ("YR==", "base64"), ("Y$==", "base64"), ("abc", "hex"), ("zz", "hex")] {
            #expect(try await code("hash", ["text": .string(text), "encoding": .string(encoding)]) == "invalid_encoding", "\(text)")
        }
    }

    @Test(
        "styles of names split where people would",
        arguments: [
            ("parseHTTPRequest2", "snake", "parse_http_request2"), ("some-kebab_name here", "camel", "someKebabNameHere"),
            ("hello world", "pascal", "HelloWorld"), ("helloWorld", "constant", "HELLO_WORLD"), ("Straße", "upper", "STRASSE"),
            ("the DOG's bone", "title", "The Dog's Bone"), ("HELLO. it IS. fine", "sentence", "Hello. It is. Fine"), ("aB", "swap", "Ab"),
            ("A B\nC D", "kebab", "a-b\nc-d"),
        ])
    func cases(_ text: String, _ style: String, _ expected: String) async throws {
        #expect(try await call("case", ["text": .string(text), "style": .string(style)])["text"] == .string(expected))
    }

    @Test("a regular expression's matches, groups and places are found, empty ones too")
    func extraction() async throws {
        let output = try await call("regex_extract", ["text": "é=1, bb=22", "pattern": "(?<k>\\w+)=(\\d+)(x)?"])
        let matches = try #require(output["matches"]?.arrayValue)
        #expect(matches.map { $0["text"] } == ["é=1", "bb=22"])
        #expect(matches[1]["start"] == 5)
        #expect(matches[1]["groups"]?[0] == ["name": "k", "text": "bb", "start": 5, "end": 7])
        #expect(matches[1]["groups"]?[2] == .null)
        let empty = try await call("regex_extract", ["text": "aé", "pattern": "x*"])
        #expect(empty["matches"]?.arrayValue?.count == 3)
        let lines = try await call("regex_extract", ["text": "A\nb\na", "pattern": "^a$", "ignore_case": true, "multiline": true, "max_matches": 1])
        #expect(lines["truncated"] == true)
    }

    @Test(
        "an expression that would blow up ends with an error, a wrong one says where",
        arguments: [
            ("(a+)+$", "too_complex"), ("(", "invalid_pattern"), ("\\C", "invalid_pattern"), ("(?:a|aa)+[bc]", "too_complex"),
            ("((a{1000}){1000}){10}", "invalid_pattern"),
        ])
    func hostile(_ pattern: String, _ expected: String) async throws {
        let text = String(repeating: "a", count: 5_000) + "!"
        #expect(try await code("regex_extract", ["text": .string(text), "pattern": .string(pattern)]) == expected)
    }

    @Test("statistics of a real document and of a megabyte add up")
    func statistics() async throws {
        for text in [try repositoryFile("SDK/PluginABI/include/limen_plugin.h"), prose(bytes: 1_000_000)] {
            let output = try await call("statistics", ["text": .string(text), "top_words": 3])
            #expect(output["bytes"]?.intValue == text.utf8.count)
            #expect(output["lines"]?.intValue == text.utf8.count { $0 == 10 } + (text.last == "\n" ? 0 : 1))
            #expect(output["top_words"]?.arrayValue?.count == 3)
            #expect((output["words"]?.intValue ?? 0) > 1_000)
        }
        #expect(try await call("statistics", ["text": ""])["lines"] == 0)
    }

    @Test("a diff, applied, gives the new text, and never keeps fewer lines than the best one", arguments: 0..<60)
    func diffProperty(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let alphabet = 1 + Int(generator.next() % 6)
        func lines() -> [Int] { (0..<Int(generator.next() % 30)).map { _ in Int(generator.next() % UInt64(alphabet)) } }
        let (old, new) = (lines(), lines())
        let diff = LineDiff(old, new)
        #expect(diff.isMinimal)
        for match in diff.matches { #expect(old[match.old] == new[match.new]) }
        for (first, second) in zip(diff.matches, diff.matches.dropFirst()) { #expect(first.old < second.old && first.new < second.new) }
        var best = [[Int]](repeating: [Int](repeating: 0, count: new.count + 1), count: old.count + 1)
        for (i, left) in old.enumerated() {
            for (j, right) in new.enumerated() { best[i + 1][j + 1] = left == right ? best[i][j] + 1 : max(best[i][j + 1], best[i + 1][j]) }
        }
        #expect(diff.matches.count == best[old.count][new.count], "seed \(seed): \(old) \(new)")
    }

    @Test("a megabyte is compared line by line; texts with nothing in common are replaced as a whole")
    func largeDiff() async throws {
        let old = prose(bytes: 1_000_000)
        var lines = old.split(separator: "\n", omittingEmptySubsequences: false)
        lines.insert("an added line", at: lines.count / 3)
        lines.remove(at: lines.count / 2)
        let output = try await call("diff", ["old": .string(old), "new": .string(lines.joined(separator: "\n"))])
        #expect(output["added"] == 1)
        #expect(output["removed"] == 1)
        #expect(output["hunks"] == 2)
        let other = try await call("diff", ["old": .string(old), "new": .string(prose(bytes: 1_000_000, seed: 9))])
        #expect((other["added"]?.intValue ?? 0) > 1_000)
    }

    @Test("missing final line breaks and equal texts are written as patch(1) expects")
    func unified() async throws {
        let output = try await call("diff", ["old": "a\n", "new": "a\nb", "context": 0])
        #expect(output["unified"] == "--- old\n+++ new\n@@ -1,0 +2 @@\n+b\n\\ No newline at end of file\n")
        #expect(try await call("diff", ["old": "x", "new": "x"])["unified"] == "")
    }
}
