import Store
import Testing

@Suite struct ThroughputTests {
    @Test("audited calls share commits: appends cost far fewer transactions than entries, and the queue stays bounded")
    func groupCommit() async throws {
        try await withDatabase { database in
            let log = AuditLog(database: database)
            let clock = ContinuousClock()
            let start = clock.now
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for index in 0..<5_000 {
                            do {
                                try await log.append(
                                    AuditEntry(
                                        actor: "key", tenant: "main", action: "tool.call", plugin: "text", version: "1.0.0", tool: "upper",
                                        callID: "call-\(index)", outcome: "ok"))
                            } catch {
                                Issue.record("append \(index): \(error)")
                            }
                        }
                    }
                }
            }
            try await log.flush()
            let elapsed = clock.now - start
            let result = try await log.verify()
            #expect(result.isIntact && result.entriesChecked == 40_000)
            #expect(database.appendLosses.count == 0)
            print("audit appends: \(Int(40_000 / (Double(elapsed.components.attoseconds) / 1e18 + Double(elapsed.components.seconds)))) a second")
        }
    }
}
