import HTTP
import IO

/// A reply while it comes: counted, decompressed, capped, rid of secrets, and put together.
final class EgressInbound: @unchecked Sendable {
    // SAFETY: touched only on the loop of the connection that the reply comes over, by one task.
    private let bytesMax: Int
    private let isHead: Bool
    private var scrubber: Scrubber?
    private var decoder: ContentDecoder?
    private(set) var status = 0
    private var headers = HTTPHeaders()
    private var body: [UInt8] = []
    /// Bytes of the body that have come, as they were sent.
    private(set) var received = 0
    /// What the redirects make of the head.
    var action = EgressRedirects.Action.deliver
    /// Where the rest is to be read, when it was left unread.
    var source: Source?
    private var hasEnded = false

    /// A connection in the middle of a reply, and whom it is kept for afterwards.
    struct Source {
        let connection: HTTPClientConnection
        let key: EgressPool.Key
    }

    /// - Parameters:
    ///   - isHead: the request was HEAD, whose reply names the length of what it does not bring.
    ///   - scrubber: takes out what the plugin must not see.
    init(bytesMax: Int, isHead: Bool, scrubber: Scrubber?) {
        self.bytesMax = bytesMax
        self.isHead = isHead
        self.scrubber = scrubber
    }

    /// Whether any of the reply has come.
    var hasBegun: Bool { status != 0 }
    /// The values of `Location`.
    var locations: [String] { headers.values("Location") }

    func take(head: HTTPResponse) throws {
        status = head.status
        headers = head.headers
        // A 304 names the length of what it does not bring, too.
        if !isHead, status != 304, let length = headers["Content-Length"].flatMap({ Int($0) }), length > bytesMax { throw tooLarge }
        if let coding = try ContentDecoder.coding(of: headers) { decoder = ContentDecoder(coding, bytesMax: bytesMax) }
    }

    /// The next piece of what the plugin gets, at least a byte; nil at the end. Nothing is read from the server before it is needed.
    func next(from connection: HTTPClientConnection, until deadline: Deadline) async throws -> [UInt8]? {
        while !hasEnded {
            if let decoder, let plain = try decoder.next() {
                let clean = scrubber?.take(plain) ?? plain
                if clean.isEmpty { continue }
                return clean
            }
            guard let piece = try await connection.next(until: deadline) else { return try end() }
            received += piece.count
            if received > bytesMax { throw tooLarge }
            if let decoder {
                decoder.feed(piece)
                continue
            }
            let clean = scrubber?.take(piece) ?? piece
            if !clean.isEmpty { return clean }
        }
        return nil
    }

    /// The body has ended: what the scrubber still held back.
    private func end() throws -> [UInt8]? {
        hasEnded = true
        if !isHead { try decoder?.finish() }
        guard let rest = scrubber?.finish(), !rest.isEmpty else { return nil }
        return rest
    }

    /// Reads all of the body.
    func collect(from connection: HTTPClientConnection, until deadline: Deadline) async throws {
        while let clean = try await next(from: connection, until: deadline) { body += clean }
    }

    private var tooLarge: EgressFailure { EgressFailure(.size, "the reply is larger than \(bytesMax) bytes") }

    /// The reply as far as it was read: all of it, or its head alone when the body is read piece by piece.
    func finished() -> EgressReply {
        var fields: [(name: String, value: String)] = []
        var places: [String: Int] = [:]
        for (name, value) in headers.pairs {
            let lower = name.lowercased()
            if EgressInbound.ours.contains(lower) { continue }
            if let place = places[lower] {
                fields[place].value += ", " + value
            } else {
                places[lower] = fields.count
                fields.append((lower, value))
            }
        }
        if decoder != nil, !isHead { fields.removeAll { $0.name == "content-encoding" } }
        // Of what the plugin gets, not of what was sent.
        if !isHead, let place = fields.firstIndex(where: { $0.name == "content-length" }) {
            if source == nil { fields[place].value = "\(body.count)" } else if decoder != nil || scrubber != nil { fields.remove(at: place) }
        }
        if let clean = scrubber?.scrubbed(fields) { fields = clean }
        return EgressReply(status: status, headers: fields, body: body)
    }

    /// Fields that speak of the connection, which is not the plugin's.
    private static let ours: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "alt-svc",
    ]
}
