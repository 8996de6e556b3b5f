internal import Egress
internal import HTTP

/// What the egress client makes of a reply, as its plugin gets it: interim replies skipped, chunks and coding undone, capped, rid of a secret. How the
/// connection cuts it must change nothing of a whole one, and never let the secret through.
func readExchange(_ bytes: [UInt8], _ step: Int) -> [String] {
    let secret = Array("correct-horse-battery".utf8)
    var parser = ResponseParser(isHead: false)
    var reply = ExchangedReply(hiding: secret)
    var head = ""
    feed(bytes, step: step) { piece in
        switch parser.advance(piece) {
        case .needMore: return 0
        case .skip(let taken): return taken
        case .head(let status, let headers, let taken):
            head = "\(status) \(headers.count)"
            return reply.begin(headers) ? taken : nil
        case .content(let taken): return reply.take(Array(piece[..<taken])) ? taken : nil
        case .end:
            reply.finish()
            return nil
        case .failure:
            reply.end = "failed"
            return nil
        }
    }
    if parser.endsWithConnection, reply.end.isEmpty { reply.finish() }
    let text = String(decoding: reply.content, as: UTF8.self)
    precondition(!text.contains("correct-horse-battery"), "a secret came through")
    precondition(reply.content.count <= 2 * ExchangedReply.bytesMax, "more came through than may")
    return reply.end == "whole" ? [head, text, reply.end] : [head, reply.end]
}

/// The body of one reply on its way.
private struct ExchangedReply {
    static let bytesMax = 4096

    private var decoder: ContentDecoder?
    private var scrubber: Scrubber
    private var received = 0
    var content: [UInt8] = []
    /// Empty while more may come; `whole` or `failed`.
    var end = ""

    init(hiding secret: [UInt8]) { scrubber = Scrubber(hiding: [secret]) }

    mutating func begin(_ headers: HTTPHeaders) -> Bool {
        do throws(ContentDecoder.Fault) {
            if let coding = try ContentDecoder.coding(of: headers) { decoder = ContentDecoder(coding, bytesMax: Self.bytesMax) }
            return true
        } catch {
            end = "failed"
            return false
        }
    }

    mutating func take(_ piece: [UInt8]) -> Bool {
        received += piece.count
        guard received <= Self.bytesMax else {
            end = "failed"
            return false
        }
        guard let decoder else {
            content += scrubber.take(piece)
            return true
        }
        do throws(ContentDecoder.Fault) {
            decoder.feed(piece)
            while let plain = try decoder.next() { content += scrubber.take(plain) }
            return true
        } catch {
            end = "failed"
            return false
        }
    }

    mutating func finish() {
        do throws(ContentDecoder.Fault) {
            try decoder?.finish()
            content += scrubber.finish()
            end = "whole"
        } catch {
            end = "failed"
        }
    }
}
