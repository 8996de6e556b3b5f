import Egress
import JSON
import Registry

/// `limen egress test MANIFEST URL`: explains what a manifest's allowlist makes of a request. Nothing is looked up and nothing is sent.
enum EgressCommand {
    static func test(_ arguments: Arguments) throws -> Int32 {
        let file = try arguments.operand(0, "MANIFEST")
        let target = try arguments.operand(1, "URL")
        if arguments.has("connect"), arguments["method"] != nil { throw UsageError("a tunnel has no method: --connect or --method") }
        let answers = try arguments["resolve"].map(Self.answers)
        let policy = try EgressPolicy(manifest(file).egress, privateNetworks: privateNetworks(arguments["private"]))
        let before = arguments.has("connect") ? policy.decide(connect: target) : policy.decide(fetch: target, method: arguments["method"] ?? "GET")
        let decision = try resolved(before, answers, policy)
        Output.print(text(decision))
        return decision.isAllowed ? 0 : 1
    }

    /// A bundle's plugin.json lists its files; a grant does not.
    private static func manifest(_ file: String) throws -> Manifest {
        let bytes = try File.read(file)
        // try?: what is no JSON has no files either, and is refused with its place by the reader below.
        let isAsked = (try? JSONValue(parsing: bytes))?["files"] != nil
        return try Manifest(parsing: bytes, file: Path.name(of: file), role: isAsked ? .asked : .granted)
    }

    /// `HOST=ADDRESS,...`
    private static func answers(_ text: String) throws(UsageError) -> (host: EgressHost, addresses: [IPAddress]) {
        let (host, list) = try pair(text, "--resolve is HOST=ADDRESS,...")
        var addresses: [IPAddress] = []
        for item in list {
            guard let address = IPAddress(item) else { throw UsageError("--resolve: \"\(CapabilityTable.plain(item))\" is no address") }
            addresses.append(address)
        }
        do throws(EgressRefusal) { return (try EgressHost(host), addresses) } catch { throw UsageError("--resolve: \(error)") }
    }

    /// `HOST=NETWORK,...`, as an operator opens private networks for an exact host.
    private static func privateNetworks(_ text: String?) throws(UsageError) -> PrivateNetworks {
        var networks = PrivateNetworks()
        guard let text else { return networks }
        let (host, list) = try pair(text, "--private is HOST=NETWORK,...")
        do throws(PrivateNetworks.Problem) { try networks.open(list, for: host) } catch { throw UsageError("--private: \(error)") }
        return networks
    }

    private static func pair(_ text: String, _ usage: String) throws(UsageError) -> (String, [String]) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { throw UsageError(usage) }
        return (String(parts[0]), parts[1].isEmpty ? [] : parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init))
    }

    private static func resolved(
        _ decision: EgressDecision, _ answers: (host: EgressHost, addresses: [IPAddress])?, _ policy: EgressPolicy
    ) throws(UsageError) -> EgressDecision {
        guard let answers, decision.needsAddresses, let target = decision.target else { return decision }
        guard answers.host == target.host else { throw UsageError("--resolve names \(answers.host), the URL \(target.host)") }
        return policy.judge(answers.addresses, for: decision)
    }

    private static func text(_ decision: EgressDecision) -> String {
        let steps = TextTable.plain(decision.steps.map { [$0.isPassed ? "ok" : "no", $0.name, $0.detail] })
        if let refusal = decision.refusal { return steps + "refused by \(refusal)\n" }
        let by = decision.target.map { " by /egress/allow/\($0.rule)" } ?? ""
        guard decision.needsAddresses else {
            return steps + "allowed\(by); dialled would be \(decision.addresses.map { "\($0)" }.joined(separator: ", "))\n"
        }
        return steps + "allowed\(by); the addresses of the host were not judged: give --resolve HOST=ADDRESS,...\n"
    }
}
