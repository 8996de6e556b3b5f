import IO

/// A reply that turns its connection into a WebSocket, if the request is a valid handshake; otherwise the server refuses it by itself.
package struct WebSocketUpgrade: Sendable {
    package var configuration: WebSocketConfiguration
    /// A place that is held while the socket is open; see `WebSocketCap`.
    package var place: WebSocketCap.Place?
    /// Serves the socket on the connection's loop, in a task that is cancelled when the client goes. The socket is closed when it returns (1000)
    /// or throws (1011).
    package var serve: @Sendable (WebSocket) async throws -> Void

    package init(
        configuration: WebSocketConfiguration = WebSocketConfiguration(), place: WebSocketCap.Place? = nil,
        serve: @escaping @Sendable (WebSocket) async throws -> Void
    ) {
        self.configuration = configuration
        self.place = place
        self.serve = serve
    }
}

extension HTTPResponse {
    /// Answers with a WebSocket (RFC 6455); `headers` stand beside the handshake's own.
    package static func webSocket(_ upgrade: WebSocketUpgrade, headers: HTTPHeaders = HTTPHeaders()) -> HTTPResponse {
        HTTPResponse(status: 101, headers: headers, body: .webSocket(upgrade))
    }
}

/// Bounds how many WebSockets one user, or whatever the key means, has open at once.
package final class WebSocketCap: Sendable {
    private let max: Int
    private let counts = Lock<[String: Int]>([:])

    /// - Parameter max: sockets of one key.
    package init(max: Int = 5) { self.max = max }

    /// How many this key has open.
    package func count(_ key: String) -> Int { counts.withLock { $0[key] ?? 0 } }

    /// A place for one more, given back when the last reference to it goes; nil when the key has all it may have.
    package func take(_ key: String) -> Place? {
        let isFree = counts.withLock { counts in
            guard counts[key, default: 0] < max else { return false }
            counts[key, default: 0] += 1
            return true
        }
        return isFree ? Place(cap: self, key: key) : nil
    }

    private func giveBack(_ key: String) {
        counts.withLock { counts in
            let left = counts[key, default: 1] - 1
            counts[key] = left > 0 ? left : nil
        }
    }

    /// One open socket of a key.
    package final class Place: Sendable {
        private let cap: WebSocketCap
        private let key: String

        fileprivate init(cap: WebSocketCap, key: String) {
            self.cap = cap
            self.key = key
        }

        deinit { cap.giveBack(key) }
    }
}
