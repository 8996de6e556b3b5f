/// Undoes the content coding of a reply's body (RFC 9110, 8.4.1) as it comes, never past a limit.
///
/// `gzip` may have several members (RFC 1952, 2.2); `deflate` is zlib's format, or raw as some servers have it. What follows the end is refused, and so
/// is a body that ends early.
package final class ContentDecoder {
    /// What can be undone.
    package enum Coding: String, Sendable, Hashable { case gzip, deflate }

    /// Why a body is refused.
    package enum Fault: String, Error, Sendable, Hashable {
        /// It names a coding that was not asked for, or several on top of each other.
        case unsupported
        case invalid
        /// It ends before its end.
        case truncated
        /// Something follows its end.
        case trailing
        /// It would be longer than allowed.
        case tooLarge
        /// It grows more than any honest content does.
        case tooDense
        /// zlib has no memory.
        case noMemory
    }

    private enum State {
        /// Nothing has come, or of a deflate body one byte only. Next: inside.
        case new([UInt8])
        /// Next: ended.
        case inside(InflateStream)
        /// Next: inside, for a further member.
        case ended(InflateStream)
    }

    private let coding: Coding
    private let bytesMax: Int
    private var state = State.new([])
    private var piece: [UInt8] = []
    private var place = 0
    /// Whether the last step filled all the room it had, so that zlib may hold more.
    private var mayHoldMore = false
    private var members = 1
    /// Bytes that were read.
    package private(set) var read = 0
    /// Bytes that they decompressed to so far.
    package private(set) var written = 0

    /// Decodes a body to at most `bytesMax` bytes.
    package init(_ coding: Coding, bytesMax: Int) { (self.coding, self.bytesMax) = (coding, bytesMax) }

    /// The coding that a reply names; nil when its body is as it is.
    package static func coding(of headers: HTTPHeaders) throws(Fault) -> Coding? {
        let names = headers.list("Content-Encoding").map { $0.lowercased() }.filter { $0 != "identity" }
        guard let name = names.first else { return nil }
        guard names.count == 1, let coding = Coding(rawValue: name == "x-gzip" ? "gzip" : name) else { throw .unsupported }
        return coding
    }

    /// Takes a piece; `next` gives what it decompresses to.
    package func feed(_ bytes: [UInt8]) {
        assert(place == piece.count && !mayHoldMore, "a piece was fed before the one before it was used up")
        (piece, place) = (bytes, 0)
    }

    /// What comes next of the piece, at most `ContentLimits.inflateBytes`; nil when it is used up.
    package func next() throws(Fault) -> [UInt8]? {
        while place < piece.count || mayHoldMore {
            guard let stream = try current() else { return nil }
            var step: (read: Int, written: Int, state: InflateStream.State) = (0, 0, .invalid)
            let out = [UInt8](unsafeUninitializedCapacity: ContentLimits.inflateBytes) { buffer, count in
                step = piece.withUnsafeBufferPointer { stream.step(UnsafeBufferPointer(rebasing: $0[place...]), into: buffer) }
                count = step.written
            }
            place += step.read
            read += step.read
            mayHoldMore = step.state == .going && step.written == ContentLimits.inflateBytes
            try count(step.written)
            switch step.state {
            case .invalid: throw members > 1 ? .trailing : .invalid
            case .ended: state = .ended(stream)
            // Neither read nor written: the piece is used up, or zlib cannot go on with it.
            case .going where step.read == 0 && step.written == 0 && place < piece.count: throw .invalid
            case .going: break
            }
            if !out.isEmpty { return out }
        }
        return nil
    }

    /// Ends the body; an empty one is no error, because a reply to HEAD names its coding too.
    package func finish() throws(Fault) {
        switch state {
        case .new(let held): if !held.isEmpty { throw .truncated }
        case .inside: throw .truncated
        case .ended: break
        }
    }

    private func count(_ bytes: Int) throws(Fault) {
        written += bytes
        if written > bytesMax { throw .tooLarge }
        if written > ContentLimits.inflateFreeBytes, written / ContentLimits.inflateRatioMax > read { throw .tooDense }
    }

    /// The stream for what comes now; nil while too little has come to tell its format.
    private func current() throws(Fault) -> InflateStream? {
        switch state {
        case .inside(let stream): return stream
        case .ended(let stream):
            members += 1
            guard coding == .gzip, piece[place] == 0x1f, members <= ContentLimits.gzipMembersMax, stream.restart() else { throw .trailing }
            state = .inside(stream)
            return stream
        case .new(let held):
            let bytes = held + piece[place...].prefix(2 - held.count)
            guard coding == .gzip || bytes.count == 2 else {
                (state, place) = (.new(bytes), piece.count)
                return nil
            }
            if !held.isEmpty { (piece, place) = (held + piece[place...], 0) }
            let wrapping: InflateStream.Wrapping = coding == .gzip ? .gzip : Self.isZlib(bytes) ? .zlib : .none
            guard let stream = InflateStream(windowBits: 15, wrapping) else { throw .noMemory }
            state = .inside(stream)
            return stream
        }
    }

    /// Whether two bytes are a header of zlib's (RFC 1950, 2.2). Raw data that begins so would be a stored block with padding other than zero, which no
    /// ordinary encoder writes.
    private static func isZlib(_ bytes: [UInt8]) -> Bool {
        bytes[0] & 0x0f == 8 && bytes[0] >> 4 <= 7 && (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0
    }
}
