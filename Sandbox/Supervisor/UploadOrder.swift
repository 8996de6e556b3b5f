/// What a worker may do with the bodies that it writes piece by piece, beside what `StreamOrder` says of their replies. No I/O, no clock.
///
/// A turn that no honest worker takes is a fault. One thing crosses on the wire and is none: the host's word that it takes no more, and the worker's that
/// there is no more.
package struct UploadOrder: Sendable {
    /// The life of one body.
    private enum State: Sendable {
        /// A piece may come. Next: writing, finished, closed.
        case idle
        /// A piece is on its way. Next: idle, failed, finished, closed.
        case writing
        /// The worker was told that no more is taken. Next: closed.
        case failed
        /// The worker has said that this was all. Next: closed.
        case finished
        /// Last.
        case closed
    }

    /// What to do with the word that this was all.
    package enum Finish: Sendable, Hashable { case pass, ignore, fault }

    private var states: [UInt32: State] = [:]

    package init() {}

    /// A body is to come; the number was judged by `StreamOrder.opens`.
    package mutating func begins(_ id: UInt32) { states[id] = .idle }

    /// Takes a piece; false is a fault: never begun, finished, failed, closed, or one on its way already.
    package mutating func writes(_ id: UInt32) -> Bool {
        guard case .idle? = states[id] else { return false }
        states[id] = .writing
        return true
    }

    /// The piece has its answer, after which more may follow or not.
    package mutating func written(_ id: UInt32, isEnd: Bool) {
        if case .writing? = states[id] { states[id] = isEnd ? .failed : .idle }
    }

    /// Takes the word that this was all.
    package mutating func finishes(_ id: UInt32) -> Finish {
        switch states[id] {
        case .idle?, .writing?:
            states[id] = .finished
            return .pass
        case .failed?:
            states[id] = .closed
            return .ignore
        case .finished?, .closed?, nil: return .fault
        }
    }

    /// The worker has closed the reply, and the body with it.
    package mutating func closes(_ id: UInt32) { if states[id] != nil { states[id] = .closed } }
}
