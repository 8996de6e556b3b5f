package import IO

/// Why a body did not come whole.
package enum HTTPBodyError: Error, Sendable, Hashable {
    /// It broke a rule, was too large or too slow: the client gets this failure, whatever the handler answers.
    case refused(HTTPFailure)
    /// The client went, or the handler's task was cancelled.
    case ended(IOError)
}

/// The body of a request that its handler reads while it comes: nothing is read from the socket before the handler asks, which is the back-pressure.
///
/// It lives on its connection's loop and ends with the handler's return; one task reads.
package final class HTTPBodyReader: @unchecked Sendable {
    // SAFETY: every method checks that it runs on the connection's loop, where the connection touches it too.
    private let loop: EventLoop
    private weak var connection: HTTPConnection?
    private var partial: HTTPConnection.Partial
    private let began: Deadline
    private var isReading = false
    /// What the client is owed instead of the handler's reply.
    private(set) var refusal: Refusal?

    init(_ partial: HTTPConnection.Partial, of connection: HTTPConnection) {
        self.partial = partial
        self.connection = connection
        loop = connection.context.loop
        began = loop.turnDeadline
    }

    /// Bytes of the body that have come.
    package var count: Int { partial.bodyCount }
    /// Whether all of it has been read.
    package var isComplete: Bool { partial.isComplete && partial.body.isEmpty }
    /// The trailer fields, once the body is complete.
    package var trailers: HTTPHeaders { isComplete ? connection?.parser.trailers ?? HTTPHeaders() : HTTPHeaders() }
    /// The length that the client has announced, nil for a chunked body.
    package var announcedCount: Int? { partial.head?.contentLength }

    /// The next piece, never empty; nil at the end. Ends early at `deadline` with `.ended(.timedOut)`, besides the route's own time-out.
    package func next(until deadline: Deadline = .distantFuture) async throws(HTTPBodyError) -> [UInt8]? {
        precondition(loop.isCurrent, "a body is read on its connection's loop")
        precondition(!isReading, "one task reads a body")
        guard let connection, refusal == nil else { throw .ended(IOError(.closed, "body")) }
        if isComplete { return nil }
        isReading = true
        defer { isReading = false }
        // A copy, because what `partial` says is asked for while the piece is awaited.
        var reading = partial
        defer { partial = reading }
        do {
            try await connection.readPiece(&reading, since: began, until: deadline)
        } catch let failure as Refusal {
            refusal = failure
            throw .refused(failure.cause ?? HTTPFailure(400, "The body is malformed."))
        } catch let error as IOError {
            throw .ended(error)
        } catch {
            throw .ended(IOError(.closed, "body"))
        }
        var piece: [UInt8] = []
        swap(&piece, &reading.body)
        partial = reading
        if reading.isComplete { connection.bodyEnded() }
        return piece.isEmpty ? nil : piece
    }

    /// Nothing is read for the handler any more.
    func detach() { connection = nil }
}
