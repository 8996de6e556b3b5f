import TestKit
import Testing

@testable import WorkerProtocol

@Suite("Worker frames")
struct FrameDecoderTests {
    private func frames(_ bytes: [UInt8], pieces: [Int]) throws -> [Frame] {
        var decoder = FrameDecoder(from: .worker, limits: FrameLimits())
        var frames: [Frame] = []
        var start = 0
        for end in pieces + [bytes.count] {
            decoder.append(Array(bytes[start..<end]))
            start = end
            while let frame = try decoder.next() { frames.append(frame) }
        }
        return frames
    }

    @Test("any split of the byte stream gives the same frames")
    func anySplit() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let sent = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                Frame(
                    type: [.ready, .event, .result, .log, .failure].randomElement(using: &random) ?? .log,
                    callID: UInt64.random(in: 0...UInt64.max, using: &random),
                    payload: (0..<Int.random(in: 0...9000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }.prefix(8 << 10).map
                    { $0 })
            }
            let bytes = sent.flatMap { $0.encoded() }
            let cuts = (0..<Int.random(in: 0...8, using: &random)).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(try frames(bytes, pieces: cuts) == sent, "seed \(seed)")
        }
    }

    @Test("a length past the limit of its type is refused from the header alone", arguments: FrameType.allCases.filter(\.isFromWorker))
    func lengthLimits(type: FrameType) throws {
        let limits = FrameLimits()
        let limit = limits.payloadBytesMax(type)
        var writer = ByteWriter()
        writer.write(header: FrameHeader(type: type, callID: 1, payloadLength: limit + 1))
        var decoder = FrameDecoder(from: .worker, limits: limits)
        decoder.append(writer.bytes)
        #expect(throws: FrameFault.tooLong(type, length: limit + 1, limit: limit)) { try decoder.next() }
    }

    @Test("a length of 4 GiB is refused")
    func hugeLength() {
        var decoder = FrameDecoder(from: .worker, limits: FrameLimits())
        decoder.append([0xff, 0xff, 0xff, 0xff, FrameType.result.rawValue, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(throws: FrameFault.self) { try decoder.next() }
    }

    @Test("what only the host may send is refused from a worker, and the other way round", arguments: FrameType.allCases)
    func direction(type: FrameType) {
        var decoder = FrameDecoder(from: type.isFromWorker ? .host : .worker, limits: FrameLimits())
        decoder.append(Frame(type: type, callID: 1, payload: []).encoded())
        #expect(throws: FrameFault.wrongDirection(type)) { try decoder.next() }
    }

    @Test("unknown types and reserved bits are refused", arguments: [(4, UInt8(0x7f)), (5, 1), (6, 1), (7, 0x80)])
    func reserved(offset: Int, value: UInt8) {
        var bytes = Frame(type: .log, callID: 1, payload: [2]).encoded()
        bytes[offset] = value
        var decoder = FrameDecoder(from: .worker, limits: FrameLimits())
        decoder.append(bytes)
        #expect(throws: FrameFault.self) { try decoder.next() }
    }

    @Test("a long conversation keeps no old payloads")
    func memory() throws {
        var decoder = FrameDecoder(from: .worker, limits: FrameLimits())
        for index in 0..<2000 {
            decoder.append(Frame(type: .event, callID: UInt64(index), payload: [UInt8](repeating: 1, count: 10_000)).encoded())
            #expect(try decoder.next()?.callID == UInt64(index))
        }
        #expect(!decoder.isInsideFrame)
    }
}
