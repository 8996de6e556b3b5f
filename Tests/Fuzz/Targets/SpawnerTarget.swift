internal import Jail
internal import WorkerProtocol

/// The first byte chooses the message: what decodes must survive being encoded. These are read by the one process with privilege.
func checkSpawner(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes[1...])
    switch first % 4 {
    case 0:
        guard let request = try? SpawnerRequest(decoding: rest) else { return }  // a refusal is a fine answer
        if case .spawn(let spawn) = request {
            precondition(spawn.files.count <= SpawnRequest.filesMax && isBeneath(spawn.library), "a request breaks its own rules")
            precondition(spawn.files.allSatisfy { isBeneath($0.path) }, "a file is outside the bundle")
        }
        precondition((try? SpawnerRequest(decoding: request.encoded())) == request, "a request does not survive")
    case 1:
        guard let event = try? SpawnerEvent(decoding: rest) else { return }  // as above
        precondition((try? SpawnerEvent(decoding: event.encoded())) == event, "an event does not survive")
    case 2:
        guard let message = try? SetupMessage(decoding: rest) else { return }  // as above
        precondition(message.encoded() == rest, "a setup message has two spellings")
    default:
        guard let spec = try? JailSpec(decoding: rest) else { return }  // as above
        precondition(spec.encoded() == rest, "a specification has two spellings")
    }
}
