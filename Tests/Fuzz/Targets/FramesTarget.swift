internal import WorkerProtocol

/// The first byte says who speaks and how the rest is cut into reads: the cut must change nothing, each frame must encode to what was
/// read, and a payload that decodes must survive being encoded.
func checkFrames(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let peer: FrameDecoder.Peer = first & 0x80 == 0 ? .worker : .host
    let rest = Array(bytes[1...])
    let whole = frames(rest, from: peer, step: max(rest.count, 1))
    let cut = frames(rest, from: peer, step: Int(first & 0x1f) + 1)
    precondition(whole.frames == cut.frames && whole.fault == cut.fault, "a cut changes the frames")
    let encoded = whole.frames.flatMap { $0.encoded() }
    precondition(rest.starts(with: encoded), "a frame does not encode to what was read")
    for frame in whole.frames { checkPayload(frame) }
    // The payload codecs meet these bytes without a header in the way, too.
    if let type = FrameType.allCases.first(where: { $0.rawValue & 0x7f == first & 0x0f && $0.isFromWorker == (peer == .worker) }) {
        checkPayload(Frame(type: type, callID: 1, payload: rest))
    }
}

private func frames(_ bytes: [UInt8], from peer: FrameDecoder.Peer, step: Int) -> (frames: [Frame], fault: FrameFault?) {
    // Small limits, so that short inputs reach them.
    var limits = FrameLimits(inputBytesMax: 512, outputBytesMax: 512)
    (limits.logBytesMax, limits.eventBytesMax) = (64, 128)
    var decoder = FrameDecoder(from: peer, limits: limits)
    var found: [Frame] = []
    var start = 0
    do throws(FrameFault) {
        while start < bytes.count {
            let end = min(bytes.count, start + step)
            decoder.append(Array(bytes[start..<end]))
            precondition(decoder.isInsideFrame, "bytes are waiting, yet no frame has begun")
            while let frame = try decoder.next() {
                precondition(frame.payload.count <= limits.payloadBytesMax(frame.type), "a frame is over its limit")
                found.append(frame)
            }
            precondition(decoder.bytesWanted > 0, "nothing is wanted, yet there is no frame")
            start = end
        }
        return (found, nil)
    } catch {
        return (found, error)
    }
}

private func checkPayload(_ frame: Frame) {
    switch frame.type {
    case .cancel, .drain: break
    case .hello: checkCodec(frame, HelloPayload.init(decoding:), { $0.encoded() })
    case .conditions: checkCodec(frame, Conditions.init(decoding:), { $0.encoded() })
    case .call: checkCodec(frame, CallPayload.init(decoding:), { $0.encoded() })
    case .result: checkCodec(frame, ResultPayload.init(decoding:), { $0.encoded() })
    case .failure: checkCodec(frame, FailurePayload.init(decoding:), { $0.encoded() })
    case .event: checkCodec(frame, EventPayload.init(decoding:), { $0.encoded() })
    case .fetchBegin: checkCodec(frame, FetchBeginPayload.init(decoding:), { $0.encoded() })
    case .fetchWrite: checkCodec(frame, FetchWritePayload.init(decoding:), { $0.encoded() })
    case .fetchWritten: checkCodec(frame, FetchWrittenPayload.init(decoding:), { $0.encoded() })
    case .fetchRead, .fetchClose, .fetchFinish: checkCodec(frame, FetchStreamPayload.init(decoding:), { $0.encoded() })
    case .fetchPiece: checkCodec(frame, FetchPiecePayload.init(decoding:), { $0.encoded() })
    case .fetch, .fetchOpen: checkCodec(frame, FetchPayload.init(decoding:), { $0.encoded() })
    case .fetchReply: checkCodec(frame, FetchReplyPayload.init(decoding:), { $0.encoded() })
    case .keyValue: checkCodec(frame, KeyValuePayload.init(decoding:), { $0.encoded() })
    case .keyValueReply: checkCodec(frame, KeyValueReplyPayload.init(decoding:), { $0.encoded() })
    case .jailed: checkCodec(frame, JailedPayload.init(decoding:), { $0.encoded() })
    case .ready: checkCodec(frame, ReadyPayload.init(decoding:), { $0.encoded() })
    // Its text is mended where it is no UTF-8, so the bytes may differ.
    case .log: checkCodec(frame, LogPayload.init(decoding:), { $0.encoded() }, isExact: false)
    }
}

private func checkCodec<P: Equatable>(
    _ frame: Frame, _ decode: ([UInt8]) throws(MalformedPayload) -> P, _ encode: (P) -> [UInt8], isExact: Bool = true
) {
    guard let payload = try? decode(frame.payload) else { return }  // a refusal is a fine answer
    let again = encode(payload)
    precondition(!isExact || again == frame.payload, "a payload has two spellings")
    precondition((try? decode(again)) == payload, "a payload does not survive being encoded")
}
