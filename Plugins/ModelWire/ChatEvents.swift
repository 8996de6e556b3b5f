package import JSON
package import LimenPlugin

/// Makes an answer of what a server streams; states and events, no I/O.
package protocol ReplyReader {
    /// Whether the answer is complete: nothing more is read.
    var isDone: Bool { get }
    /// Whether the end of the reply is the end of the answer too.
    var mayEnd: Bool { get }
    /// Whether any text was passed on.
    var sentTokens: Bool { get }
    /// Takes an event of the stream; answers what to pass on.
    mutating func take(_ event: ServerEvent) throws -> [AdapterEvent<ModelChatReply>]
    /// Takes a whole reply of a server that does not stream.
    mutating func take(whole value: JSONValue) throws -> [AdapterEvent<ModelChatReply>]
    /// The answer.
    func answer() throws -> ModelChatReply
}

/// The events of one answer, pulled from the server's reply piece by piece: whoever does not ask for more holds up the server.
package struct ChatEvents<Reader: ReplyReader>: AsyncSequence {
    package typealias Element = AdapterEvent<ModelChatReply>

    private let stream: FetchStream
    private let reader: Reader
    private let errors: ProviderError

    package init(_ stream: FetchStream, _ reader: Reader, _ errors: ProviderError) {
        (self.stream, self.reader, self.errors) = (stream, reader, errors)
    }

    package func makeAsyncIterator() -> Iterator { Iterator(stream: stream, reader: reader, errors: errors) }

    package struct Iterator: AsyncIteratorProtocol {
        private let stream: FetchStream
        private let errors: ProviderError
        private var pieces: FetchBody.Iterator
        private var reader: Reader
        private var parser = EventStreamParser()
        private var queue: ArraySlice<Element> = []
        private var isOver = false
        /// What went wrong behind events that are still to be passed on.
        private var failure: (any Error)?
        private var passedOn: ContinuousClock.Instant?

        init(stream: FetchStream, reader: Reader, errors: ProviderError) {
            (self.stream, self.reader, self.errors) = (stream, reader, errors)
            pieces = stream.body.makeAsyncIterator()
        }

        package mutating func next() async throws -> Element? {
            while true {
                while let event = queue.popFirst() { if isWorthPassing(event) { return event } }
                if let failure { throw failure }
                if isOver { return nil }
                if isStreamed { try await streamed() } else { try await whole() }
            }
        }

        /// That somebody is at work need not be said more often than once in a while.
        private mutating func isWorthPassing(_ event: Element) -> Bool {
            let now = ContinuousClock.now
            if case .progress = event, let passedOn, now - passedOn < Limits.progressInterval { return false }
            passedOn = now
            return true
        }

        /// A server that was asked to stream may answer at once all the same.
        private var isStreamed: Bool { !(stream.headers["content-type"] ?? "").lowercased().hasPrefix("application/json") }

        private mutating func streamed() async throws {
            let piece: [UInt8]?
            do {
                piece = try await pieces.next()
            } catch {
                // All that matters was said before.
                guard reader.mayEnd else { throw errors.cut(error, sentTokens: reader.sentTokens) }
                piece = nil
            }
            guard let piece else {
                guard reader.mayEnd else { throw errors.cut(nil, sentTokens: reader.sentTokens) }
                return try ended()
            }
            do {
                for event in parser.feed(piece) {
                    queue += try reader.take(event)
                    if reader.isDone { return try ended() }
                }
                if parser.hasOverflown { throw errors.malformed("an event that is too long", sentTokens: reader.sentTokens) }
            } catch {
                // What came before it in the same piece was said all the same.
                failure = error
            }
        }

        private mutating func ended() throws {
            isOver = true
            stream.cancel()
            queue.append(.output(try reader.answer()))
        }

        private mutating func whole() async throws {
            let body: [UInt8]
            do {
                body = try await stream.body.collected(bytesMax: Limits.replyBytesMax)
            } catch {
                throw errors.cut(error, sentTokens: false)
            }
            queue += try reader.take(whole: try errors.parsed(body))
            try ended()
        }
    }
}

extension ProviderError {
    /// A whole reply as JSON.
    package func parsed(_ body: [UInt8]) throws -> JSONValue {
        do {
            return try JSONValue(parsing: body, limits: .reply)
        } catch {
            throw malformed("what is no JSON (\(error.message))", sentTokens: false)
        }
    }

    /// One event's data as JSON.
    package func parsed(_ event: ServerEvent, sentTokens: Bool) throws -> JSONValue {
        do {
            return try JSONValue(parsing: Array(event.data.utf8), limits: .reply)
        } catch {
            throw malformed("an event that is no JSON (\(error.message))", sentTokens: sentTokens)
        }
    }
}
