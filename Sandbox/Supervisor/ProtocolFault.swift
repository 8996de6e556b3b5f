/// How a worker broke the frame protocol; each of them ends the worker.
package enum ProtocolFault: String, Error, Sendable, Hashable, CaseIterable {
    case unknownType, unexpectedType, wrongCall, secondResult, resultAfterCancel, oversize, malformed, partialFrame
    case outputTooLong, eventFlood, logFlood, requestFlood, descriptors
    case streamOrder

    /// What happened, as part of a sentence.
    package var explanation: String {
        switch self {
        case .unknownType: "a frame of unknown type"
        case .unexpectedType: "a frame that this state does not allow"
        case .wrongCall: "a frame for a call that this worker does not have"
        case .secondResult: "a second end of one call"
        case .resultAfterCancel: "a result long after the cancellation"
        case .oversize: "a frame over its size limit"
        case .malformed: "a frame whose payload cannot be read"
        case .partialFrame: "half a frame, then silence"
        case .outputTooLong: "an output over its size limit"
        case .eventFlood: "more or larger events than permitted"
        case .logFlood: "more log lines than permitted"
        case .requestFlood: "more fetch or key-value requests than permitted"
        case .streamOrder: "a turn for a reply that is not open, or not its turn"
        case .descriptors: "descriptors where none are accepted"
        }
    }
}
