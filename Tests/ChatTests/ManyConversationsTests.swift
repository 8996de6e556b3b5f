import Glibc
import IO
import Store
import Testing

@testable import Chat

/// A hundred thousand conversations: in the database, and nowhere else.
@Suite("Many conversations", .serialized)
struct ManyConversationsTests {
    private static let count = 100_000

    /// Bytes that this process holds.
    private static func residentBytes() throws -> Int {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = read(file, &buffer, buffer.count)
        let words = String(decoding: buffer.prefix(max(0, length)), as: UTF8.self).split(separator: " ")
        return try #require(words.count > 1 ? Int(words[1]) : nil) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Rows by the database's own hand: two messages each.
    private func fill(_ bench: ChatBench) async throws {
        try await bench.database.write(deadline: .after(milliseconds: 120_000)) { connection in
            try await connection.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                INSERT INTO conversation (id, tenant, owner, title, status, head, message_count, created_at, updated_at)
                SELECT 'c' || i, 'main', 'ann', 'Number ' || i, 'open', 'a' || i, 2, i, i FROM n
                """)
            try await connection.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, truncated, done, created_at, meta)
                SELECT 'u' || i, 'c' || i, 'main', 'ann', NULL, 1, 'ann', 'user', 'The word of this one is w' || i, '[]', 0, 1, i, '{}' FROM n
                """)
            try await connection.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, truncated, done, created_at, meta)
                SELECT 'a' || i, 'c' || i, 'main', 'ann', 'u' || i, 2, 'm', 'assistant', 'Noted.', '[]', 0, 1, i, '{}' FROM n
                """)
        }
    }

    @Test("a hundred thousand conversations of one person cost no memory; each goes on where it was, and a page is as quick as among ten (CHAT-11)")
    func flat() async throws {
        let bench = try await ChatBench()
        let chat = bench.service { request, tokens in
            try await ScriptedModel.say([request.messages.dropLast().last { $0.role == .user }?.content ?? "nothing"], tokens)
        }
        func turn(_ number: Int) async throws -> String {
            try await onLoop { try await chat.turn(TurnRequest(conversation: "c\(number)", content: "Which word?"), origin()) }.content
        }
        try await fill(bench)
        // What a first use brings along is not counted.
        for number in 1...50 { _ = try await turn(number) }
        let before = try Self.residentBytes()
        for number in stride(from: 100, through: Self.count, by: 199) { #expect(try await turn(number) == "The word of this one is w\(number)") }
        let grown = try Self.residentBytes() - before
        #expect(grown < 24 << 20, "\(grown) bytes more")
        #expect(chat.running.count == 0)
        // Pages from end to end, each by its key.
        var (seen, cursor, slowest) = (0, String?.none, UInt64(0))
        repeat {
            let began = Deadline.now()
            let page = try await bench.store.list(of: ChatBench.ann, status: nil, cursor: cursor, limit: 500)
            slowest = max(slowest, Deadline.now().nanoseconds - began.nanoseconds)
            (seen, cursor) = (seen + page.items.count, page.nextCursor)
        } while cursor != nil
        #expect(seen == Self.count && slowest < 500_000_000, "\(seen) in pages of at most \(slowest) ns")
        let held = try Self.residentBytes() - before
        #expect(held < 32 << 20, "\(held) bytes more")
        print("measured \(Self.count) conversations: \(grown >> 10) KiB more behind 503 turns, slowest page of 500 \(slowest / 1_000) us")
    }
}
