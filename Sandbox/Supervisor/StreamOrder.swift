/// What a worker may do with the replies of one call that it reads piece by piece. No I/O, no clock.
///
/// Everything a worker says here is a stranger's word: a turn that no honest worker takes is a fault. Two things cross on the wire and are none: the end
/// of a reply and the worker's closing of it.
package struct StreamOrder: Sendable {
    /// The life of one reply.
    private enum State: Sendable {
        /// The head is awaited. Next: open, ended, closing.
        case opening
        /// Nothing is asked for. Next: reading, closed.
        case open
        /// A piece is awaited. Next: open, ended, closing.
        case reading
        /// Closed by the worker while an answer is due. Next: closed.
        case closing
        /// The host has said that nothing follows. Next: closed.
        case ended
        /// Closed by the worker. Last.
        case closed
    }

    /// What to do with an opening.
    package enum Opening: Sendable, Hashable {
        case accepted
        /// Refused with an answer: as many are open as may be.
        case tooMany
        case fault
    }

    /// What to do with a closing.
    package enum Closing: Sendable, Hashable {
        /// End what is under way or idle.
        case close
        /// It has ended already.
        case ignore
        case fault
    }

    private var states: [UInt32: State] = [:]
    private var open = 0

    package init() {}

    /// Takes the opening of a reply. A number serves one reply a call.
    package mutating func opens(_ id: UInt32) -> Opening {
        guard id != 0, states[id] == nil else { return .fault }
        guard open < SupervisorLimits.streamsOpenMax else {
            states[id] = .ended
            return .tooMany
        }
        states[id] = .opening
        open += 1
        return .accepted
    }

    /// Takes a request for the next piece; false is a fault: never opened, ended, closed, or asked for already.
    package mutating func reads(_ id: UInt32) -> Bool {
        guard case .open? = states[id] else { return false }
        states[id] = .reading
        return true
    }

    /// The host has an answer, after which more may follow or not. False when the worker has closed the reply meanwhile: then it hears that, and nothing else.
    package mutating func answered(_ id: UInt32, isEnd: Bool) -> Bool {
        switch states[id] {
        case .opening?, .reading?:
            states[id] = isEnd ? .ended : .open
            if isEnd { open -= 1 }
            return true
        case .closing?:
            states[id] = .closed
            return false
        default: return false
        }
    }

    /// Takes the worker's closing of a reply.
    package mutating func closes(_ id: UInt32) -> Closing {
        switch states[id] {
        case .open?:
            states[id] = .closed
            open -= 1
            return .close
        case .opening?, .reading?:
            states[id] = .closing
            open -= 1
            return .close
        case .ended?:
            states[id] = .closed
            return .ignore
        case .closing?, .closed?, nil: return .fault
        }
    }

    /// Whether the worker has closed a reply whose answer is due.
    package func isClosing(_ id: UInt32) -> Bool { if case .closing? = states[id] { true } else { false } }
}
