package import IO
import Synchronization

/// How a server behaves; times in milliseconds.
package struct HTTPServerConfiguration: Sendable {
    /// Where to listen; port 0 lets the kernel choose.
    package var address: SocketAddress
    /// Certificates to speak TLS with; nil for plain HTTP.
    package var tls: TLSServerContext?
    package var connectionsMax = 10_000
    package var connectionsPerAddressMax = 100
    /// Bytes of a request line and its fields together; more is 431.
    package var headBytesMax = HTTPLimits.headBytesMax
    /// From the first byte of a head (or from the connection's start) to its end.
    package var headMillisecondsMax = 10_000
    /// From the head to the end of the body, where a route says nothing else; a client that sends fast gets more, by the bytes that have come.
    package var bodyMillisecondsMax = 60_000
    /// Between requests.
    package var idleMillisecondsMax = 60_000
    /// For one write to make room; large replies get more, by their size.
    package var writeMillisecondsMax = 30_000
    /// How long a client that has only shut down its sending side still gets its reply before the handler is cancelled.
    package var halfCloseGraceMilliseconds = 250
    /// Fields of every reply; a reply's own field of the same name replaces one.
    package var defaultHeaders: HTTPHeaders = [
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    ]
    /// Makes an id for a request whose client sent none that is fit.
    package var makeRequestID: @Sendable () -> String = HTTPServerConfiguration.countingID()
    /// Makes the reply to what the server refuses by itself.
    package var errorResponse: @Sendable (_ status: Int, _ message: String, _ requestID: String) -> HTTPResponse = { _, message, _ in
        HTTPResponse(contentType: "text/plain; charset=utf-8", Array((message + "\n").utf8))
    }

    /// Called on the connection's loop when a request and its reply are over; must be quick.
    package var onExchange: (@Sendable (HTTPExchange) -> Void)?
    /// Reads files that are not in memory; without it their reads hold the loop.
    package var filePool: BlockingPool?

    package init(address: SocketAddress) { self.address = address }

    /// Ids that differ within one process; a service injects better ones.
    private static func countingID() -> @Sendable () -> String {
        final class Counter: Sendable { let value = Atomic<UInt64>(0) }
        let counter = Counter()
        let start = Deadline.now().nanoseconds
        return { String(start &+ counter.value.wrappingAdd(1, ordering: .relaxed).oldValue, radix: 16) }
    }
}

/// Whether a request may go on after its head.
package enum HTTPAdmission: Sendable {
    /// Its body may have so many bytes; a larger one is 413 before it is read. It must come within `bodyMilliseconds` (the server's own limit
    /// when nil). A streamed body is left to the handler's `HTTPBodyReader`; else the handler begins when all of it is here.
    case accept(bodyBytesMax: Int, bodyMilliseconds: Int? = nil, isStreamed: Bool = false)
    /// It is answered now and its body never read.
    case refuse(HTTPResponse)
}

/// Answers requests.
package protocol HTTPHandler: Sendable {
    /// Decides from the head alone, whose reply will carry `requestID`; runs on the connection's loop, so it must be quick.
    func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission
    /// Answers; runs as a task on the connection's loop, cancelled when the client goes.
    func handle(_ request: HTTPRequest) async -> HTTPResponse
}

extension HTTPHandler {
    package func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission { .accept(bodyBytesMax: 1 << 20) }
}
