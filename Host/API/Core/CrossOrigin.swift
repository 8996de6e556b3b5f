import HTTP

/// Which pages of other origins may call the API: those that the operator listed, exactly (API-9).
///
/// Nobody signs in by cookie, so no credentials are allowed and no page gets more than whoever has a key.
package struct CrossOrigin: Sendable {
    private let origins: Set<String>

    /// - Parameter origins: scheme, host and port as browsers write them, such as `https://app.example.org`.
    package init(_ origins: [String]) { self.origins = Set(origins) }

    /// Whether pages of an origin may call.
    func allows(_ origin: String) -> Bool { origins.contains(origin) }

    /// The request's origin when it is on the list, nil for every other; one that stands twice is none.
    func allowed(_ request: APIRequest) -> String? {
        if origins.isEmpty { return nil }
        let values = request.values("Origin")
        guard values.count == 1, origins.contains(values[0]) else { return nil }
        return values[0]
    }

    /// Adds what a browser needs before it hands the reply to the page. Caches are told of it whoever asked.
    func finish(_ response: inout APIResponse, to request: APIRequest) {
        if origins.isEmpty { return }
        response.vary("Origin")
        guard let origin = allowed(request) else { return }
        response.headers += [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", Self.exposed)]
    }

    /// Adds the answer to a preflight, when this is one and its origin is on the list.
    func finishPreflight(_ response: inout APIResponse, to request: APIRequest, methods: String) {
        guard !origins.isEmpty else { return }
        for name in ["Access-Control-Request-Method", "Access-Control-Request-Headers"] { response.vary(name) }
        guard allowed(request) != nil, !request.values("Access-Control-Request-Method").isEmpty else { return }
        response.headers += [
            ("Access-Control-Allow-Methods", methods), ("Access-Control-Allow-Headers", Self.accepted),
            ("Access-Control-Max-Age", String(Limits.preflightSeconds)),
        ]
    }

    private static let exposed = "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, traceparent"
    private static let accepted =
        "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, X-Sign-In-Binding, traceparent"
}
