/// Checks `Authorization: Bearer <key>` against the stored hash of the one key. There is no other way in, and no switch.
package struct Authenticator: Sendable {
    private let identify: @Sendable (String) -> String?

    /// Makes the check. `identify` names the key's id, or nil for a key that is none; it compares hashes in constant time.
    package init(identify: @escaping @Sendable (String) -> String?) { self.identify = identify }

    /// Who a request is from.
    /// - Throws: 401 for anything but exactly one well-formed header with the right key.
    package func principal(of request: APIRequest) throws(APIError) -> Principal {
        let values = request.values("authorization")
        guard values.count == 1, let key = bearer(values[0]) else { throw Self.refusal }
        guard let id = identify(key) else { throw Self.refusal }
        return .keyHolder(id)
    }

    /// The token after the scheme (RFC 6750); the scheme's case is free.
    private func bearer(_ value: String) -> String? {
        guard value.utf8.count <= 512 else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    private static var refusal: APIError {
        APIError(
            .unauthorized, "This needs the header `Authorization: Bearer <key>` with a valid key.",
            headers: [("WWW-Authenticate", #"Bearer realm="limen""#)])
    }
}
