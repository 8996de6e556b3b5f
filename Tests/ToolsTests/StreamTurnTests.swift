import IO
import JSON
import Supervisor
import TestSupport
import Testing
import Tools
import WorkerProtocol

/// Replies without end, and a count of those that are open.
private final class Endless: FetchHandler {
    struct Seen: Sendable {
        var open = 0
        var pieces = 0
        var closed = 0
    }
    private let state = Lock(Seen())
    var seen: Seen { state.withLock { $0 } }

    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 200)
    }

    func open(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        state.withLock { $0.open += 1 }
        return .open(FetchReplyPayload(id: request.id, status: 200), Stream(owner: self, isSilent: request.body == [1]))
    }

    private struct Stream: FetchStream {
        let owner: Endless
        let isSilent: Bool

        func next() async -> FetchPiecePayload {
            if isSilent {
                do { try await EventLoop.current?.sleep(until: .after(milliseconds: 30_000)) } catch { return .cancelled() }
            }
            owner.state.withLock { $0.pieces += 1 }
            return FetchPiecePayload(data: [UInt8](repeating: 1, count: 100))
        }

        func close() {
            owner.state.withLock { state in
                state.open -= 1
                state.closed += 1
            }
        }
    }
}

/// Workers that are hostile to replies which are read piece by piece.
@Suite struct StreamTurnTests {
    private static func text(_ outcome: ToolOutcome) -> String {
        switch outcome.result {
        case .success(let reply): String(decoding: reply.output, as: UTF8.self)
        case .failure(let error): "\(error.code.rawValue) \(error.details["reason"]?.stringValue ?? error.message)"
        }
    }

    private static func open(_ worker: FakeWorker, _ call: UInt64, _ id: UInt32, isSilent: Bool = false) {
        worker.send(.fetchOpen, call, FetchPayload(id: id, request: Array("{}".utf8), body: isSilent ? [1] : []).encoded())
    }

    private static func turn(_ worker: FakeWorker, _ type: FrameType, _ call: UInt64, _ id: UInt32) {
        worker.send(type, call, FetchStreamPayload(id: id).encoded())
    }

    /// Runs one call by a script; its outcome and what the handler saw.
    private func run(_ script: @escaping @Sendable (FakeWorker, UInt64) -> Void) async throws -> (outcome: String, seen: Endless.Seen, killed: Int) {
        let endless = Endless()
        return try await ToolHarness.run(
            fetcher: endless,
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { script(worker, id) }
            }
        ) { harness in
            let outcome = Self.text(await harness.call(milliseconds: 1_500))
            let deadline = Deadline.after(milliseconds: 2_000)
            while endless.seen.open > 0, !deadline.hasPassed { try await EventLoop.current?.sleep(until: .after(milliseconds: 5)) }
            return (outcome, endless.seen, harness.spawner.killed.count)
        }
    }

    @Test("an honest worker gets head and pieces under its number, and the end of its call closes what it left open")
    func honest() async throws {
        let (outcome, seen, killed) = try await run { worker, call in
            Self.open(worker, call, 5)
            guard let head = worker.next(), head.type == .fetchReply else { return }
            var bytes = 0
            for _ in 0..<20 {
                Self.turn(worker, .fetchRead, call, 5)
                guard let frame = worker.next(), let piece = try? FetchPiecePayload(decoding: frame.payload), piece.id == 5 else { return }
                bytes += piece.data.count
            }
            worker.answer(call, "\(bytes)")
        }
        #expect(outcome == "2000" && seen.pieces == 20 && seen.open == 0 && seen.closed == 1 && killed == 0)
    }

    @Test(
        "a turn that no honest worker takes ends the worker, and the reply with it",
        arguments: [
            "read unopened", "read twice", "read early", "close twice", "close unopened", "open twice", "read after closing", "short", "long",
        ])
    func faults(_ how: String) async throws {
        let (outcome, seen, _) = try await run { worker, call in
            if how == "read unopened" { Self.turn(worker, .fetchRead, call, 9) }
            if how == "close unopened" { Self.turn(worker, .fetchClose, call, 9) }
            Self.open(worker, call, 1, isSilent: how == "read twice")
            if how == "read early" { for _ in 0..<2 { Self.turn(worker, .fetchRead, call, 1) } }
            _ = worker.next()
            switch how {
            case "read twice": for _ in 0..<2 { Self.turn(worker, .fetchRead, call, 1) }
            case "close twice": for _ in 0..<2 { Self.turn(worker, .fetchClose, call, 1) }
            case "open twice": Self.open(worker, call, 1)
            case "read after closing": for type in [FrameType.fetchClose, .fetchRead] { Self.turn(worker, type, call, 1) }
            case "short": worker.send(.fetchRead, call, [1, 0, 0])
            case "long": worker.send(.fetchRead, call, [1, 0, 0, 0, 0])
            default: break
            }
            while worker.next() != nil { continue }
        }
        #expect(outcome == "server_error protocol", "\(how): \(outcome)")
        #expect(seen.open == 0, "\(how): \(seen)")
    }

    @Test("a reply that another call had opened is nobody's to read in the next")
    func otherCall() async throws {
        let endless = Endless()
        try await ToolHarness.run(
            fetcher: endless,
            script: { worker in
                worker.load()
                var turn = 0
                while let (call, _) = worker.nextCall() {
                    turn += 1
                    if turn == 1 {
                        Self.open(worker, call, 1)
                        _ = worker.next()
                        worker.answer(call, "1")
                    } else {
                        Self.turn(worker, .fetchRead, call, 1)
                        while worker.next() != nil { continue }
                    }
                }
            }
        ) { harness in
            #expect(Self.text(await harness.call()) == "1")
            #expect(Self.text(await harness.call()) == "server_error protocol")
            #expect(endless.seen.open == 0 && endless.seen.pieces == 0)
        }
    }

    @Test("a worker that opens replies and never reads them costs eight of them at most, and nothing once its call is over")
    func neverReads() async throws {
        let (outcome, seen, _) = try await run { worker, call in
            for id in 1...100 { Self.open(worker, call, UInt32(id)) }
            var refused = 0
            for _ in 1...100 {
                guard let frame = worker.next(), let reply = try? FetchReplyPayload(decoding: frame.payload) else { return }
                if reply.errorCode == "invalid" { refused += 1 }
            }
            worker.answer(call, "\(refused)")
        }
        #expect(outcome == "92" && seen.open == 0 && seen.closed == 8 && seen.pieces == 0)
    }

    @Test("a reply that is closed while its piece is awaited is answered with cancelled at once")
    func closedWhileReading() async throws {
        let (outcome, seen, killed) = try await run { worker, call in
            Self.open(worker, call, 1)
            _ = worker.next()
            Self.turn(worker, .fetchRead, call, 1)
            Self.turn(worker, .fetchClose, call, 1)
            guard let frame = worker.next(), let piece = try? FetchPiecePayload(decoding: frame.payload) else { return }
            worker.answer(call, "\"\(piece.errorCode)\"")
        }
        #expect(["\"cancelled\"", "\"\""].contains(outcome) && seen.open == 0 && killed == 0, "\(outcome)")
    }
}
