/// The bounds of the WebSocket layer that no configuration moves.
package enum WebSocketLimits {
    /// Payload of a control frame (RFC 6455, 5.5).
    static let controlBytesMax = 125
    /// Empty fragments of one message that do not end it: they cost work and bring nothing.
    static let emptyFragmentsMax = 256
    /// Compressed bytes of a message above those that it may decompress to: deflate never needs more for honest data.
    static func compressedBytesMax(_ messageBytesMax: Int) -> Int { messageBytesMax + messageBytesMax / 64 + 1024 }
    /// Ends of a deflate stream (BFINAL) within one message; each costs the copy of a window.
    static let deflateEndsMax = 16
    /// Bytes decompressed at a time.
    static let inflateBytes = 16 * 1024
    /// Bytes of answers to pings that wait to be sent before nothing more is read.
    static let repliesBytesMax = 16 * 1024
    /// Reads of one connection before the others of its loop get a turn.
    static let burstMax = 16
    /// Extensions and parameters of one offer list that are looked at.
    static let offersMax = 32
    /// Subprotocols of one request that are looked at.
    static let subprotocolsMax = 32
}
