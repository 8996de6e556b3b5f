/// What a WebSocket of one route takes and how long it waits.
package struct WebSocketConfiguration: Sendable {
    /// Bytes of one message after decompression; more is 1009.
    package var messageBytesMax = 1 << 20
    /// Bytes of one frame's payload as sent; more is 1009 before it is read.
    package var frameBytesMax = 1 << 20
    /// Messages and control frames a second, and in a burst; more is 1008.
    package var framesPerSecond = 20
    package var framesBurst = 100
    /// Bytes a second, and in a burst (at least one frame); more is 1008.
    package var bytesPerSecond = 1 << 20
    package var bytesBurst = 4 << 20
    /// Messages and bytes that wait for the handler before nothing more is read.
    package var inboxMessagesMax = 16
    package var inboxBytesMax = 1 << 20
    /// Silence after which the client is asked whether it is there.
    package var pingMilliseconds = 30_000
    /// How long it may take to answer.
    package var pongMilliseconds = 10_000
    /// From the first byte of a message to its last; more is 1008.
    package var messageMillisecondsMax = 60_000
    /// For the client to take what is sent; large messages get more, by their size.
    package var writeMillisecondsMax = 30_000
    /// From our close frame to the client's.
    package var closeMilliseconds = 2000
    /// How long a handler may go on when the client has closed or gone, before it is cancelled.
    package var closeGraceMilliseconds = 250
    /// permessage-deflate, nil to decline it.
    package var compression: WebSocketCompression? = WebSocketCompression()
    /// Subprotocols that the route speaks (RFC 6455, 1.9); the client's first that is among them is chosen.
    package var subprotocols: [String] = []
    /// Whether a request that names none of them is refused.
    package var requiresSubprotocol = false
    /// Whether a page of this origin may connect (RFC 6455, 10.2); nil is a client that is no browser. No page may, unless this says so.
    package var allowsOrigin: @Sendable (_ origin: String?) -> Bool = { $0 == nil }

    package init() {}
}

/// How permessage-deflate is used (RFC 7692).
package struct WebSocketCompression: Sendable {
    /// Whether one message may refer to the one before. Better ratios, for up to 300 KiB of memory a connection.
    package var keepsContext = false
    /// Size of the windows, 9...15, as a power of two.
    package var windowBitsMax = 15
    /// Messages with fewer bytes are sent as they are.
    package var bytesMin = 256
    /// zlib's level, 1...9.
    package var level = 3

    package init() {}
}
