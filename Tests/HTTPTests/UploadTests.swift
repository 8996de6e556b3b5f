import Glibc
import IO
import Testing

@testable import HTTP

@Suite(.serialized) struct UploadTests {
    /// Takes forms to disk as streams, and answers everything else at once.
    private struct Uploads: HTTPHandler {
        let receiver: FormReceiver

        func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission {
            .accept(bodyBytesMax: 300 << 20, isStreamed: head.path == "/upload")
        }

        func handle(_ request: HTTPRequest) async -> HTTPResponse {
            guard request.path == "/upload" else { return HTTPResponse(contentType: "text/plain", Array("pong".utf8)) }
            do {
                let parts = try await receiver.receive(request)
                return HTTPResponse(contentType: "text/plain", Array("size \(parts.first?.file?.size ?? -1).".utf8))
            } catch {
                return HTTPResponse(status: 400, contentType: "text/plain", Array("\(error)".utf8))
            }
        }
    }

    private static let boundary = "limen-upload"

    /// Sends a form with one file of `megabytes`, and reads the answer.
    private static func upload(_ address: SocketAddress, megabytes: Int) throws -> String {
        let client = try RawClient(address)
        let head = Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n".utf8)
        let tail = Array("\r\n--\(boundary)--\r\n".utf8)
        try client.send(
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=\(boundary)\r\n"
                + "Content-Length: \(head.count + tail.count + megabytes << 20)\r\n\r\n")
        try client.send(head)
        // Here and there it looks like a delimiter, and is none.
        var piece = [UInt8](repeating: 0x78, count: 1 << 20)
        let nearly = Array("\r\n--limen-uploax".utf8)
        for start in stride(from: 1000, to: piece.count - nearly.count, by: 100_000) {
            piece.replaceSubrange(start..<(start + nearly.count), with: nearly)
        }
        for _ in 0..<megabytes { try client.send(piece) }
        try client.send(tail)
        return client.receive(until: ".")
    }

    @Test("200 MiB of uploads to disk at once do not hold a loop, nor keep others waiting, nor fill the memory (FILE-6)")
    func lag() async throws {
        let pool = try BlockingPool(name: "uploads", threads: 2, queueMax: 64)
        var limits = MultipartLimits()
        limits.fileBytesMax = 300 << 20
        limits.bytesMax = 300 << 20
        let running = try Running(
            Uploads(receiver: FormReceiver(folder: "/tmp", pool: pool, limits: limits)), loops: 1)
        let loop = running.group.loops[0]
        _ = loop.statistics.takeWorstTurnNanoseconds()
        let longBefore = loop.statistics.longTurns
        let residentBefore = Self.residentKiB()
        let uploads = try BlockingPool(name: "clients", threads: 4, queueMax: 8)
        let address = running.address
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<4 { group.addTask { try await uploads.run { try Self.upload(address, megabytes: 50) } } }
            let pings = try RawClient(address)
            var slowest: UInt64 = 0
            for _ in 0..<50 {
                let began = Deadline.now().nanoseconds
                try pings.send("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(pings.receive(until: "pong").hasSuffix("pong"))
                slowest = max(slowest, Deadline.now().nanoseconds - began)
                usleep(10_000)
            }
            #expect(slowest < 1_000_000_000, "a ping took \(slowest / 1_000_000) ms beside the uploads")
            var answers: [String] = []
            for try await answer in group { answers.append(answer) }
            return answers
        }
        #expect(answers.count == 4 && answers.allSatisfy { $0.hasSuffix("size \(50 << 20).") }, "\(answers)")
        // A loop is never held by the disk. A turn's own work may be cut by the machine's other programs, so one long turn is none of ours.
        #expect(loop.statistics.longTurns - longBefore <= 2)
        #expect(Self.residentKiB() - residentBefore < 64 << 10)
        await running.stop()
        uploads.shutdown()
        pool.shutdown()
    }

    private static func residentKiB() -> Int {
        var usage = rusage()
        // RUSAGE_SELF, which Swift sees as another type than the call takes.
        getrusage(0, &usage)
        return usage.ru_maxrss
    }
}
