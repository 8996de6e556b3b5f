internal import Registry

/// Where a request goes when it is redirected (SPEC 5, RFC 9110 section 15.4): a state without I/O, fed with replies.
///
/// Each hop is judged by the whole policy as if the plugin had asked for it, addresses again included. Credentials that were dropped at another origin
/// stay dropped, even when a later hop leads back.
package struct EgressRedirects: Sendable {
    /// What to do with a reply.
    package enum Action: Sendable, Hashable {
        /// It is the plugin's.
        case deliver
        /// Ask there next, to the addresses of the decision or of a look-up that it needs.
        case follow(Hop)
        /// The request ends here.
        case refuse(EgressDecision)
    }

    /// The next request.
    package struct Hop: Sendable, Hashable {
        package let decision: EgressDecision
        package let method: String
        /// False once another origin was met: neither `EgressHeaders.credentials` nor secrets of the proxy's may go along.
        package let keepsCredentials: Bool
        /// False when the method became GET: neither the body nor the fields that describe it go along.
        package let keepsBody: Bool
    }

    /// What was asked last.
    package private(set) var url: EgressURL
    package private(set) var method: String
    /// Redirects followed so far.
    package private(set) var count = 0
    private var keepsCredentials = true
    private var keepsBody = true
    private var visited: Set<String>
    private let isAsked: Bool

    /// Starts at the plugin's own request; `isAsked` is whether it wants redirects to be followed.
    package init(url: EgressURL, method: String, isAsked: Bool) {
        self.url = url
        self.method = method
        self.isAsked = isAsked
        visited = ["\(method) \(url)"]
    }

    /// Takes the status and every `Location` of a reply's head.
    package mutating func take(status: Int, locations: [String], policy: EgressPolicy) -> Action {
        guard isAsked, [301, 302, 303, 307, 308].contains(status), let location = locations.first else { return .deliver }
        guard locations.count == 1 else { return Self.refuse(.redirectAmbiguous) }
        guard count < Limits.redirectsMax else { return Self.refuse(.redirectTooMany) }
        let next: EgressURL
        do throws(EgressRefusal) { next = try url.resolve(location) } catch { return Self.refuse(error) }
        guard url.scheme == .http || next.scheme == .https else { return Self.refuse(.redirectDowngrade) }
        let nextMethod = Self.method(after: status, method)
        guard visited.insert("\(nextMethod) \(next)").inserted else { return Self.refuse(.redirectLoop) }
        let decision = policy.decide(next, method: nextMethod)
        guard decision.isAllowed else { return .refuse(decision) }
        count += 1
        keepsCredentials = keepsCredentials && next.hasSameOrigin(as: url)
        keepsBody = keepsBody && nextMethod == method
        (url, method) = (next, nextMethod)
        return .follow(Hop(decision: decision, method: method, keepsCredentials: keepsCredentials, keepsBody: keepsBody))
    }

    /// 303 asks for a GET (or HEAD); after 301 and 302 a POST becomes one, as everybody does (RFC 9110 sections 15.4.2 and 15.4.3).
    private static func method(after status: Int, _ method: String) -> String {
        switch status {
        case 303 where method != "HEAD": "GET"
        case 301 where method == "POST", 302 where method == "POST": "GET"
        default: method
        }
    }

    private static func refuse(_ rule: EgressRefusal) -> Action {
        .refuse(EgressDecision(steps: [EgressStep("redirect", rule.description, isPassed: false)], refusal: rule))
    }
}
