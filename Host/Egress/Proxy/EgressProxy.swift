import Glibc
package import IO
import JSON
import Registry
package import Store
package import Telemetry

/// The one door out (SPEC 5): judges a request, makes it over a connection to a checked address, and says what it did.
///
/// Safe from any thread; requests run on the loop of their caller, and its task's cancellation closes the socket at once.
package final class EgressProxy: Sendable {
    package let dialer: EgressDialer
    package let records = EgressRecords()
    let pool = EgressPool()
    private let meters = Lock(EgressMeters())
    private let lines = Lock(EgressLines())
    private let log: Log
    private let store = Lock<SecretStore?>(nil)
    private let scrubbers = Lock<[String: Scrubber]>([:])
    private var secrets: SecretStore? { store.withLock { $0 } }

    package init(dialer: EgressDialer, log: Log) {
        self.dialer = dialer
        self.log = log
    }

    /// Says where the secrets are that manifests grant; before that, requests that need one are refused.
    package func use(_ secrets: SecretStore) { store.withLock { $0 = secrets } }

    /// Requests under way.
    package var running: Int { meters.withLock { $0.running } }
    /// Connections that wait to be used again.
    package var idleConnections: Int { pool.count }

    /// Closes the idle connections; requests under way belong to their calls.
    package func close() { pool.close() }

    /// Makes a plugin's request.
    /// - Parameters:
    ///   - before: how many requests the same call has made already.
    ///   - deadline: the call's own; the request has its own besides (SPEC 5).
    package func fetch(
        _ request: EgressRequest, access: EgressAccess, caller: EgressCaller, before: Int, until deadline: Deadline
    ) async throws(EgressError) -> EgressReply {
        let began = Deadline.now()
        let exchange = EgressExchange(self, request, access, caller)
        let outcome: EgressRecord.Outcome
        defer { record(exchange, outcome, since: began) }
        do throws(EgressError) {
            let admitted = try admit(exchange, before: before, until: deadline)
            defer { leave(exchange) }
            let reply = try await exchange.run(admitted.decision, until: admitted.deadline).finished()
            outcome = .replied(status: reply.status)
            return reply
        } catch {
            outcome = error.outcome
            throw error
        }
    }

    /// As `fetch`, but the body is left to be read piece by piece. Whoever gets the reply reads it to its end or closes it.
    package func open(
        _ request: EgressRequest, access: EgressAccess, caller: EgressCaller, before: Int, until deadline: Deadline
    ) async throws(EgressError) -> EgressStream {
        let began = Deadline.now()
        let exchange = EgressExchange(self, request, access, caller, isStreamed: true)
        do throws(EgressError) {
            let admitted = try admit(exchange, before: before, until: deadline)
            do throws(EgressError) {
                let inbound = try await exchange.run(admitted.decision, until: admitted.deadline)
                guard let source = inbound.source else { throw .failed(EgressFailure(.body, "the reply could not be read")) }
                return EgressStream(exchange, inbound, source, self, until: admitted.deadline) { [self] outcome in
                    leave(exchange)
                    record(exchange, outcome, since: began)
                }
            } catch {
                leave(exchange)
                throw error
            }
        } catch {
            record(exchange, error.outcome, since: began)
            throw error
        }
    }

    private static func key(_ exchange: EgressExchange) -> EgressMeters.Key {
        EgressMeters.Key(plugin: exchange.caller.plugin, tenant: exchange.caller.tenant)
    }

    /// Lets a request begin that policy and quotas allow; `leave` ends it.
    private func admit(
        _ exchange: EgressExchange, before: Int, until deadline: Deadline
    ) throws(EgressError) -> (decision: EgressDecision, deadline: Deadline) {
        let decision = exchange.firstDecision()
        if let rule = decision.refusal { throw .refused(rule) }
        if before >= exchange.access.requestsMax { throw .refused(.quotaRequests) }
        let rate = exchange.access.ratePerMinute
        if let rule = meters.withLock({ $0.begin(Self.key(exchange), perMinute: rate, now: .now()) }) { throw .refused(rule) }
        let patience = min(exchange.access.requestMillisecondsMax, exchange.request.timeoutMilliseconds ?? .max)
        return (decision, min(deadline, .after(milliseconds: patience)))
    }

    private func leave(_ exchange: EgressExchange) { meters.withLock { $0.end(Self.key(exchange)) } }

    /// What the manifest lets the proxy add for this caller.
    func secretSet(_ access: EgressAccess, _ caller: EgressCaller) async throws(EgressError) -> SecretSet {
        guard !access.secrets.isEmpty else { return .none }
        guard let secrets else { return SecretSet(grants: access.secrets, secrets: []) }
        do throws(StoreError) {
            return SecretSet(grants: access.secrets, secrets: try await secrets.open(access.secrets.map(\.name), tenant: caller.tenant))
        } catch {
            throw secretFailure(error, caller)
        }
    }

    /// What hides a set of secrets. It takes longer to make than a request: it is kept as long as the set stays the same.
    func scrubber(of secrets: SecretSet) -> Scrubber? {
        guard !secrets.isEmpty else { return nil }
        let key = secrets.scrubbing
        if let known = scrubbers.withLock({ $0[key] }) { return known }
        let made = secrets.scrubber
        scrubbers.withLock { scrubbers in
            if scrubbers.count >= Limits.scrubbersMax { scrubbers = [:] }
            scrubbers[key] = made
        }
        return made
    }

    /// Records that secrets are about to be sent; what cannot be recorded is not sent.
    func noteUse(_ used: [StoredSecret], by caller: EgressCaller) async throws(EgressError) {
        guard !used.isEmpty, let secrets else { return }
        let use = SecretUse(actor: caller.user, plugin: caller.plugin, version: caller.version, tool: caller.tool, callID: caller.requestID)
        do throws(StoreError) { try await secrets.noteUse(used, by: use) } catch { throw secretFailure(error, caller) }
    }

    private func secretFailure(_ error: StoreError, _ caller: EgressCaller) -> EgressError {
        log.error(
            "a secret could not be used",
            [("request_id", .string(caller.requestID)), ("plugin", .string(caller.plugin)), ("cause", .string("\(error)"))])
        return .failed(EgressFailure(.request, "a secret could not be used; the operator's log says why"))
    }

    private func record(_ exchange: EgressExchange, _ outcome: EgressRecord.Outcome, since began: Deadline) {
        let milliseconds = Double(Deadline.now().nanoseconds - began.nanoseconds) / 1e6
        let target = exchange.shown
        report(
            EgressRecord(
                time: time(nil), plugin: exchange.caller.plugin, tenant: exchange.caller.tenant, requestID: exchange.caller.requestID,
                kind: "fetch", method: exchange.request.method, host: target?.host, port: target?.port, outcome: outcome,
                bytesOut: exchange.bytesOut, bytesIn: exchange.bytesIn, milliseconds: milliseconds))
    }

    /// Keeps a decision: for the log, the metrics and the operator's table. Those of tunnels come here too.
    package func report(_ record: EgressRecord) {
        records.append(record)
        guard let leftOut = lines.withLock({ $0.take(record.plugin, now: .now()) }) else { return }
        log.info("egress", record.fields + (leftOut > 0 ? [("lines_left_out", JSONValue(leftOut))] : []))
    }
}
