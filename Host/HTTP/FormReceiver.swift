package import IO

/// A part of a form that has been received.
package struct ReceivedPart: Sendable {
    package let head: MultipartPartHead
    /// The content of a part that is no file.
    package fileprivate(set) var value: [UInt8] = []
    /// The content of a file.
    package fileprivate(set) var file: SpooledFile?
}

/// Takes a form from its connection to memory (fields) and disk (files) while it comes, and never more than `ContentLimits.spoolBytes` of a file in between.
///
/// Nothing more is read from the client before the disk has taken what came: that is the back-pressure. Files have no names until somebody keeps
/// them, so an abort, an error or a crash leaves nothing behind.
package struct FormReceiver: Sendable {
    private let folder: String
    private let pool: BlockingPool
    private let limits: MultipartLimits

    /// - Parameters:
    ///   - folder: where files are kept while they have no name; on the file system on which they are to stay.
    ///   - pool: its threads write.
    package init(folder: String, pool: BlockingPool, limits: MultipartLimits = MultipartLimits()) {
        self.folder = folder
        self.pool = pool
        self.limits = limits
    }

    /// Receives a `multipart/form-data` body that the route has taken as a stream.
    /// - Throws: `HTTPFailure` for what breaks a rule or limit, `HTTPBodyError` for what the connection refused or lost, `IOError` of the disk or the pool.
    package func receive(_ request: HTTPRequest) async throws -> [ReceivedPart] {
        let types = request.headers.values("Content-Type")
        guard types.count == 1, let boundary = try MultipartBoundary(contentType: types[0]) else {
            throw HTTPFailure(415, "The body must be multipart/form-data.")
        }
        guard let body = request.bodyReader else {
            var pieces = [request.body]
            return try await receive(boundary) { pieces.popLast() }
        }
        if let length = body.announcedCount, length > limits.bytesMax { throw HTTPFailure(413, "The form is larger than this route takes.") }
        return try await receive(boundary) { try await body.next() }
    }

    /// The same for a body that `next` gives piece by piece, nil at its end.
    package func receive(_ boundary: MultipartBoundary, from next: () async throws -> [UInt8]?) async throws -> [ReceivedPart] {
        var parser = MultipartParser(boundary: boundary, limits: limits)
        var parts: [ReceivedPart] = []
        var pending: [UInt8] = []
        while let piece = try await next() {
            parser.feed(piece)
            while let event = try parser.next() {
                switch event {
                case .head(let head): parts.append(try await part(head))
                case .content(let bytes):
                    guard let file = parts[parts.count - 1].file else {
                        parts[parts.count - 1].value += bytes
                        continue
                    }
                    pending += bytes
                    if pending.count >= ContentLimits.spoolBytes { try await spool(&pending, to: file) }
                case .partEnd:
                    if let file = parts[parts.count - 1].file { try await spool(&pending, to: file) }
                case .end: break
                }
            }
        }
        try parser.finish()
        return parts
    }

    private func part(_ head: MultipartPartHead) async throws -> ReceivedPart {
        var part = ReceivedPart(head: head)
        if head.isFile {
            let folder = folder
            part.file = try await pool.run { try SpooledFile(in: folder) }
        }
        return part
    }

    private func spool(_ pending: inout [UInt8], to file: SpooledFile) async throws {
        if pending.isEmpty { return }
        var bytes: [UInt8] = []
        swap(&bytes, &pending)
        let full = bytes
        try await pool.run { try file.append(full) }
    }
}
