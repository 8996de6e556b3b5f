import Config
import Jail

/// The certificates of authorities that workers with a socket grant are shown: the system's and those of `egress.ca_file`, as fetches trust them.
enum TunnelAuthorities {
    /// Options for the spawner; none without a file of the operator's, because the system's are shown anyway.
    ///
    /// Both are written into `folder`: a worker gets one file.
    static func options(_ settings: Configuration.Egress, in folder: String, for account: Account) throws -> [String] {
        guard let file = settings.authorities else { return [] }
        let own = try File.read(file)
        // try?: a system without authorities of its own has none to add to.
        let system = (try? File.read(ProxyDoor.authoritiesPath)) ?? []
        let both = "\(folder)/egress-authorities.pem"
        try File.write(system + Array("\n".utf8) + own, to: both, for: account)
        return ["--ca-file", Path.absolute(both) ?? both]
    }
}

extension LaunchPlan {
    /// The same plan with the authorities that an author's environment names (`LIMEN_EGRESS_CA_FILE`).
    func showingAuthorities() throws -> LaunchPlan {
        guard let temporary else { return self }
        var plan = self
        plan.spawnerOptions += try TunnelAuthorities.options(Settings.author().egress, in: temporary, for: Account.current())
        return plan
    }
}
