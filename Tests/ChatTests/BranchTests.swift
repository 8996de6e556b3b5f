import Store
import TestKit
import Testing

@testable import Chat

@Suite("Branches", .serialized)
struct BranchTests {
    /// Messages with parents as a test says, by number; the texts of the branch that ends with the last of them, newest first.
    private func plant(_ bench: ChatBench, _ id: String, _ parents: [Int?], summaries: Set<Int> = []) async throws -> [String] {
        try await bench.database.write { connection in
            for (index, parent) in parents.enumerated() {
                try await connection.execute(
                    """
                    INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, summary, truncated, done, created_at, meta)
                    VALUES ($1, $2, 'main', 'ann', $3, $4, 'ann', 'user', $5, '[]', $6, 0, 1, 0, '{}')
                    """,
                    [
                        .text("\(id) \(index)"), .text(id), SQLValue(parent.map { "\(id) \($0)" }), SQLValue(index + 1), .text("text \(index)"),
                        SQLValue(summaries.contains(index) ? "before" : nil),
                    ])
            }
        }
        var (branch, next): ([String], Int?) = ([], parents.count - 1)
        while let index = next, branch.count < ChatLimits.windowMessagesMax {
            branch.append("text \(index)")
            next = summaries.contains(index) ? nil : parents[index]
        }
        return branch
    }

    @Test(
        "a walk finds the messages of its branch in their order, whether most are on it or hardly any (CHAT-2)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func walks(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        var random = SeededRandom()
        // From a line, over a few edits, to a conversation where every message has many answers.
        for spread in [1, 2, 10, 150] {
            let id = try await bench.store.create(title: "", of: ChatBench.ann).id
            let parents = (0..<700).map { index in index == 0 ? nil : max(0, index - 1 - Int(random.next() % UInt64(spread))) }
            let expected = try await plant(bench, id, parents)
            let found = try await bench.store.branch(from: "\(id) 699", in: id, of: ChatBench.ann) { _ in false }.map(\.content)
            let isSame = found == expected
            #expect(isSame, "spread \(spread), LIMEN_SEED=\(random.seed): \(found.count) of \(expected.count)")
            // Nobody else's, and not by way of another conversation.
            #expect(try await bench.store.branch(from: "\(id) 699", in: id, of: ChatBench.bob) { _ in false }.isEmpty)
        }
    }

    @Test("a walk ends at a summary, at a message that is gone, and where enough was read")
    func ends() async throws {
        let bench = try await ChatBench()
        let id = try await bench.store.create(title: "", of: ChatBench.ann).id
        let expected = try await plant(bench, id, (0..<300).map { $0 == 0 ? nil : $0 - 1 }, summaries: [120])
        let found = try await bench.store.branch(from: "\(id) 299", in: id, of: ChatBench.ann) { _ in false }
        let isSame = found.map(\.content) == expected
        #expect(isSame && found.last?.summary == "before")
        #expect(try await bench.store.branch(from: "\(id) 299", in: id, of: ChatBench.ann) { $0.count > 10 }.count == ChatLimits.walkStep)
        #expect(try await bench.store.branch(from: "nothing", in: id, of: ChatBench.ann) { _ in false }.isEmpty)
    }

    @Test("where hardly any message is on the branch, a walk goes on along the parents instead of reading what it does not want")
    func sparse() {
        var walk = BranchWalk(from: "9")
        #expect(walk.step == .inOrder(from: "9", count: 64))
        let others = (0..<63).map { PastMessage(id: "other \($0)", role: .user, content: "") }
        walk.take([PastMessage(id: "9", parent: "8", role: .user, content: "")] + others)
        #expect(walk.step == .byParents(from: "8", count: 128))
        walk.take([PastMessage(id: "8", parent: nil, role: .user, content: "")])
        #expect(walk.step == nil && walk.found.map(\.id) == ["9", "8"])
    }
}
