import Identity
import JSON
package import Store
package import Telemetry

/// The queue of jobs, as admins see it: those of their tenant, and an operator those of all.
package struct LiveJobs: Sendable {
    private let jobs: JobStore?
    private let log: Log?

    /// Shows a queue.
    package init(_ jobs: JobStore, log: Log) { (self.jobs, self.log) = (jobs, log) }

    /// Describes routes that nobody calls.
    private init() { (jobs, log) = (nil, nil) }
    /// For a table that is only described.
    package static let none = LiveJobs()

    func list(_ context: RequestContext) async throws(APIError) -> Reply {
        guard let jobs else { throw .unexpected }
        let (limit, cursor) = context.page
        let state = context.query["state"]?.stringValue.flatMap { JobState(rawValue: $0) } ?? .dead
        do {
            let page = try await jobs.list(state, tenant: Self.tenant(context.principal), cursor: cursor, limit: limit)
            return .data([
                "items": .array(page.items.map(Self.json)), "next_cursor": page.nextCursor.map { .string($0) } ?? .null,
                "has_next": .bool(page.nextCursor != nil),
            ])
        } catch {
            throw failed(error)
        }
    }

    func retry(_ context: RequestContext) async throws(APIError) -> Reply {
        guard let jobs else { throw .unexpected }
        let record: JobRecord?
        do {
            record = try await jobs.retry(
                context.parameter("id"), tenant: Self.tenant(context.principal), by: context.principal.id, requestID: context.requestID)
        } catch {
            throw failed(error)
        }
        guard let record else { throw .missing("dead job") }
        return .data(Self.json(record))
    }

    private static func tenant(_ principal: Principal) -> String? { principal.role == .operatorOfHost ? nil : principal.tenant }

    private func failed(_ error: StoreError) -> APIError {
        if error.code == .invalid { return .invalid("The cursor is none that this list gave out.", reason: "cursor") }
        log?.error("the queue of jobs could not be read", [("cause", .string("\(error)"))])
        return APIError(storing: error)
    }

    private static func json(_ record: JobRecord) -> JSONValue {
        [
            "id": .string(record.id), "kind": .string(record.kind), "tenant_id": .string(record.tenant), "owner": .string(record.owner),
            "state": .string(record.state.rawValue), "attempts": JSONValue(record.attempts), "attempts_max": JSONValue(record.attemptsMax),
            "due_at": .string(Timestamp.text(milliseconds: record.dueAtMilliseconds)),
            "created_at": .string(Timestamp.text(milliseconds: record.createdAtMilliseconds)),
            "worker": record.worker.map { .string($0) } ?? .null, "failure": record.failure.map { .string($0) } ?? .null,
        ]
    }
}
