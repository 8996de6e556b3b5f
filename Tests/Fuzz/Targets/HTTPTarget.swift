internal import HTTP

/// Reads the bytes behind the first one twice, whole and in pieces of the first byte's choosing: how they are cut must change nothing.
func checkCut<Seen: Equatable>(_ bytes: [UInt8], _ read: ([UInt8], _ step: Int) -> Seen) {
    guard bytes.count > 1 else { return }
    let rest = Array(bytes[1...])
    precondition(read(rest, rest.count) == read(rest, Int(bytes[0] & 15) + 1), "a cut changes what is read")
}

/// Feeds `bytes` in pieces of `step`; `take` answers how many it took, nil to stop.
func feed(_ bytes: [UInt8], step: Int, _ take: (UnsafeBufferPointer<UInt8>) -> Int?) {
    var start = 0
    var end = 0
    while end < bytes.count {
        end = min(bytes.count, end + step)
        while true {
            let taken = bytes.withUnsafeBufferPointer { take(UnsafeBufferPointer(rebasing: $0[start..<end])) }
            guard let taken else { return }
            precondition(taken >= 0 && start + taken <= end, "more was taken than there is")
            if taken == 0 { break }
            start += taken
        }
    }
}

/// What a server makes of the bytes.
func readRequests(_ bytes: [UInt8], _ step: Int) -> [String] {
    var parser = RequestParser()
    var seen: [String] = []
    var body = 0
    feed(bytes, step: step) { piece in
        while true {
            switch parser.advance(piece) {
            case .needMore: return 0
            case .skip(let taken): return taken
            case .head(let head, let taken):
                seen.append("\(head.method) \(head.target) \(head.path) \(head.query.count) \(head.headers.count)")
                return taken
            case .content(let taken):
                body += taken
                return taken
            case .end(let taken):
                seen.append("end \(body)")
                body = 0
                if taken > 0 { return taken }
            case .failure(let failure):
                seen.append("\(failure.status)")
                return nil
            }
        }
    }
    return seen
}

/// What a server makes of the bytes as a chunked body: the content, and how it ended.
func readChunks(_ bytes: [UInt8], _ step: Int) -> [String] {
    var parser = RequestParser()
    let head = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    head.withUnsafeBufferPointer { bytes in
        guard case .head(_, bytes.count) = parser.advance(bytes) else { preconditionFailure("the head was not read") }
    }
    var content: [UInt8] = []
    var end = "unfinished"
    feed(bytes, step: step) { piece in
        switch parser.advance(piece) {
        case .needMore: return 0
        case .skip(let taken): return taken
        case .content(let taken):
            precondition(taken > 0, "content without bytes")
            content += piece[..<taken]
            return taken
        case .end:
            end = "whole"
            return nil
        case .failure(let failure):
            end = "\(failure.status)"
            return nil
        case .head: preconditionFailure("a head within a body")
        }
    }
    precondition(content.count <= bytes.count, "content out of nothing")
    return [String(decoding: content, as: UTF8.self), end]
}

/// What a client makes of the bytes.
func readReplies(_ bytes: [UInt8], _ step: Int) -> [String] {
    var parser = ResponseParser(isHead: false)
    var seen: [String] = []
    var body = 0
    feed(bytes, step: step) { piece in
        switch parser.advance(piece) {
        case .needMore: return 0
        case .skip(let taken): return taken
        case .head(let status, let headers, let taken):
            seen.append("\(status) \(headers.count)")
            return taken
        case .content(let taken):
            body += taken
            return taken
        case .end:
            seen.append("end")
            return nil
        case .failure(let failure):
            seen.append("\(failure.status)")
            return nil
        }
    }
    return seen + ["\(body)"]
}

/// What a reader of server-sent events makes of the bytes.
func readEvents(_ bytes: [UInt8], _ step: Int) -> [ServerSentEvent] {
    var decoder = EventStreamDecoder()
    var seen: [ServerSentEvent] = []
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + step)
        // Only a line of 4 MiB fails, and no input is as long.
        guard let found = try? decoder.decode(Array(bytes[start..<end])) else { return seen }
        seen += found
        start = end
    }
    return seen
}
