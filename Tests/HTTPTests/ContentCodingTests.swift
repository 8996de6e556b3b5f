import CZlib
import IO
import TestKit
import Testing

@testable import HTTP

@Suite("HTTP content: codings")
struct ContentCodingTests {
    @Test(
        "the coding follows Accept-Encoding and its weights (RFC 9110, 12.5.3)",
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip), ("*", .gzip), ("br", .identity),
            ("gzip, br", .gzip),
            ("deflate, gzip;q=1.0, *;q=0.5", .gzip), ("gzip;q=0", .identity), ("gzip;q=0.001", .gzip), ("gzip;q=0.5, identity", .identity),
            ("identity;q=0.5, gzip;q=0.5", .gzip), ("*;q=0", nil), ("identity;q=0", nil), ("identity;q=0, gzip", .gzip), ("identity;q=0, br", nil),
            ("*;q=0, identity", .identity), ("*;q=0, gzip", .gzip), ("gzip;q=2", .identity), ("gzip;q=x", .identity), ("gzip;level=9", .identity),
            ("gzip;q=0.1234", .identity), ("\u{e9}", .identity), ("gzip;q=1;q=0", .identity), (String(repeating: "gzip,", count: 400), .identity),
        ] as [(String?, ContentCoding?)])
    func negotiation(value: String?, expected: ContentCoding?) {
        var headers = HTTPHeaders()
        if let value { headers.add("Accept-Encoding", value) }
        #expect(ContentCoding.negotiate(headers) == expected)
    }

    @Test(
        "a weight has at most three digits behind the point (RFC 9110, 12.4.2)",
        arguments: [
            ("0", 0), ("1", 1000), ("0.", 0), ("1.", 1000), ("0.5", 500), ("0.05", 50), ("0.123", 123), ("1.000", 1000), ("1.001", nil),
            ("0.1234", nil),
            ("2", nil), ("", nil), (".5", nil), ("-0", nil), ("0x1", nil), ("1e0", nil), ("nan", nil), ("00", nil),
        ] as [(String, Int?)])
    func weights(text: String, expected: Int?) { #expect(QualityValue.thousandths(text) == expected) }

    @Test("what was compressed is what comes out, whatever its length", arguments: [0, 1, 700, 5000, 70_000, 1_000_000])
    func roundTrip(count: Int) async throws {
        var random = SeededRandom()
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...15, using: &random) }
        let coded = try #require(await Gzip.encode(bytes))
        #expect(coded.starts(with: [0x1f, 0x8b, 8]))
        #expect(gunzip(coded, bytesMax: count + 1) == bytes, "seed \(random.seed)")
    }

    @Test("compressing a large reply lets the loop's other tasks run, and ends when its client goes", .timeLimit(.minutes(1)))
    func turns() async throws {
        let group = try EventLoopGroup(count: 1)
        let bytes = [UInt8](repeating: 7, count: 8 << 20)
        let isDone = Shared(false)
        let work = OwnedTask(on: group.loops[0]) {
            let coded = await Gzip.encode(bytes)
            isDone.lock.withLock { $0 = true }
            return coded
        }
        let turns = OwnedTask(on: group.loops[0]) {
            var count = 0
            while !isDone.value {
                count += 1
                await Task.yield()
            }
            return count
        }
        #expect(try await work.value != nil)
        #expect(try await turns.value >= 8 << 20 / ContentLimits.compressBytes / 2)
        let given = OwnedTask(on: group.loops[0]) { await Gzip.encode(bytes) }
        given.cancel()
        #expect(try await given.value == nil)
        await group.shutdown()
    }

    private func gunzip(_ coded: [UInt8], bytesMax: Int) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: bytesMax + 64)
        var input = coded
        var stream = z_stream()
        guard inflateInit2_(&stream, 31, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        let count = input.withUnsafeMutableBufferPointer { input in
            out.withUnsafeMutableBufferPointer { out -> Int? in
                (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                (stream.next_out, stream.avail_out) = (out.baseAddress, UInt32(out.count))
                return inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 ? out.count - Int(stream.avail_out) : nil
            }
        }
        return count.map { Array(out[..<$0]) }
    }
}
