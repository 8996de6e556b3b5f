/// The head of a request: what is known before its body is read.
package struct HTTPRequestHead: Sendable {
    package let method: HTTPMethod
    /// The fields; the request line lies in the same bytes.
    package let headers: HTTPHeaders
    /// Bytes the body will have, nil when it is chunked.
    package let contentLength: Int?
    /// Whether the client keeps the connection open after the reply.
    package let keepsAlive: Bool
    /// Whether the client waits for 100 (Continue) before it sends the body.
    package let expectsContinue: Bool
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    package let minorVersion: Int
    let targetStart: Int
    let targetEnd: Int
    /// Where the path begins; after the authority of an absolute target.
    let pathStart: Int
    /// Where the query's `?` lies, or the target's end.
    let pathEnd: Int
    let isPlain: Bool

    /// Whether a body follows.
    package var hasBody: Bool { contentLength != 0 }

    /// Bytes of the request line and all fields.
    package var byteCount: Int { headers.bytes.count }

    /// The request target as it was sent.
    package var target: String { text(targetStart, targetEnd) }

    /// The path, percent-decoded; an encoded slash or NUL, or what is not UTF-8, has been refused with 400.
    package var path: String {
        if pathStart == pathEnd { return "/" }
        if isPlain { return text(pathStart, pathEnd) }
        return PercentCoding.decode(headers.bytes[pathStart..<pathEnd], plusIsSpace: false) ?? "/"
    }

    /// The query's parameters in order, decoded; a parameter without `=` has an empty value.
    package var query: [(name: String, value: String)] {
        guard pathEnd < targetEnd else { return [] }
        // The parser has refused a query that cannot be decoded.
        return FormCoding.fields(headers.bytes[(pathEnd + 1)..<targetEnd]) ?? []
    }

    private func text(_ start: Int, _ end: Int) -> String { String(decoding: headers.bytes[start..<end], as: UTF8.self) }
}

/// A complete request.
package struct HTTPRequest: Sendable {
    package let head: HTTPRequestHead
    /// The body, no longer than the route allows; empty when `bodyReader` gives it piece by piece.
    package let body: [UInt8]
    /// Gives the body while it comes, when `HTTPAdmission` said so and there is one.
    package internal(set) var bodyReader: HTTPBodyReader?
    /// The fields behind a chunked body, empty for one that `bodyReader` gives.
    package let trailers: HTTPHeaders
    /// The client's IP address as text.
    package let remoteAddress: String
    /// The client's `X-Request-Id` when it is fit, else one of ours; the reply carries it.
    package let requestID: String

    package init(
        head: HTTPRequestHead, body: [UInt8], remoteAddress: String, requestID: String, trailers: HTTPHeaders = HTTPHeaders()
    ) {
        self.head = head
        self.body = body
        self.remoteAddress = remoteAddress
        self.requestID = requestID
        self.trailers = trailers
    }

    package var method: HTTPMethod { head.method }
    package var target: String { head.target }
    package var path: String { head.path }
    package var query: [(name: String, value: String)] { head.query }
    package var headers: HTTPHeaders { head.headers }
}
