import API
import Config
import Egress
import IO
import Identity
import Registry
import Store

/// Speaks to identity providers through the egress proxy: addresses are judged, certificates verified, sizes and times bounded, decisions logged as for
/// any plugin. What is allowed is the one host of each URL, which the operator named, or the provider whom he named.
struct ProviderFetch: OIDCFetcher {
    private static let responseBytesMax = 1 << 20

    let proxy: EgressProxy
    let privateNetworks: PrivateNetworks
    /// Bounds requests to one provider (LIM-8).
    let limiter: RateLimiter

    func fetch(_ url: String, form: [(name: String, value: String)]?, authorization: String?) async throws -> (status: Int, body: [UInt8]) {
        let target = try EgressURL(url)
        guard target.scheme == .https || Providers.isLoopback("\(target.host)") else {
            throw CommandError("\(target.authority) is asked over TLS only")
        }
        guard limiter.take(RateKey(.providers, subject: target.authority), now: .now()).isAllowed else {
            throw CommandError("\(target.authority) was asked more often than rates.providers_per_minute allows")
        }
        var grant = EgressGrant()
        grant.allow = [EgressRule(scheme: target.scheme, host: "\(target.host)", ports: [target.port], methods: ["GET", "POST"])]
        grant.responseBytesMax = Self.responseBytesMax
        grant.ratePerMinute = limiter.policy(.providers).count
        let access = try EgressAccess(plugin: "@identity", grant: grant, privateNetworks: privateNetworks)
        var fields = [(name: "Accept", value: "application/json")]
        if form != nil { fields.append(("Content-Type", "application/x-www-form-urlencoded")) }
        if let authorization { fields.append(("Authorization", authorization)) }
        let request = EgressRequest(
            url, method: form == nil ? "GET" : "POST", fields: fields, body: Array((form.map(OIDCService.form) ?? "").utf8))
        let caller = EgressCaller(plugin: "@identity", tenant: "@host", requestID: "identity")
        let reply = try await proxy.fetch(request, access: access, caller: caller, before: 0, until: .after(milliseconds: 30_000))
        return (reply.status, reply.body)
    }
}

/// The identity providers that the configuration names.
enum Providers {
    /// Reads `identity.oidc`; the client's secret, if it has one, is `oidc.NAME` of tenant `@host` in the store of secrets.
    /// - Throws: `CommandError` naming the entry that cannot be used.
    static func read(_ entries: [String], _ secrets: SecretStore) async throws -> [OIDCProvider] {
        var found: [OIDCProvider] = []
        for (index, entry) in entries.enumerated() {
            let setting = "identity.oidc/\(index)"
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            let words = parts.count == 2 ? parts[1].split(separator: " ").map(String.init) : []
            guard (2...3).contains(words.count), SecretRules.problem(name: "oidc.\(parts[0])") == nil else {
                throw CommandError("\(setting): \"\(entry)\" is not NAME=ISSUER CLIENT [TENANT], such as corp=https://login.example.com limen")
            }
            let url: EgressURL
            do throws(EgressRefusal) { url = try EgressURL(words[0]) } catch { throw CommandError("\(setting): \(words[0]) is no issuer: \(error)") }
            guard url.scheme == .https || isLoopback("\(url.host)") else { throw CommandError("\(setting): an issuer is asked over https") }
            guard !words[0].hasSuffix("/"), url.query == nil else { throw CommandError("\(setting): an issuer has no slash at its end and no query") }
            let secret = try await secrets.open(["oidc.\(parts[0])"], tenant: "@host").first.map { String(decoding: $0.reveal(), as: UTF8.self) }
            found.append(
                OIDCProvider(name: parts[0], issuer: words[0], client: words[1], secret: secret, tenant: words.count > 2 ? words[2] : "main"))
        }
        return found
    }

    /// This machine, where nobody is in between.
    static func isLoopback(_ host: String) -> Bool { host == "127.0.0.1" || host == "localhost" }
}
