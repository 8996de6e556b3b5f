internal import Registry

/// A manifest's pattern of hosts: one host, or `*.` and the domain whose subdomains are meant.
enum HostPattern: Sendable, Hashable {
    case exactly(EgressHost)
    /// The domain behind `*.`; not itself.
    case below(String)

    /// Why a text is no pattern.
    struct Problem: Error, Sendable, Hashable { let reason: String }

    /// Reads a pattern that could match a URL's host, written as such a host is.
    init(_ pattern: String) throws(Problem) {
        let isWildcard = pattern.hasPrefix("*.")
        let text = isWildcard ? String(pattern.dropFirst(2)) : pattern
        let host: EgressHost
        do throws(EgressRefusal) { host = try EgressHost(text) } catch { throw Problem(reason: "is no host: \(error)") }
        guard host.description == text else { throw Problem(reason: "is written \"\(host)\"") }
        guard isWildcard else {
            self = .exactly(host)
            return
        }
        guard case .name(let domain) = host else { throw Problem(reason: "has a wildcard before an address") }
        guard domain.contains(".") else {
            throw Problem(reason: "is a wildcard over a whole top-level domain; name at least two labels behind *.")
        }
        self = .below(domain)
    }

    /// Whether a URL's host is meant.
    func matches(_ host: EgressHost) -> Bool {
        switch self {
        case .exactly(let wanted): return wanted == host
        case .below(let domain):
            guard case .name(let name) = host else { return false }
            // Only what stands behind a dot: `*.example.com` is neither `example.com` nor `evilexample.com`.
            return name.utf8.count > domain.utf8.count + 1 && name.hasSuffix("." + domain)
        }
    }
}
