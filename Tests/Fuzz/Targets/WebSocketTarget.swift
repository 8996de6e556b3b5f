internal import HTTP
internal import IO

/// The first byte says which end reads, whether messages are compressed, and how the rest is cut: the cut must change nothing, every message
/// must keep to the limits and survive the way back, and after a failure nothing more may come.
func checkWebSocket(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let rest = Array(bytes[1...])
    let role: WebSocketRole = first & 0x80 == 0 ? .server : .client
    var deflate: PerMessageDeflate?
    if first & 0x40 != 0 {
        var agreed = PerMessageDeflate()
        (agreed.clientStartsAfresh, agreed.serverStartsAfresh) = (first & 0x20 == 0, first & 0x20 == 0)
        deflate = agreed
    }
    let whole = readWebSocket(rest, rest.count, role, deflate)
    precondition(whole == readWebSocket(rest, Int(first & 15) + 1, role, deflate), "a cut changes what is heard")
    for case .message(let message) in whole { checkWay(message, from: role == .server ? .client : .server, deflate) }
}

/// Small limits, so that short inputs reach them.
private let configuration: WebSocketConfiguration = {
    var configuration = WebSocketConfiguration()
    (configuration.messageBytesMax, configuration.frameBytesMax) = (4096, 1024)
    return configuration
}()

private func readWebSocket(_ bytes: [UInt8], _ step: Int, _ role: WebSocketRole, _ deflate: PerMessageDeflate?) -> [WebSocketMachine.Step] {
    var machine = WebSocketMachine(role: role, configuration: configuration, deflate: deflate)
    var seen: [WebSocketMachine.Step] = []
    var isOver = false
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + max(1, step))
        bytes[start..<end].withUnsafeBufferPointer { piece in
            var position = 0
            while true {
                let found = machine.advance(piece, &position, now: Deadline(nanoseconds: 1))
                if found == .needMore { return precondition(position == piece.count, "bytes were left") }
                precondition(!isOver, "something came after the end")
                seen.append(found)
                switch found {
                case .message(let message): precondition(message.count <= configuration.messageBytesMax, "a message is over its limit")
                case .ping(let content), .pong(let content): precondition(content.count <= 125, "a control frame is over its limit")
                case .close, .failure: isOver = true
                case .needMore: return
                }
            }
        }
        start = end
    }
    return seen
}

/// What was heard is sent, and must be heard again.
private func checkWay(_ message: WebSocketMessage, from role: WebSocketRole, _ deflate: PerMessageDeflate?) {
    var roomy = configuration
    (roomy.messageBytesMax, roomy.frameBytesMax) = (8192, 8192)
    var agreed = deflate
    agreed?.bytesMin = 1
    let sender = WebSocketMachine(role: role, configuration: roomy, deflate: agreed)
    var reader = WebSocketMachine(role: role == .server ? .client : .server, configuration: roomy, deflate: agreed)
    var out: [UInt8] = []
    precondition(sender.send(message, into: &out), "an open end may send")
    var position = 0
    let heard = out.withUnsafeBufferPointer { reader.advance($0, &position, now: Deadline(nanoseconds: 1)) }
    precondition(heard == .message(message) && position == out.count, "what was sent is not what is heard")
}
