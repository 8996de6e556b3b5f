import IO

/// A request's body that is written piece by piece: one piece is under way at a time, and its writer waits until the server's connection has taken it.
///
/// Safe from any thread; one task writes and one reads.
package final class EgressBody: Sendable {
    /// Why no further piece is taken.
    package struct Stop: Sendable, Hashable {
        package let code: String
        package let message: String

        package init(_ code: String, _ message: String) { (self.code, self.message) = (code, message) }

        /// The server has answered before it had all.
        package static let replied = Stop("replied", "the server has answered, and takes no more of the body")
        /// The request was closed, or its call is over.
        package static let cancelled = Stop("cancelled", "the request was closed")
    }

    /// What is wrong with the body itself.
    enum Fault: Error {
        case tooLarge, wrongLength

        var failure: EgressFailure {
            switch self {
            case .tooLarge: EgressFailure(.size, "the request's body is larger than \(Limits.requestBodyBytesMax) bytes")
            case .wrongLength: EgressFailure(.size, "the request's body is not as long as was said")
            }
        }
    }

    private struct State {
        /// Written, and not asked for yet.
        var piece: [UInt8]?
        /// Whose piece it is, or was until the next one is asked for.
        var writer: UnsafeContinuation<Stop?, Never>?
        var reader: UnsafeContinuation<Void, Never>?
        var written = 0
        var isFinished = false
        var stop: Stop?
        var fault: Fault?
    }

    /// Bytes that will come; nil when nobody knows.
    package let length: Int?
    private let state = Lock(State())
    private let onPiece: (@Sendable ([UInt8]) -> Void)?

    /// - Parameter onPiece: sees every piece that is taken; for recordings.
    package init(length: Int?, onPiece: (@Sendable ([UInt8]) -> Void)? = nil) { (self.length, self.onPiece) = (length, onPiece) }

    /// Bytes that were written.
    package var written: Int { state.withLock { $0.written } }
    /// Whether all of it was written.
    package var isFinished: Bool { state.withLock { $0.isFinished } }

    // MARK: The writer

    /// Hands over a piece and waits until the connection has taken it; the reason when it will not.
    package func write(_ piece: [UInt8]) async -> Stop? {
        await withUnsafeContinuation { continuation in
            let (stop, reader) = state.withLock { state -> (Stop?, UnsafeContinuation<Void, Never>?) in
                if let stop = state.stop { return (stop, nil) }
                state.written += piece.count
                if let fault = fault(state.written) {
                    (state.fault, state.stop) = (fault, Stop("too_large", fault.failure.description))
                } else {
                    (state.piece, state.writer) = (piece, continuation)
                }
                return (state.stop, Self.take(&state.reader))
            }
            reader?.resume()
            if let stop { continuation.resume(returning: stop) }
        }
    }

    private func fault(_ written: Int) -> Fault? {
        if let length, written > length { return .wrongLength }
        return written > Limits.requestBodyBytesMax ? .tooLarge : nil
    }

    /// Says that this was all.
    package func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            return Self.take(&state.reader)
        }
        reader?.resume()
    }

    /// No further piece is taken: whoever writes hears why. The first reason stays.
    package func end(_ stop: Stop) {
        let (writer, reader) = state.withLock { state in
            state.stop = state.stop ?? stop
            state.piece = nil
            return (Self.take(&state.writer), Self.take(&state.reader))
        }
        writer?.resume(returning: stop)
        reader?.resume()
    }

    // MARK: The reader

    private enum Next {
        case piece([UInt8])
        case end
        case failed(any Error)
        case wait
    }

    /// The next piece, when the one before has been sent; nil at the end.
    /// - Throws: `Fault`, or `CancellationError` when it was ended or the task was cancelled.
    package func next() async throws -> [UInt8]? {
        let sent = state.withLock { state in state.piece == nil ? Self.take(&state.writer) : nil }
        sent?.resume(returning: nil)
        while true {
            switch look() {
            case .piece(let piece):
                onPiece?(piece)
                return piece
            case .end: return nil
            case .failed(let error): throw error
            case .wait: await wait()
            }
            if Task.isCancelled { throw CancellationError() }
        }
    }

    private func look() -> Next {
        state.withLock { state in
            if let fault = state.fault { return .failed(fault) }
            if let piece = state.piece {
                state.piece = nil
                return .piece(piece)
            }
            if state.stop != nil { return .failed(CancellationError()) }
            guard state.isFinished else { return .wait }
            return length.map { $0 == state.written } ?? true ? .end : .failed(Fault.wrongLength)
        }
    }

    /// Returns when there may be something to look at.
    private func wait() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isIdle = state.withLock { state in
                    let isIdle = state.piece == nil && !state.isFinished && state.stop == nil && state.fault == nil && !Task.isCancelled
                    if isIdle { state.reader = continuation }
                    return isIdle
                }
                if !isIdle { continuation.resume() }
            }
        } onCancel: {
            let reader = state.withLock { Self.take(&$0.reader) }
            reader?.resume()
        }
    }

    /// All of it, for a reader that needs it whole.
    /// - Throws: as `next`, and `EgressFailure` for more than `bytesMax`.
    package func collected(bytesMax: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try await next() {
            all += piece
            if all.count > bytesMax { throw EgressFailure(.size, "the request's body is larger than \(bytesMax) bytes") }
        }
        return all
    }

    private static func take<T>(_ place: inout T?) -> T? {
        defer { place = nil }
        return place
    }
}
