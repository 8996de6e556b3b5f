import HTTP
import IO

/// A reply whose body is read piece by piece: nothing is read from the server before it is asked for, and closing it closes the socket at once.
///
/// It counts as a request under way until it has ended or was closed; past its deadline it ends by itself, read or not.
package final class EgressStream: @unchecked Sendable {
    // SAFETY: every member is touched only on the loop of the connection, which is the loop of the call that reads.

    /// Bytes of one piece.
    package static let pieceBytesMax = 64 << 10

    /// Status and headers; no body.
    package let head: EgressReply
    private let exchange: EgressExchange
    private let inbound: EgressInbound
    private let source: EgressInbound.Source
    private let proxy: EgressProxy
    private let deadline: Deadline
    private let onEnd: (EgressRecord.Outcome) -> Void
    private var timer: Timer?
    private var counted = 0
    /// What was read and not asked for yet.
    private var pending: ArraySlice<UInt8> = []
    /// How it ended; nil while more may come.
    private var end: End?

    private enum End {
        case finished
        case failed(EgressError)
    }

    init(
        _ exchange: EgressExchange, _ inbound: EgressInbound, _ source: EgressInbound.Source, _ proxy: EgressProxy, until deadline: Deadline,
        onEnd: @escaping (EgressRecord.Outcome) -> Void
    ) {
        (self.exchange, self.inbound, self.source, self.proxy, self.deadline, self.onEnd) = (exchange, inbound, source, proxy, deadline, onEnd)
        head = inbound.finished()
        timer = source.connection.loop.schedule(at: deadline) { [weak self] in
            self?.finish(.failed(.failed(EgressFailure(.timeout, "the reply was not read in time"))))
        }
    }

    /// The next piece of the body, at least a byte; nil at the end. One caller at a time, on the connection's loop.
    package func next() async throws(EgressError) -> [UInt8]? {
        if pending.isEmpty {
            switch end {
            case .finished?: return nil
            case .failed(let error)?: throw error
            case nil: pending = try await more()[...]
            }
        }
        if pending.isEmpty { return nil }
        let piece = pending.prefix(Self.pieceBytesMax)
        pending = pending.dropFirst(piece.count)
        return Array(piece)
    }

    private func more() async throws(EgressError) -> [UInt8] {
        do {
            let piece = try await inbound.next(from: source.connection, until: deadline)
            count()
            // Closed meanwhile.
            if case .failed(let error)? = end { throw error }
            if let piece { return piece }
            finish(.finished)
            return []
        } catch {
            count()
            if case .failed(let error)? = end { throw error }
            let failure: EgressError =
                Task.isCancelled ? .cancelled : .failed(EgressExchange.failure(error, source.connection.phase))
            finish(.failed(failure))
            throw failure
        }
    }

    private func count() {
        exchange.count(in: inbound.received - counted)
        counted = inbound.received
    }

    /// Ends it before its end; a second time does nothing. On the connection's loop.
    package func close() { finish(.failed(.cancelled)) }

    private func finish(_ how: End) {
        guard end == nil else { return }
        end = how
        pending = []
        timer?.cancel()
        timer = nil
        switch how {
        case .finished:
            proxy.pool.give(source.connection, source.key)
            onEnd(.replied(status: head.status))
        case .failed(let error):
            source.connection.end()
            onEnd(error.outcome)
        }
    }

    deinit { assert(end != nil, "an open reply has an owner that closes it") }
}

extension EgressError {
    /// As records tell it.
    var outcome: EgressRecord.Outcome {
        switch self {
        case .refused(let rule): .refused(rule)
        case .failed(let failure): .failed(failure.phase)
        case .cancelled: .cancelled
        }
    }
}
