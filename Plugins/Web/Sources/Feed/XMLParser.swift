import CExpat
import JSON
import LimenPlugin

/// What a feed's XML consists of; names are a namespace, a space and a local name, or a local name alone.
protocol XMLReceiver: AnyObject {
    func start(_ name: String, _ attributes: [String: String]) throws(PluginError)
    func end()
    func characters(_ bytes: UnsafeBufferPointer<UInt8>) throws(PluginError)
    /// Nothing more is wanted.
    var isDone: Bool { get }
}

/// Expat, without anything that reaches outside or grows: a document that declares entities or attributes is refused, external ones are never
/// looked for, and depth and number of elements are bounded.
final class XMLParser {
    private let parser: XML_Parser
    private let receiver: any XMLReceiver
    private var depth = 0
    private var elements = 0
    private var failure: PluginError?

    init(charset: String?, _ receiver: any XMLReceiver) throws(PluginError) {
        let made = if let charset { XML_ParserCreateNS(charset, 32) } else { XML_ParserCreateNS(nil, 32) }
        guard let made else { throw PluginError("out_of_memory", "No memory.") }
        (parser, self.receiver) = (made, receiver)
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetElementHandler(parser, { XMLParser.at($0)?.started($1, $2) }, { user, _ in XMLParser.at(user)?.ended() })
        XML_SetCharacterDataHandler(parser) { user, text, count in
            text?.withMemoryRebound(to: UInt8.self, capacity: Int(count)) { bytes in
                XMLParser.at(user)?.came(UnsafeBufferPointer(start: bytes, count: Int(count)))
            }
        }
        XML_SetStartDoctypeDeclHandler(parser) { user, _, _, _, hasSubset in if hasSubset != 0 { XMLParser.at(user)?.refuseSubset() } }
        XML_SetEntityDeclHandler(parser) { user, _, _, _, _, _, _, _, _ in XMLParser.at(user)?.refuseSubset() }
        XML_SetParamEntityParsing(parser, XML_PARAM_ENTITY_PARSING_NEVER)
        XML_SetUnknownEncodingHandler(parser, { XMLParser.encoding($1, $2) }, nil)
    }

    deinit { XML_ParserFree(parser) }

    /// Parses a whole document; `check` is asked now and then whether to go on.
    func parse(_ bytes: [UInt8], _ check: () throws -> Void) throws {
        var start = 0
        repeat {
            try check()
            let end = min(bytes.count, start + Limits.feedStepBytes)
            let status = bytes[start..<end].withUnsafeBytes { piece in
                XML_Parse(parser, piece.bindMemory(to: CChar.self).baseAddress, Int32(piece.count), end == bytes.count ? 1 : 0)
            }
            if let failure { throw failure }
            if receiver.isDone { return }
            if status == XML_STATUS_ERROR { throw malformed() }
            start = end
        } while start < bytes.count
    }

    private func malformed() -> PluginError {
        let code = XML_GetErrorCode(parser)
        let (line, column) = (Int(XML_GetCurrentLineNumber(parser)), Int(XML_GetCurrentColumnNumber(parser)) + 1)
        let reason = XML_ErrorString(code).map { String(cString: $0) } ?? "not well-formed"
        if code == XML_ERROR_UNKNOWN_ENCODING {
            return PluginError("unsupported_charset", "The feed's encoding is none of UTF-8, UTF-16, ISO-8859-1 and windows-1252.")
        }
        return PluginError(
            "not_parsed", "The feed is no well-formed XML: \(reason) in line \(line), column \(column).",
            details: ["line": .number(.init(line)), "column": .number(.init(column))])
    }

    // MARK: What expat calls

    private static func at(_ user: UnsafeMutableRawPointer?) -> XMLParser? {
        // SAFETY: expat passes back the pointer it was given, and calls only while `parse` runs, which keeps the parser alive.
        user.map { Unmanaged<XMLParser>.fromOpaque($0).takeUnretainedValue() }
    }

    private func stop(_ error: PluginError?) {
        if failure == nil { failure = error }
        XML_StopParser(parser, 0)
    }

    private func started(_ name: UnsafePointer<XML_Char>?, _ pairs: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?) {
        guard failure == nil, !receiver.isDone, let name else { return }
        depth += 1
        elements += 1
        guard depth <= Limits.feedDepthMax else { return stop(PluginError("too_deep", "The feed nests more than \(Limits.feedDepthMax) elements.")) }
        guard elements <= Limits.feedElementsMax else {
            return stop(PluginError("too_large", "The feed has more than \(Limits.feedElementsMax) elements."))
        }
        var attributes: [String: String] = [:]
        if var pair = pairs {
            while let key = pair[0], let value = pair[1] {
                attributes[String(cString: key)] = String(cString: value)
                pair += 2
            }
        }
        do throws(PluginError) { try receiver.start(String(cString: name), attributes) } catch { stop(error) }
        if receiver.isDone { stop(nil) }
    }

    private func ended() {
        guard failure == nil, !receiver.isDone else { return }
        depth -= 1
        receiver.end()
    }

    private func came(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard failure == nil, !receiver.isDone else { return }
        do throws(PluginError) { try receiver.characters(bytes) } catch { stop(error) }
    }

    private func refuseSubset() {
        stop(PluginError("not_parsed", "The feed declares entities or a document type of its own, which is never read."))
    }

    /// windows-1252 is the one encoding that expat does not know and feeds have.
    private static func encoding(_ name: UnsafePointer<XML_Char>?, _ info: UnsafeMutablePointer<XML_Encoding>?) -> Int32 {
        guard let name, let info, case .windows1252? = Charset(label: String(cString: name)) else { return 0 }
        withUnsafeMutableBytes(of: &info.pointee.map) { raw in
            let map = raw.bindMemory(to: Int32.self)
            for byte in 0...255 { map[byte] = Int32(Charset.scalar(UInt8(byte))) }
        }
        info.pointee.data = nil
        info.pointee.convert = nil
        info.pointee.release = nil
        return 1
    }
}
