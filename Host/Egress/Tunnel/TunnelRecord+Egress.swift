import Glibc

extension EgressRecord {
    /// A tunnel's record beside those of fetches.
    package init(_ tunnel: TunnelRecord, plugin: String) {
        let colon = tunnel.target.lastIndex(of: ":")
        self.init(
            time: Glibc.time(nil), plugin: plugin, tenant: tunnel.tenant, requestID: tunnel.requestID ?? "", kind: "tunnel", method: "CONNECT",
            host: colon.map { String(tunnel.target[..<$0]) }, port: colon.flatMap { Int(tunnel.target[tunnel.target.index(after: $0)...]) },
            outcome: tunnel.outcome.asEgress, bytesOut: tunnel.bytesUp, bytesIn: tunnel.bytesDown, milliseconds: Double(tunnel.milliseconds))
        (count, rule) = (tunnel.count, tunnel.rule)
    }
}

extension TunnelRecord.Outcome {
    fileprivate var asEgress: EgressRecord.Outcome {
        switch self {
        case .tunnelled(let end): .tunnelled(end)
        case .refused(let rule): .refused(rule)
        case .malformed(let status): .malformed(status: status)
        case .failed(.resolve): .failed(.resolve)
        case .failed(.connect): .failed(.connect)
        case .failed(.timeOut): .failed(.timeout)
        case .turnedAway(let shortage): .turnedAway(shortage)
        }
    }
}
