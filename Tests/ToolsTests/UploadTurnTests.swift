import Egress
import IO
import JSON
import Supervisor
import TestSupport
import Testing
import Tools
import WorkerProtocol

/// Takes bodies, and counts what came.
private final class Taker: FetchHandler {
    struct Seen: Sendable {
        var begun = 0
        var ended = 0
        var bytes = 0
    }
    private let state = Lock(Seen())
    var seen: Seen { state.withLock { $0 } }

    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 200)
    }

    func begin(_ request: FetchBeginPayload, _ body: EgressBody, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        state.withLock { $0.begun += 1 }
        defer { state.withLock { $0.ended += 1 } }
        do {
            while let piece = try await body.next() { state.withLock { $0.bytes += piece.count } }
            return .open(FetchReplyPayload(id: request.id, status: 200), PiecesStream(of: Array("ok".utf8)))
        } catch {
            return .refused(FetchReplyPayload(id: request.id, status: 0, errorCode: "cancelled"))
        }
    }
}

/// Workers that are hostile to bodies which are written piece by piece.
@Suite struct UploadTurnTests {
    private static func text(_ outcome: ToolOutcome) -> String {
        switch outcome.result {
        case .success(let reply): String(decoding: reply.output, as: UTF8.self)
        case .failure(let error): "\(error.code.rawValue) \(error.details["reason"]?.stringValue ?? error.message)"
        }
    }

    private static func begin(_ worker: FakeWorker, _ call: UInt64, _ id: UInt32) {
        worker.send(.fetchBegin, call, FetchBeginPayload(id: id, length: nil, request: Array("{}".utf8)).encoded())
    }

    private static func write(_ worker: FakeWorker, _ call: UInt64, _ id: UInt32, _ count: Int = 100) {
        worker.send(.fetchWrite, call, FetchWritePayload(id: id, data: [UInt8](repeating: 1, count: count)).encoded())
    }

    private static func finish(_ worker: FakeWorker, _ call: UInt64, _ id: UInt32) {
        worker.send(.fetchFinish, call, FetchStreamPayload(id: id).encoded())
    }

    /// Runs one call by a script; its outcome and what the handler saw.
    private func run(_ script: @escaping @Sendable (FakeWorker, UInt64) -> Void) async throws -> (outcome: String, seen: Taker.Seen, killed: Int) {
        let taker = Taker()
        return try await ToolHarness.run(
            fetcher: taker,
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { script(worker, id) }
            }
        ) { harness in
            let outcome = Self.text(await harness.call(milliseconds: 1_500))
            let deadline = Deadline.after(milliseconds: 2_000)
            while taker.seen.begun > taker.seen.ended, !deadline.hasPassed { try await EventLoop.current?.sleep(until: .after(milliseconds: 5)) }
            return (outcome, taker.seen, harness.spawner.killed.count)
        }
    }

    @Test(
        "an honest worker's pieces are taken one by one, in one breath with their beginning and end or not, and eight requests at once do not wait for each other"
    )
    func honest() async throws {
        let (outcome, seen, killed) = try await run { worker, call in
            for id in 1...8 { Self.begin(worker, call, UInt32(id)) }
            var heads = 0, written = 0
            for id in 1...8 { Self.write(worker, call, UInt32(id)) }
            for id in 1...8 { Self.finish(worker, call, UInt32(id)) }
            for _ in 0..<16 {
                guard let frame = worker.next() else { return }
                if frame.type == .fetchReply { heads += 1 }
                if frame.type == .fetchWritten, (try? FetchWrittenPayload(decoding: frame.payload))?.isEnd == false { written += 1 }
            }
            worker.answer(call, "[\(heads),\(written)]")
        }
        #expect(outcome == "[8,8]" && seen.bytes == 800 && seen.begun == 8 && killed == 0, "\(outcome) \(seen)")
    }

    @Test(
        "a turn that no honest worker takes ends the worker, and the request with it",
        arguments: [
            "write unbegun", "write twice", "write an opened reply", "write after the end", "finish twice", "finish unbegun", "begin twice",
            "write after closing", "finish after closing", "an empty piece", "a long piece", "a short beginning", "zero",
        ])
    func faults(_ how: String) async throws {
        let (outcome, seen, _) = try await run { worker, call in
            switch how {
            case "write unbegun": Self.write(worker, call, 9)
            case "finish unbegun": Self.finish(worker, call, 9)
            case "zero": Self.begin(worker, call, 0)
            case "a short beginning": worker.send(.fetchBegin, call, [1, 0, 0, 0, 1])
            case "write an opened reply":
                worker.send(.fetchOpen, call, FetchPayload(id: 1, request: Array("{}".utf8), body: []).encoded())
                Self.write(worker, call, 1)
            default: Self.begin(worker, call, 1)
            }
            switch how {
            case "write twice": for _ in 0..<50 { Self.write(worker, call, 1) }
            case "write after the end":
                Self.finish(worker, call, 1)
                Self.write(worker, call, 1)
            case "finish twice": for _ in 0..<2 { Self.finish(worker, call, 1) }
            case "begin twice": Self.begin(worker, call, 1)
            case "write after closing":
                worker.send(.fetchClose, call, FetchStreamPayload(id: 1).encoded())
                Self.write(worker, call, 1)
            case "finish after closing":
                worker.send(.fetchClose, call, FetchStreamPayload(id: 1).encoded())
                Self.finish(worker, call, 1)
            case "an empty piece": worker.send(.fetchWrite, call, [1, 0, 0, 0])
            case "a long piece": worker.send(.fetchWrite, call, [1, 0, 0, 0] + [UInt8](repeating: 0, count: (64 << 10) + 1))
            default: break
            }
            while worker.next() != nil { continue }
        }
        #expect(["server_error protocol"].contains(outcome), "\(how): \(outcome)")
        #expect(seen.begun == seen.ended, "\(how): \(seen)")
    }

    @Test("a worker that begins and never writes costs eight requests at most, and nothing once its call is over")
    func neverWrites() async throws {
        let (outcome, seen, _) = try await run { worker, call in
            for id in 1...100 { Self.begin(worker, call, UInt32(id)) }
            for _ in 1...92 { guard worker.next()?.type == .fetchReply else { return } }
            worker.answer(call, "1")
        }
        #expect(outcome == "1" && seen.begun == 8 && seen.ended == 8, "\(outcome) \(seen)")
    }
}
