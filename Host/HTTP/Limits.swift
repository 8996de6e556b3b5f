/// The bounds of this target in one place.
package enum HTTPLimits {
    /// Bytes of a request line and its fields together, unless the configuration says otherwise; more is 431.
    package static let headBytesMax = 16 * 1024
    /// Bytes of a request target; more is 414.
    package static let targetBytesMax = 8 * 1024
    /// Bytes of a whole CONNECT request, which has little to say; more is 431.
    package static let connectHeadBytesMax = 8 * 1024
    /// Fields of one message; more is 431.
    package static let fieldsMax = 100
    /// Bytes of one chunk-size line with its extensions.
    package static let chunkLineBytesMax = 256
    /// Hexadecimal digits of a chunk size.
    package static let chunkDigitsMax = 8
    /// Bytes of all trailer fields together.
    package static let trailerBytesMax = 4 * 1024
    /// Bytes of an `X-Request-Id` that is taken over from a client.
    package static let requestIDBytesMax = 128
    /// Bytes read from a socket at once.
    static let readBytes = 64 * 1024
    /// Bytes that are read and dropped after an error reply, so that the reply is not lost in a reset.
    static let lingerBytesMax = 256 * 1024
    /// How long that may take, in milliseconds.
    static let lingerMilliseconds = 1000
    /// The same while the server drains.
    static let lingerDrainingMilliseconds = 100
    /// How long a draining server waits for the first request of a connection that it has accepted, in milliseconds.
    static let newcomerMilliseconds = 500
    /// Requests served on one connection before the other connections of the loop get a turn.
    static let burstMax = 16
    /// Slowest tolerated client when a reply is written, on top of the write time-out.
    static let writeBytesPerMillisecondMin = 16
    /// Slowest tolerated client while its body is read, on top of the body's time-out.
    static let bodyBytesPerMillisecondMin = 1
    /// Bytes of a file that are handed to the kernel at once.
    static let fileWindowBytes = 256 * 1024
    /// Bytes of a reply the client takes.
    package static let clientBodyBytesMax = 64 << 20
    /// Bytes of one line of an event stream that the client takes.
    static let eventLineBytesMax = 4 << 20
    /// Idle connections a client keeps.
    static let clientIdleMax = 32
}
