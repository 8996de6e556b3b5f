package import Egress
import IO
package import Registry
package import Workers

/// The CONNECT proxies of all plugins with a socket grant: one budget a plugin, one report a decision.
package final class TunnelDoors: Sendable {
    private struct State {
        var budgets: [String: (rate: Int, budget: TunnelBudget)] = [:]
        var lines = EgressLines()
    }

    private let dialer: any TunnelDialer
    private let privateNetworks: PrivateNetworks
    private let observer: SandboxObserver
    private let change: @Sendable (inout TunnelQuota) -> Void
    private let report: (@Sendable (EgressRecord) -> Void)?
    private let state = Lock(State())

    /// - Parameters:
    ///   - privateNetworks: what the operator opens beside the public Internet.
    ///   - report: keeps every decision beside those of fetches; without it each is a line of the observer's.
    ///   - change: makes quotas other than `Limits` has them.
    package init(
        dialer: any TunnelDialer, privateNetworks: PrivateNetworks = PrivateNetworks(), observer: SandboxObserver,
        change: @escaping @Sendable (inout TunnelQuota) -> Void = { _ in }, report: (@Sendable (EgressRecord) -> Void)? = nil
    ) {
        self.dialer = dialer
        self.privateNetworks = privateNetworks
        self.observer = observer
        self.report = report
        self.change = change
    }

    /// Tunnels open now, by plugin.
    package var open: [String: Int] { state.withLock { $0.budgets.mapValues { $0.budget.open } } }

    /// Makes the doors of a plugin's workers; nil for one whose rules cannot be compiled, which has no network at all then.
    package func maker(_ record: PluginRecord) -> WorkerDoorMaker? {
        let grant = record.manifest.egress
        let policy: EgressPolicy
        do throws(EgressPolicyError) { policy = try EgressPolicy(grant, privateNetworks: privateNetworks) } catch {
            observer.log(4, "egress rules refused", ["plugin": record.name, "version": record.version, "cause": "\(error)"])
            return nil
        }
        let name = record.name
        let settings = TunnelServer.Settings(
            policy: policy, quota: quota(grant), budget: budget(name, rate: grant.ratePerMinute), dialer: dialer,
            report: { [weak self] record in self?.take(record, plugin: name) })
        return { listener, worker, loop in TunnelServer(listener, worker: worker, on: loop, settings) }
    }

    /// A tunnel may carry, each way, what the same call could fetch.
    private func quota(_ grant: EgressGrant) -> TunnelQuota {
        // The schema bounds both, so that the product fits.
        var quota = TunnelQuota(bytesMax: grant.responseBytesMax * max(1, grant.requestsMax))
        change(&quota)
        return quota
    }

    /// Versions of a plugin that serve side by side share one, unless its rate has changed.
    private func budget(_ plugin: String, rate: Int) -> TunnelBudget {
        state.withLock { state in
            if let known = state.budgets[plugin], known.rate == rate { return known.budget }
            let made = TunnelBudget(ratePerMinute: rate)
            state.budgets[plugin] = (rate, made)
            return made
        }
    }

    private func take(_ record: TunnelRecord, plugin: String) {
        if let report { return report(EgressRecord(record, plugin: plugin)) }
        guard let leftOut = state.withLock({ $0.lines.take(plugin, now: .now()) }) else { return }
        var fields = Self.fields(record, plugin)
        if leftOut > 0 { fields["lines_left_out"] = String(leftOut) }
        let isAllowed = if case .tunnelled = record.outcome { true } else { false }
        observer.log(isAllowed ? 2 : 3, "tunnel", fields)
    }

    private static func fields(_ record: TunnelRecord, _ plugin: String) -> [String: String] {
        var fields = [
            "plugin": plugin, "worker": String(record.worker), "outcome": record.outcome.name, "reason": record.outcome.reason,
            "bytes_up": String(record.bytesUp), "bytes_down": String(record.bytesDown), "milliseconds": String(record.milliseconds),
        ]
        if let requestID = record.requestID { fields["request_id"] = requestID }
        if !record.target.isEmpty { fields["target"] = record.target }
        if let rule = record.rule { fields["rule"] = "/egress/allow/\(rule)" }
        if record.count > 1 { fields["count"] = String(record.count) }
        return fields
    }
}

extension TunnelServer: WorkerDoor {}
