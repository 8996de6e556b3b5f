internal import HTTP
internal import IO

/// One connection to a proxy: one request, one answer, and the tunnel if the answer is yes.
struct TunnelConnection {
    private let client: SocketStream
    private let server: TunnelServer
    private let began = Deadline.now()
    private let errand: TunnelServer.Errand?

    init(_ client: SocketStream, _ server: TunnelServer) {
        self.client = client
        self.server = server
        errand = server.errand
    }

    private var settings: TunnelServer.Settings { server.settings }

    /// How the request ended, as the client is told.
    private enum Refusal: Error {
        /// The client went without a request; there is nobody to tell.
        case gone
        case told([UInt8], TunnelRecord)
    }

    /// Serves the client to the end and closes the connection.
    func run() async {
        defer { client.close() }
        do throws(Refusal) {
            let target = try await request()
            let decision = try await decide(target)
            try await tunnel(decision)
        } catch {
            if case .told(let answer, let record) = error { await refuse(answer, record) }
        }
    }

    // MARK: The request

    /// Reads the head and gives its target.
    private func request() async throws(Refusal) -> String {
        let until = began.adding(milliseconds: settings.quota.headMilliseconds)
        var parser = ConnectParser()
        var bytes: [UInt8] = []
        while true {
            let step = bytes.withUnsafeBufferPointer { parser.advance($0) }
            switch step {
            case .connect(let target): return target
            case .failure(let failure): throw told(failure.status, failure.message)
            case .needMore: break
            }
            do throws(IOError) {
                guard let count = try client.receive(into: server.scratch) else {
                    try await client.readEdge(until: until)
                    continue
                }
                if count == 0 { throw IOError(.closed, "read") }
                bytes += UnsafeRawBufferPointer(rebasing: server.scratch[..<count])
            } catch {
                guard error.code == .timedOut else { throw .gone }
                throw told(408, "The request did not come in time.")
            }
        }
    }

    private func told(_ status: Int, _ message: String) -> Refusal {
        .told(TunnelReply.malformed(status, message), TunnelRecord(.malformed(status: status), worker: server.worker))
    }

    // MARK: The decision

    /// Judges the target, by its text alone and then by its addresses.
    private func decide(_ text: String) async throws(Refusal) -> EgressDecision {
        var decision = settings.policy.decide(connect: text)
        if let rule = decision.refusal { throw refused(rule, text) }
        // Only what is allowed at all counts against the rate, so that nobody learns more by asking faster.
        if let shortage = settings.budget.spend(at: .now()) {
            throw .told(TunnelReply.shortage(shortage), record(.turnedAway(shortage), decision))
        }
        guard decision.needsAddresses, case .name(let name)? = decision.target?.host else { return decision }
        do throws(TunnelFailure) {
            decision = settings.policy.judge(try await settings.dialer.addresses(of: name, until: connectDeadline), for: decision)
        } catch {
            throw .told(TunnelReply.failure(error), record(.failed(error), decision))
        }
        if let rule = decision.refusal { throw refused(rule, text) }
        return decision
    }

    private var connectDeadline: Deadline { .after(milliseconds: settings.quota.connectMilliseconds) }

    private func refused(_ rule: EgressRefusal, _ text: String) -> Refusal {
        var record = TunnelRecord(.refused(rule), worker: server.worker)
        record.target = Self.shown(text)
        return .told(TunnelReply.refusal(rule), record)
    }

    /// What a log may hold of a stranger's target: nothing that the policy's parser would not read.
    private static func shown(_ text: String) -> String {
        do throws(EgressRefusal) {
            let authority = try EgressAuthority(connect: text)
            return "\(authority.host.shown):\(authority.port ?? 0)"
        } catch {
            return ""
        }
    }

    private func record(_ outcome: TunnelRecord.Outcome, _ decision: EgressDecision) -> TunnelRecord {
        var record = TunnelRecord(outcome, worker: server.worker)
        if let target = decision.target {
            record.target = "\(target.host.shown):\(target.port)"
            record.rule = target.rule
        }
        return record
    }

    // MARK: The tunnel

    private func tunnel(_ decision: EgressDecision) async throws(Refusal) {
        guard let target = decision.target else { throw .gone }
        let upstream: SocketStream
        do throws(TunnelFailure) {
            upstream = try await settings.dialer.connect(to: decision.addresses, port: target.port, on: server.loop, until: connectDeadline)
        } catch {
            throw .told(TunnelReply.failure(error), record(.failed(error), decision))
        }
        var record = record(.tunnelled(.broken), decision)
        server.countTunnel()
        do throws(IOError) {
            try await client.write(TunnelReply.established, until: .after(milliseconds: settings.quota.headMilliseconds))
            let pump = TunnelPump(
                client: client, server: upstream, scratch: server.scratch, quota: settings.quota, passed: { [server] in server.count(bytes: $0) })
            record.outcome = .tunnelled(await pump.run())
            (record.bytesUp, record.bytesDown) = (pump.meter.up, pump.meter.down)
        } catch {
            upstream.close()
        }
        report(record)
    }

    // MARK: The end

    private func refuse(_ answer: [UInt8], _ record: TunnelRecord) async {
        report(record)
        do throws(IOError) {
            try await client.write(answer, until: .after(milliseconds: Limits.tunnelRefusalMilliseconds))
            try client.shutdownWrites()
            // What the client had sent already must not turn the answer into a reset.
            let until = Deadline.after(milliseconds: Limits.tunnelRefusalMilliseconds)
            var left = Limits.tunnelLingerBytesMax
            while left > 0 {
                let count = try await client.read(into: server.scratch, until: until)
                if count == 0 { return }
                left -= count
            }
        } catch {
            return  // the client is gone, or stays silent: both have been told all there is
        }
    }

    private func report(_ record: TunnelRecord) {
        var record = record
        (record.requestID, record.tenant) = (errand?.requestID, errand?.tenant ?? "")
        record.milliseconds = Int((Deadline.now().nanoseconds &- began.nanoseconds) / 1_000_000)
        settings.report(record)
    }
}
