import Synchronization

/// Why a connection or a request was turned away before a handler had it.
package enum HTTPRejection: Int, Sendable, CaseIterable {
    /// More connections than the server takes in all (503).
    case tooManyConnections
    /// More connections than one address may have (429).
    case tooManyOfAddress
    /// The bytes are no request (400), or one for another server.
    case malformed
    /// The head is too large (414, 431).
    case headTooLarge
    /// The body is too large (413).
    case bodyTooLarge
    /// The request did not arrive in time (408).
    case timedOut
    /// A method, version or expectation that is not served (417, 501, 505).
    case unsupported
    /// The handler refused it by its head.
    case refused

    init(status: Int) {
        switch status {
        case 408: self = .timedOut
        case 413: self = .bodyTooLarge
        case 414, 431: self = .headTooLarge
        case 417, 501, 505: self = .unsupported
        default: self = .malformed
        }
    }

    /// Its name in metrics.
    package var label: String {
        switch self {
        case .tooManyConnections: "too_many_connections"
        case .tooManyOfAddress: "too_many_of_address"
        case .malformed: "malformed"
        case .headTooLarge: "head_too_large"
        case .bodyTooLarge: "body_too_large"
        case .timedOut: "timed_out"
        case .unsupported: "unsupported"
        case .refused: "refused"
        }
    }
}

/// What a server does and has done; the sum over its loops, each of which is read without stopping it.
package struct HTTPServerStatistics: Sendable, Hashable {
    /// Connections that wait for a request.
    package var idle = 0
    /// Connections on which a request is arriving.
    package var reading = 0
    /// Connections whose request is being answered.
    package var handling = 0
    /// Connections that have become WebSockets.
    package var webSockets = 0
    /// Connections accepted since the start.
    package var accepted = 0
    /// Requests answered since the start, by a handler or by the server itself.
    package var requests = 0
    /// Bytes received since the start, after TLS is taken off.
    package var bytesIn = 0
    /// Bytes sent since the start, before TLS is put on.
    package var bytesOut = 0
    /// Requests and connections turned away since the start, by `HTTPRejection.rawValue`.
    package var rejections = [Int](repeating: 0, count: HTTPRejection.allCases.count)

    /// How often that reason was given.
    package func count(_ reason: HTTPRejection) -> Int { rejections[reason.rawValue] }
}

/// A number that one thread changes and any may read, without the bus lock of an atomic addition.
struct LoopCounter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    @inline(__always)
    func add(_ number: Int) { value.store(value.load(ordering: .relaxed) &+ number, ordering: .relaxed) }
}

/// The numbers of one loop's connections; changed only on that loop.
final class LoopCounters: Sendable {
    let idle = LoopCounter()
    let reading = LoopCounter()
    let handling = LoopCounter()
    let webSockets = LoopCounter()
    let accepted = LoopCounter()
    let requests = LoopCounter()
    let bytesIn = LoopCounter()
    let bytesOut = LoopCounter()
    private let rejections: [Rejections] = HTTPRejection.allCases.map { _ in Rejections() }

    private final class Rejections: Sendable { let count = LoopCounter() }

    /// A connection goes from one phase to another; nil before the first and after the last.
    @inline(__always)
    func move(from old: HTTPConnection.Phase?, to new: HTTPConnection.Phase?) {
        if old == new { return }
        if let old { count(old, -1) }
        if let new { count(new, 1) }
    }

    @inline(__always)
    private func count(_ phase: HTTPConnection.Phase, _ number: Int) {
        switch phase {
        case .idle: idle.add(number)
        case .reading: reading.add(number)
        case .handling: handling.add(number)
        case .ended: break
        }
    }

    func reject(_ reason: HTTPRejection) { rejections[reason.rawValue].count.add(1) }

    /// Adds this loop's numbers to `sum`.
    func add(to sum: inout HTTPServerStatistics) {
        sum.idle += idle.current
        sum.reading += reading.current
        sum.handling += handling.current
        sum.webSockets += webSockets.current
        sum.accepted += accepted.current
        sum.requests += requests.current
        sum.bytesIn += bytesIn.current
        sum.bytesOut += bytesOut.current
        for (index, entry) in rejections.enumerated() { sum.rejections[index] += entry.count.current }
    }
}

/// One request and its reply, when both are over.
package struct HTTPExchange: Sendable {
    /// nil when no head arrived that could be read.
    package let head: HTTPRequestHead?
    package let requestID: String
    /// The client's IP address as text.
    package let remoteAddress: String
    package let status: Int
    /// Bytes of the request's body that were read.
    package let bytesIn: Int
    /// Bytes of the reply, head and framing included.
    package let bytesOut: Int
    /// From the head's arrival to the end of the reply.
    package let nanoseconds: UInt64
    /// Whether all of the reply was handed to the kernel.
    package let isWhole: Bool
    /// What the handler said of it.
    package let note: HTTPNote
}
