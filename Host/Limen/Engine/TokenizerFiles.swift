import Chat
import IO
import Tokens

/// The tokenizers that `chat.tokenizers` names, read once at start.
enum TokenizerFiles {
    /// Reads `MODELS=FILE` entries, away from the loops: a long file takes a while.
    /// - Throws: `CommandError` naming the entry that cannot be used, and why.
    static func read(_ entries: [String]) async throws -> ModelTokenizers {
        guard !entries.isEmpty else { return ModelTokenizers() }
        let pool = try BlockingPool(name: "tokenizers", threads: 1, queueMax: 1)
        defer { pool.shutdown() }
        return try await pool.run { try load(entries) }
    }

    private static func load(_ entries: [String]) throws -> ModelTokenizers {
        var (tokenizers, known) = (ModelTokenizers(), [String: TokenCounter]())
        for (index, entry) in entries.enumerated() {
            let setting = "chat.tokenizers/\(index)"
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty, let pattern = ModelPattern(parts[0]) else {
                throw CommandError("\(setting): \"\(entry)\" is not MODELS=FILE, such as openai/qwen*=/etc/limen/qwen.json")
            }
            let counter = try known[parts[1]] ?? counter(parts[1], setting)
            known[parts[1]] = counter
            tokenizers.add(counter, for: pattern)
        }
        return tokenizers
    }

    private static func counter(_ path: String, _ setting: String) throws -> TokenCounter {
        do {
            return TokenCounter(try Tokenizer(parsing: try File.read(path)))
        } catch {
            throw CommandError(
                "\(setting): \(path): \(error). Name a tokenizer.json of byte-level BPE, or leave the entry out: its models are estimated then")
        }
    }
}
