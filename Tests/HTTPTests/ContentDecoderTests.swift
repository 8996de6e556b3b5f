import CZlib
import HTTP
import TestKit
import Testing

@Suite("Content codings of replies")
struct ContentDecoderTests {
    private typealias Fault = ContentDecoder.Fault

    /// Compresses with zlib itself: `bits` as `deflateInit2` has them.
    private static func compress(_ bytes: [UInt8], bits: Int32, level: Int32 = 6) -> [UInt8] {
        var (stream, bytes) = (z_stream(), bytes)
        deflateInit2_(&stream, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY, zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        var out = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
        let count = bytes.withUnsafeMutableBufferPointer { input in
            out.withUnsafeMutableBufferPointer { output in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                deflate(&stream, Z_FINISH)
                return output.count - Int(stream.avail_out)
            }
        }
        deflateEnd(&stream)
        return Array(out.prefix(count))
    }

    private static func decode(
        _ body: [UInt8], _ coding: ContentDecoder.Coding, bytesMax: Int = 16 << 20, step: Int = 4096
    ) throws(Fault) -> [UInt8] {
        let decoder = ContentDecoder(coding, bytesMax: bytesMax)
        var out: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: step) {
            decoder.feed(Array(body[start..<min(body.count, start + step)]))
            while let bytes = try decoder.next() {
                #expect(bytes.count <= ContentLimits.inflateBytes)
                out += bytes
            }
        }
        try decoder.finish()
        return out
    }

    private static func fault(_ body: [UInt8], _ coding: ContentDecoder.Coding, bytesMax: Int = 16 << 20, step: Int = 4096) -> Fault? {
        do throws(Fault) {
            _ = try decode(body, coding, bytesMax: bytesMax, step: step)
            return nil
        } catch {
            return error
        }
    }

    private static let kinds: [(name: String, coding: ContentDecoder.Coding, bits: Int32)] = [
        ("gzip", .gzip, 31), ("zlib", .deflate, 15), ("raw", .deflate, -15),
    ]

    @Test("what zlib compressed in any of the three formats, at any level, comes out again whatever the pieces are", arguments: kinds.indices)
    func roundTrip(kind: Int) throws {
        let (name, coding, bits) = Self.kinds[kind]
        var random = SeededRandom()
        for count in [0, 1, 2, 100, 5000, 200_000] {
            let text = (0..<count).map { _ in Array("abcdefgh 0123\n".utf8).randomElement(using: &random) ?? 0 }
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            for bytes in [text, noise] {
                for level: Int32 in [0, 1, 9] {
                    let body = Self.compress(bytes, bits: bits, level: level)
                    for step in [1, 2, 7, 1000, max(1, body.count)] where body.count / step < 20_000 {
                        #expect(
                            try Self.decode(body, coding, step: step) == bytes, "\(name), \(count) bytes, level \(level), LIMEN_SEED=\(random.seed)")
                    }
                }
            }
        }
    }

    @Test("several gzip members are one body; many are none")
    func members() throws {
        let member = Self.compress(Array("hello ".utf8), bits: 31)
        #expect(try Self.decode(member + member + member, .gzip, step: 5) == Array("hello hello hello ".utf8))
        #expect(Self.fault([[UInt8]](repeating: member, count: 65).flatMap { $0 }, .gzip) == .trailing)
    }

    @Test("what follows the end is refused, and so is a body that ends early anywhere", arguments: kinds.indices, [1, 4096])
    func ends(kind: Int, step: Int) {
        let (_, coding, bits) = Self.kinds[kind]
        let body = Self.compress(Array("a body of some length, and some more of it".utf8), bits: bits)
        for trailer: [UInt8] in [[0], [0, 0, 0, 0], Array("garbage".utf8), [0x1f]] {
            let fault = Self.fault(body + trailer, coding, step: step)
            #expect(fault == .trailing || (trailer == [0x1f] && fault == .truncated))
        }
        for count in 1..<body.count {
            let fault = Self.fault(Array(body.prefix(count)), coding, step: step)
            // A zlib header that is cut off is raw data that is none.
            #expect(fault == .truncated || fault == .invalid, "\(count) of \(body.count)")
        }
        #expect(Self.fault([], coding) == nil)
    }

    @Test("a changed byte is found, by the format or by its check value", arguments: [("gzip", 31), ("zlib", 15)])
    func changed(name: String, bits: Int32) {
        let bytes = Array("a body of some length, and some more of it, and more still".utf8)
        let body = Self.compress(bytes, bits: bits)
        // Of gzip's header, time, flags of the compressor and operating system are free (RFC 1952, 2.3).
        for place in body.indices where bits == 15 || place < 3 || place > 9 {
            var changed = body
            changed[place] ^= 0x55
            #expect(Self.fault(changed, name == "gzip" ? .gzip : .deflate) != nil, "byte \(place)")
        }
    }

    @Test("a bomb stops at the limit of bytes, and one below it at the limit of growth, having cost no more than that (LIM-8)")
    func bombs() {
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        for (_, coding, bits) in Self.kinds {
            let bomb = Self.compress(zeros, bits: bits, level: 9)
            #expect(bomb.count < 10_000)
            #expect(Self.fault(bomb, coding, bytesMax: 100_000) == .tooLarge)
            #expect(Self.fault(bomb, coding, bytesMax: 16 << 20) == .tooDense)
            let decoder = ContentDecoder(coding, bytesMax: 16 << 20)
            decoder.feed(bomb)
            do throws(Fault) { while try decoder.next() != nil { continue } } catch { #expect(error == .tooDense) }
            #expect(decoder.written <= (1 << 20) + 2 * ContentLimits.inflateBytes + decoder.read * 256)
        }
        let small = Self.compress([UInt8](repeating: 0, count: 900_000), bits: 31, level: 9)
        #expect(Self.fault(small, .gzip) == nil, "what is short may be as dense as it likes")
    }

    @Test("a coding that was not asked for, or two on top of each other, are told apart from none")
    func names() throws {
        func coding(_ values: String...) throws(Fault) -> ContentDecoder.Coding? {
            var headers = HTTPHeaders()
            for value in values { headers.add("Content-Encoding", value) }
            return try ContentDecoder.coding(of: headers)
        }
        #expect(try coding() == nil)
        #expect(try coding("identity") == nil)
        #expect(try coding("GZip") == .gzip)
        #expect(try coding("x-gzip") == .gzip)
        #expect(try coding("deflate, identity") == .deflate)
        #expect(throws: Fault.unsupported) { try coding("br") }
        #expect(throws: Fault.unsupported) { try coding("gzip, gzip") }
        #expect(throws: Fault.unsupported) { try coding("gzip", "deflate") }
    }
}
