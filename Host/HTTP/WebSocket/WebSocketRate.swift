import IO

/// Bounds what one connection may send: frames that begin something, and bytes.
struct WebSocketRate: Sendable {
    private var frames: TokenBucket
    private var bytes: TokenBucket

    init(_ configuration: WebSocketConfiguration) {
        frames = TokenBucket(perSecond: configuration.framesPerSecond, burst: configuration.framesBurst)
        // A frame that the limits allow must fit into the burst, or it could never be sent.
        bytes = TokenBucket(
            perSecond: configuration.bytesPerSecond, burst: max(configuration.bytesBurst, configuration.frameBytesMax + 64))
    }

    /// Counts a frame by its head; fragments after the first cost bytes alone.
    mutating func take(_ head: WebSocketFrameHead, _ now: Deadline) throws(WebSocketFault) {
        if head.opcode != .continuation && !frames.take(1, now: now) { throw WebSocketFault(.policyViolation, "too many messages") }
        if !bytes.take(head.length + 6, now: now) { throw WebSocketFault(.policyViolation, "too many bytes") }
    }
}
