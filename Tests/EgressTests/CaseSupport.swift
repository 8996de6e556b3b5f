@testable import Egress

extension Result where Success == EgressReply, Failure == EgressError {
    /// In the words of a case.
    var outcome: String {
        switch self {
        case .success(let reply): "\(reply.status)"
        case .failure(.refused(let rule)): "refused \(rule.rawValue)"
        case .failure(.failed(let failure)): "failed \(failure.phase.rawValue)"
        case .failure(.cancelled): "cancelled"
        }
    }
}
