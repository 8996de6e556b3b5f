/// Everything that reads a stranger's bytes. Each target takes any bytes at all, must come back, and traps when a promise is broken.
/// libFuzzer drives them (`make fuzz`), and `Tests/FuzzTests` replays the corpus and some thousand mutations of it on every test run.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case json, schema, pattern, patch
    case request, reply, chunk, events, websocket
    case content, multipart, form, inflate
    case frames, spawner
    case manifest, library
    case url, egress, scrubber, exchange
    case tokens
    case expression, workflow
    case calc, csv, query, time, zone
    case html, feed, answer

    /// Runs the target once over `bytes`.
    package func run(_ bytes: [UInt8]) {
        switch self {
        case .json: checkJSON(bytes)
        case .schema: checkSchema(bytes)
        case .pattern: checkPattern(bytes)
        case .patch: checkPatch(bytes)
        case .request: checkCut(bytes, readRequests)
        case .reply: checkCut(bytes, readReplies)
        case .chunk: checkCut(bytes, readChunks)
        case .events: checkCut(bytes, readEvents)
        case .websocket: checkWebSocket(bytes)
        case .content: checkContent(bytes)
        case .multipart: checkCut(bytes, readForm)
        case .form: checkForm(bytes)
        case .inflate: checkInflate(bytes)
        case .frames: checkFrames(bytes)
        case .spawner: checkSpawner(bytes)
        case .manifest: checkManifest(bytes)
        case .library: checkLibrary(bytes)
        case .url: checkURL(bytes)
        case .egress: checkEgress(bytes)
        case .scrubber: checkScrubber(bytes)
        case .exchange: checkCut(bytes, readExchange)
        case .tokens: checkTokens(bytes)
        case .expression: checkExpression(bytes)
        case .workflow: checkWorkflow(bytes)
        case .calc: checkCalculator(bytes)
        case .csv: checkCSV(bytes)
        case .query: checkQuery(bytes)
        case .time: checkTime(bytes)
        case .zone: checkZone(bytes)
        case .html: checkPage(bytes)
        case .feed: checkFeed(bytes)
        case .answer: checkCut(bytes, readAnswer)
        }
    }

    /// Bytes of the longest input worth trying: long enough to reach every branch, short enough to try many.
    package var inputBytesMax: Int {
        switch self {
        case .library, .manifest, .workflow: 8192
        case .pattern, .calc, .time: 512
        default: 2048
        }
    }
}

/// The parts of an input that holds several texts with zero bytes between them; at most `count`.
func texts(_ bytes: [UInt8], count: Int) -> [String] {
    bytes.split(separator: 0, maxSplits: count - 1, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
}
