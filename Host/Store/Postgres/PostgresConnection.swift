internal import CPQ
internal import Glibc
internal import IO

/// One connection to PostgreSQL, in libpq's pipeline mode, on the loop that owns it. Nothing here blocks.
///
/// Statements are prepared when they are first used. What may go ahead of a statement without being waited for (BEGIN, SAVEPOINT) is sent along with it.
final class PostgresConnection: @unchecked Sendable {
    // SAFETY: after `open` everything but `loop` is touched only on the loop's thread (FDRegistration traps elsewhere).

    /// What is sent.
    enum Step {
        /// A statement of the engine's own.
        case control(StaticString)
        /// A statement with its parameters.
        case statement(SQL, PostgresParameters)
        /// A statement of the schema.
        case define(String)
    }

    /// What comes back for a step.
    struct Answer {
        var rows: [Row] = []
        var changed = 0
    }

    let loop: EventLoop
    private var handle: OpaquePointer?
    private var registration: FDRegistration?
    private var prepared: [UnsafeRawPointer: String] = [:]
    /// Statements whose preparation is on its way.
    private var newlyPrepared: [UnsafeRawPointer] = []
    private var names = 0
    private var lead: [Step] = []
    /// Steps that were sent and whose answers nobody waited for.
    private var unread: [Step] = []
    /// Since when nobody uses it.
    var idleSince = Deadline.now()

    private init(handle: OpaquePointer, loop: EventLoop) { (self.handle, self.loop) = (handle, loop) }

    deinit { if let handle { PQfinish(handle) } }

    /// Whether it can be used again.
    var isOpen: Bool { handle != nil && registration?.hasHungUp != true }
    /// The server's version, such as 150018.
    private(set) var serverVersion: Int32 = 0

    /// Connects; on `loop`. `address` is the host's, already looked up.
    static func open(_ settings: PostgresSettings, address: String?, on loop: EventLoop, until deadline: Deadline) async throws(StoreError)
        -> PostgresConnection
    {
        let words = settings.words(address: address)
        let keys = words.map { strdup($0.0) } + [nil]
        let values = words.map { strdup($0.1) } + [nil]
        defer { for pointer in keys + values { free(pointer) } }
        let handle = keys.map { UnsafePointer($0) }.withUnsafeBufferPointer { keys in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { PQconnectStartParams(keys.baseAddress, $0.baseAddress, 0) }
        }
        guard let handle else { throw StoreError(.unavailable, "PostgreSQL: out of memory") }
        let connection = PostgresConnection(handle: handle, loop: loop)
        try await connection.connect(settings, until: deadline)
        return connection
    }

    private func connect(_ settings: PostgresSettings, until deadline: Deadline) async throws(StoreError) {
        guard let handle, PQstatus(handle) != CONNECTION_BAD else { throw refused(settings) }
        cpq_hush(handle)
        var wants = PGRES_POLLING_WRITING
        while wants != PGRES_POLLING_OK {
            guard wants == PGRES_POLLING_READING || wants == PGRES_POLLING_WRITING else { throw refused(settings) }
            do throws(IOError) {
                // libpq may change its socket at every step.
                let step = try loop.register(PQsocket(handle))
                defer { step.deregister() }
                if wants == PGRES_POLLING_READING { try await step.readable(until: deadline) } else { try await step.writable(until: deadline) }
            } catch {
                throw StoreError(.unavailable, "connecting to \(settings): \(error)")
            }
            wants = PQconnectPoll(handle)
        }
        serverVersion = PQserverVersion(handle)
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw refused(settings) }
        do {
            registration = try loop.register(PQsocket(handle))
        } catch {
            throw StoreError(.unavailable, "connecting to \(settings): \(error)")
        }
    }

    private func refused(_ settings: PostgresSettings) -> StoreError {
        let why = handle.map { String(cString: PQerrorMessage($0)) } ?? ""
        return StoreError(.unavailable, "connecting to \(settings): \(why.split(separator: "\n").joined(separator: "; "))")
    }

    /// Ends it at once; who waits on it gets an error.
    func close() {
        registration?.deregister()
        registration = nil
        if let handle { PQfinish(handle) }
        handle = nil
    }

    /// Sends this ahead of the next step.
    func sendAhead(_ step: Step) { lead.append(step) }

    /// Sends what was to go ahead and these, in one round trip, and waits for the answers to these.
    func exchange(_ steps: [Step], rowsMax: Int = 0, until deadline: Deadline) async throws(PostgresFailure) -> [Answer] {
        let ahead = lead
        lead = []
        try await settle(until: deadline)
        try await send(ahead + steps, until: deadline)
        let answers = try await collect(ahead + steps, rowsMax: rowsMax, until: deadline)
        return Array(answers.dropFirst(ahead.count))
    }

    /// Sends a step whose answer is looked at before the next use: who waits for this transaction need not wait for its end.
    func sendOff(_ step: Step, until deadline: Deadline) async throws(PostgresFailure) {
        let steps = lead + [step]
        lead = []
        try await settle(until: deadline)
        try await send(steps, until: deadline)
        unread = steps
    }

    /// Reads what was sent off.
    func settle(until deadline: Deadline) async throws(PostgresFailure) {
        guard !unread.isEmpty else { return }
        let steps = unread
        unread = []
        do throws(PostgresFailure) {
            _ = try await collect(steps, rowsMax: 0, until: deadline)
        } catch {
            // Its own transaction is over either way; the connection is of no use to the next.
            throw .lost(error.error.message)
        }
    }

    private func alive() throws(PostgresFailure) -> (OpaquePointer, FDRegistration) {
        guard let handle, let registration else { throw .lost("the connection was closed") }
        return (handle, registration)
    }

    private func send(_ steps: [Step], until deadline: Deadline) async throws(PostgresFailure) {
        if prepared.count >= StoreLimits.statementsCachedMax { try await forget(until: deadline) }
        let (handle, _) = try alive()
        for step in steps {
            guard queue(step, handle) else { throw .lost(String(cString: PQerrorMessage(handle))) }
        }
        guard PQpipelineSync(handle) == 1 else { throw .lost(String(cString: PQerrorMessage(handle))) }
        while true {
            let (handle, registration) = try alive()
            let left = PQflush(handle)
            if left == 0 { return }
            guard left > 0 else { throw .lost(String(cString: PQerrorMessage(handle))) }
            do throws(IOError) { try await registration.writable(until: deadline) } catch { throw gaveUp(error) }
        }
    }

    private func forget(until deadline: Deadline) async throws(PostgresFailure) {
        prepared.removeAll()
        _ = try await exchange([.control("DEALLOCATE ALL")], until: deadline)
    }

    private func queue(_ step: Step, _ handle: OpaquePointer) -> Bool {
        switch step {
        case .control(let text): return PQsendQueryParams(handle, Self.cText(text), 0, nil, nil, nil, nil, 1) == 1
        case .define(let text): return PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 1) == 1
        case .statement(let sql, let parameters):
            let text = sql.postgres
            let key = UnsafeRawPointer(text.utf8Start)
            var name = prepared[key]
            if name == nil {
                names += 1
                let fresh = "s\(names)"
                guard PQsendPrepare(handle, fresh, Self.cText(text), 0, nil) == 1 else { return false }
                prepared[key] = fresh
                newlyPrepared.append(key)
                name = fresh
            }
            return parameters.with { PQsendQueryPrepared(handle, name, $0, $1, $2, $3, 1) } == 1
        }
    }

    /// A StaticString ends with a NUL.
    private static func cText(_ text: StaticString) -> UnsafePointer<CChar> { UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self) }

    private func collect(_ steps: [Step], rowsMax: Int, until deadline: Deadline) async throws(PostgresFailure) -> [Answer] {
        let fresh = newlyPrepared
        newlyPrepared = []
        var waiting = Set(fresh)
        var answers: [Answer] = []
        var failure: PostgresFailure?
        for step in steps {
            if case .statement(let sql, _) = step, waiting.remove(UnsafeRawPointer(sql.postgres.utf8Start)) != nil {
                var preparation = Answer()
                if !(try await take(into: &preparation, step, rowsMax: 0, &failure, until: deadline)) {
                    prepared[UnsafeRawPointer(sql.postgres.utf8Start)] = nil
                }
            }
            var answer = Answer()
            _ = try await take(into: &answer, step, rowsMax: rowsMax, &failure, until: deadline)
            answers.append(answer)
        }
        PQclear(try await next(until: deadline))
        if let failure { throw failure }
        return answers
    }

    /// Takes the results of one command up to the null behind them; false when it failed or was skipped.
    private func take(
        into answer: inout Answer, _ step: Step, rowsMax: Int, _ failure: inout PostgresFailure?, until deadline: Deadline
    ) async throws(PostgresFailure) -> Bool {
        var isGood = true
        while let result = try await next(until: deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK: answer.changed = Int(String(cString: PQcmdTuples(result))) ?? 0
            case PGRES_TUPLES_OK:
                do throws(StoreError) {
                    answer.changed = Int(PQntuples(result))
                    try answer.read(result, max: rowsMax, step)
                } catch {
                    failure = failure ?? PostgresFailure(kind: .lasting, error: error)
                }
            case PGRES_PIPELINE_ABORTED: isGood = false
            default:
                isGood = false
                let (handle, _) = try alive()
                let reported = PostgresFailure(result, step.shown)
                if PQstatus(handle) == CONNECTION_BAD { throw .lost(reported.error.message) }
                failure = failure ?? reported
            }
        }
        return isGood
    }

    private func next(until deadline: Deadline) async throws(PostgresFailure) -> OpaquePointer? {
        while true {
            let (handle, registration) = try alive()
            if PQisBusy(handle) == 0 {
                let result = PQgetResult(handle)
                if result == nil, PQstatus(handle) == CONNECTION_BAD { throw .lost(String(cString: PQerrorMessage(handle))) }
                return result
            }
            do throws(IOError) { try await registration.readable(until: deadline) } catch { throw gaveUp(error) }
            let (still, _) = try alive()
            guard PQconsumeInput(still) == 1 else { throw .lost(String(cString: PQerrorMessage(still))) }
        }
    }

    private func gaveUp(_ error: IOError) -> PostgresFailure {
        switch error.code {
        case .timedOut, .cancelled: .late
        default: .lost("\(error)")
        }
    }

    /// The next notices of what this connection listens to; waits for the first.
    func notices(until deadline: Deadline) async throws(PostgresFailure) -> [(channel: String, payload: String)] {
        while true {
            let (handle, registration) = try alive()
            var found: [(String, String)] = []
            while let notice = PQnotifies(handle) {
                found.append((String(cString: cpq_channel(notice)), String(cString: cpq_payload(notice))))
                PQfreemem(notice)
            }
            if !found.isEmpty { return found }
            do throws(IOError) { try await registration.readable(until: deadline) } catch { throw gaveUp(error) }
            let (still, _) = try alive()
            guard PQconsumeInput(still) == 1 else { throw .lost(String(cString: PQerrorMessage(still))) }
        }
    }
}

extension PostgresConnection.Step {
    /// For messages.
    var shown: String {
        switch self {
        case .control(let text): "\(text)"
        case .statement(let sql, _): "\(sql.postgres)"
        case .define(let text): text
        }
    }
}

extension PostgresConnection.Answer {
    fileprivate mutating func read(_ result: OpaquePointer, max: Int, _ step: PostgresConnection.Step) throws(StoreError) {
        let (count, columns) = (PQntuples(result), PQnfields(result))
        guard max == 0 || Int(count) <= max else { throw StoreError(.statement, "more than \(max) rows from: \(step.shown)") }
        guard max > 0 else { return }
        rows.reserveCapacity(Int(count))
        for row in 0..<count { rows.append(try Row(result, row: row, columns: columns)) }
    }
}
