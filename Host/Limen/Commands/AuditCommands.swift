import API
import Crypto
import IO
import Store

/// What an operator does with the audit log; nothing changes it.
enum AuditCommands {
    /// `limen audit verify`
    static func verify(_ arguments: Arguments) throws -> Int32 {
        let result = try withLog(arguments) { try await $0.verify() }
        guard result.isIntact else {
            Output.complain("the audit log is broken at entry \(result.brokenAt ?? 0): \(result.reason ?? "")\n")
            return 1
        }
        Output.print("\(result.entriesChecked) entries, whole; head \(Hex.encode(result.headHash))\n")
        return 0
    }

    /// `limen audit export`
    static func export(_ arguments: Arguments) throws -> Int32 {
        let start = try arguments.integer("after", in: 0...Int.max) ?? 0
        try withLog(arguments) { log in
            var after = Int64(start)
            while true {
                let records = try await log.entries(after: after)
                guard let last = records.last else { return }
                Output.print(String(decoding: LiveAudit.lines(records), as: UTF8.self))
                after = last.seq
            }
        }
        return 0
    }

    @discardableResult
    private static func withLog<Value: Sendable>(
        _ arguments: Arguments, _ body: @escaping @Sendable (AuditLog) async throws -> Value
    ) throws -> Value {
        var none: [String] = []
        let place = try OperatorCommands.Place(arguments, reaching: &none)
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try group.runBlocking { try await Database.open(place.database, on: group) }
        defer { database.close() }
        do {
            return try group.runBlocking { try await body(AuditLog(database: database)) }
        } catch let error as StoreError {
            throw CommandError(error.message)
        }
    }
}
