import Glibc
import IO
import JSON
import TestKit
import Testing

@testable import Tokens

/// Held to the library that made the format: Hugging Face's `tokenizers` of PyPI trains small vocabularies here and encodes the same texts.
@Suite("Tokenizers", .serialized)
struct TokenizerTests {
    private static let script = #"""
        import json, random, sys
        from tokenizers import Tokenizer, Regex, models, normalizers, pre_tokenizers, trainers
        out = sys.argv[1]
        random.seed(7)
        corpus = ["The quick brown fox jumps over the lazy dog. It's 2026, isn't it? We'll see 3.14159 and 1,000,000!\n\n  indented\r\ncode(x) { return x + 1; }",
                  "Straße, Zürich, naïve café; 東京は日本の首都です。 Привет, мир! 🙂🙃 שלום עולם \t tabs\u00a0nbsp"] * 20
        cl100k = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        qwen = cl100k.replace(r"\p{N}{1,3}", r"\p{N}")
        byte = lambda regex, prefix=False: pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
        split = lambda p: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated"), byte(False)])
        kinds = {
            "gpt2": byte(True), "prefix": byte(True, True), "digits": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte(True)]),
            "cl100k": split(cl100k), "qwen": split(qwen),
        }
        alphabet = list("abcdefgh ABC 0123456789 ''''.,;:!?-_/\\()[]{}\n\r\t\u00a0\u2003äöüßéñ東京日本ПриветעבÅ\u0301🙂👩‍👩‍👧ſ") + ["'s", "'LL", "<|end|>", "  ", "\r\n", "the", " The"]
        texts = ["", " ", "a", "hello world", "<|end|>", "x<|end|> y"] + ["".join(random.choices(alphabet, k=random.randint(1, 60))) for _ in range(400)]
        for name, pre in kinds.items():
            tokenizer = Tokenizer(models.BPE(ignore_merges=name == "cl100k"))
            tokenizer.pre_tokenizer = pre
            if name == "qwen": tokenizer.normalizer = normalizers.NFC()
            tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
            tokenizer.save(f"{out}/{name}.json")
            with open(f"{out}/{name}.cases", "w") as file:
                for text in texts: file.write(json.dumps({"text": text, "ids": tokenizer.encode(text).ids}) + "\n")
        print("done")
        """#

    private static let made: Result<String, any Error> = Result {
        var template = Array("/tmp/limen-tokens-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let text = script
        guard let file = fopen("\(folder)/make.py", "w") else { throw Tokenizer.Unreadable("the script", "cannot be written") }
        fputs(text, file)
        fclose(file)
        let outcome = Shell.run(
            "'\(try PythonPackages.bin("tokenizers"))/python' '\(folder)/make.py' '\(folder)' 2>&1"
        )
        guard outcome.status == 0 else { throw Tokenizer.Unreadable("the library", outcome.output) }
        return folder
    }

    private func text(_ path: String) throws -> String {
        let outcome = Shell.run("cat '\(path)'")
        try #require(outcome.status == 0)
        return outcome.output
    }

    @Test("every text becomes the very tokens that Hugging Face's tokenizers makes of it", arguments: ["gpt2", "prefix", "digits", "cl100k", "qwen"])
    func same(kind: String) throws {
        let folder = try Self.made.get()
        let tokenizer = try Tokenizer(JSONValue(parsing: try text("\(folder)/\(kind).json")))
        var wrong: [String] = []
        for line in try text("\(folder)/\(kind).cases").split(separator: "\n") {
            let value = try JSONValue(parsing: String(line))
            let expected = value["ids"]?.arrayValue?.compactMap(\.intValue) ?? []
            let found = tokenizer.encode(value["text"]?.stringValue ?? "").map { Int($0) }
            if found != expected { wrong.append("\(value["text"]?.text ?? "") \(found) \(expected)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(3))")
    }

    @Test("a text without a blank, and a file with thousands of added tokens, cost no more than in proportion", .timeLimit(.minutes(1)))
    func cost() throws {
        var file = try made("gpt2")
        #expect(try Tokenizer(.object(file)).count(String(repeating: "a", count: 200_000)) > 0)
        // Each of them begins at every place of the text, and ends at none but the last.
        file["added_tokens"] = .array(
            (0..<10_000).map { ["id": JSONValue(1_000 + $0), "content": .string(String(repeating: "a", count: 20) + "\($0)"), "normalized": false] })
        let tokens = try Tokenizer(.object(file)).encode(String(repeating: "a", count: 100_000) + "77")
        #expect(tokens.last == 1_077)
    }

    private func made(_ kind: String) throws -> JSONObject {
        try #require(try JSONValue(parsing: try text("\(try Self.made.get())/\(kind).json")).objectValue)
    }

    /// What is changed of a good file, and where its refusal points.
    private static let refusals: [(change: [String: JSONValue], model: [String: JSONValue], place: String)] = [
        (["normalizer": ["type": "Lowercase"]], [:], "/normalizer"),
        (["pre_tokenizer": .null], [:], "/pre_tokenizer"),
        (["pre_tokenizer": ["type": "Whitespace"]], [:], "/pre_tokenizer"),
        (["pre_tokenizer": ["type": "ByteLevel", "use_regex": false]], [:], "/pre_tokenizer"),
        (
            [
                "pre_tokenizer": [
                    "type": "Sequence",
                    "pretokenizers": [["type": "Split", "pattern": ["Regex": "(a+)+$"], "behavior": "Isolated"], ["type": "ByteLevel"]],
                ]
            ], [:], "/pre_tokenizer"
        ),
        (
            ["pre_tokenizer": ["type": "Sequence", "pretokenizers": .array(Array(repeating: ["type": "ByteLevel"], count: 17))]], [:],
            "/pre_tokenizer"
        ),
        (["added_tokens": [["id": 1, "content": "x", "lstrip": true]]], [:], "/added_tokens/0/lstrip"),
        (["added_tokens": [["id": -1, "content": "x"]]], [:], "/added_tokens/0"),
        (["added_tokens": [["id": 1, "content": .string(String(repeating: "x", count: 257))]]], [:], "/added_tokens/0/content"),
        (
            ["added_tokens": .array((0..<2_000).map { ["id": JSONValue($0), "content": .string(String(repeating: "x", count: 200))] })], [:],
            "/added_tokens"
        ),
        ([:], ["type": "WordPiece"], "/model/type"), ([:], ["byte_fallback": true], "/model/byte_fallback"),
        ([:], ["dropout": 0.1], "/model/dropout"), ([:], ["end_of_word_suffix": "</w>"], "/model/end_of_word_suffix"),
        ([:], ["vocab": ["a": 1]], "/model/vocab"), ([:], ["vocab": ["a": -1]], "/model/vocab"), ([:], ["vocab": ["a": "x"]], "/model/vocab"),
        ([:], ["vocab": [:], "merges": []], "/model/vocab"), ([:], ["merges": ["nowhere noone"]], "/model/merges/0"),
        ([:], ["merges": [["a"]]], "/model/merges/0"), ([:], ["merges": [7]], "/model/merges/0"),
    ]

    @Test("a file of another sort, or one that says what it may not, is refused with the place", arguments: refusals.indices)
    func refused(index: Int) throws {
        let (change, model, place) = Self.refusals[index]
        var file = try made("gpt2")
        #expect(throws: Never.self) { try Tokenizer(.object(file)) }
        for (name, value) in change { file[name] = value }
        var inner = try #require(file["model"]?.objectValue)
        for (name, value) in model { inner[name] = value }
        file["model"] = .object(inner)
        let error = #expect(throws: Tokenizer.Unreadable.self) { try Tokenizer(.object(file)) }
        #expect(error?.description.hasPrefix(place + " ") == true, "\(error?.description ?? "none")")
    }

    @Test("bytes that are no JSON, or too many, are refused with the reason")
    func unreadable() throws {
        let broken = #expect(throws: Tokenizer.Unreadable.self) { try Tokenizer(parsing: Array("{".utf8)) }
        #expect(broken?.description.contains("at byte 1") == true)
        let long = #expect(throws: Tokenizer.Unreadable.self) {
            try Tokenizer(parsing: [UInt8](repeating: 0x20, count: TokenLimits.fileBytesMax + 1))
        }
        #expect(long?.description.contains("bytes") == true)
    }
}
