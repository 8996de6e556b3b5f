import CCMark
import LimenPlugin

/// A parsed Markdown document; GitHub's dialect.
struct Document: ~Copyable {
    enum Extension: String, Codable, CaseIterable, Sendable {
        case table, strikethrough, autolink, tasklist, footnotes
    }

    struct Heading: Codable, Sendable, Equatable {
        var level: Int
        var text: String
        var line: Int
    }

    private let parser: OpaquePointer
    private let root: OpaquePointer
    private let options: Int32

    /// Parses; throws for a document that is nested past the limits.
    init(_ text: String, extensions: Set<Extension>, smart: Bool = false, hardBreaks: Bool = false, allowHTML: Bool = false) throws {
        try Document.checkDepth(of: text)
        cmark_gfm_core_extensions_ensure_registered()
        var options = CMARK_OPT_VALIDATE_UTF8
        if smart { options |= CMARK_OPT_SMART }
        if hardBreaks { options |= CMARK_OPT_HARDBREAKS }
        if allowHTML { options |= CMARK_OPT_UNSAFE }
        if extensions.contains(.footnotes) { options |= CMARK_OPT_FOOTNOTES }
        guard let parser = cmark_parser_new(options) else { throw PluginError("out_of_memory", "No memory.") }
        for name in extensions where name != .footnotes {
            if let found = cmark_find_syntax_extension(name.rawValue) { cmark_parser_attach_syntax_extension(parser, found) }
        }
        if allowHTML, let filter = cmark_find_syntax_extension("tagfilter") { cmark_parser_attach_syntax_extension(parser, filter) }
        var text = text
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { cmark_parser_feed(parser, $0.baseAddress, $0.count) }
        }
        guard let root = cmark_parser_finish(parser) else {
            cmark_parser_free(parser)
            throw PluginError("out_of_memory", "No memory.")
        }
        self.parser = parser
        self.root = root
        self.options = options
    }

    deinit {
        cmark_node_free(root)
        cmark_parser_free(parser)
    }

    /// Renders HTML; throws if it is too long or the document too deep.
    borrowing func html() throws -> String {
        try checkTreeDepth()
        guard let rendered = cmark_render_html(root, options, cmark_parser_get_syntax_extensions(parser)) else {
            throw PluginError("out_of_memory", "No memory.")
        }
        defer { cmark_get_default_mem_allocator()?.pointee.free(rendered) }
        let html = String(cString: rendered)
        guard html.utf8.count <= Limits.outputBytesMax else {
            throw PluginError("too_large", "The HTML would be longer than \(Limits.outputBytesMax) bytes.")
        }
        return html
    }

    /// The headings in order.
    borrowing func headings() throws -> [Heading] {
        var headings: [Heading] = []
        try walk { event, node in
            guard event == CMARK_EVENT_ENTER, cmark_node_get_type(node) == CMARK_NODE_HEADING else { return }
            guard headings.count < Limits.headingsMax else { throw PluginError("too_large", "The document has too many headings.") }
            headings.append(
                Heading(
                    level: Int(cmark_node_get_heading_level(node)), text: Document.text(of: node), line: Int(cmark_node_get_start_line(node))))
        }
        return headings
    }

    private borrowing func checkTreeDepth() throws {
        var depth = 0
        try walk { event, node in
            // Leaves have no exit event.
            guard cmark_node_first_child(node) != nil else { return }
            depth += event == CMARK_EVENT_ENTER ? 1 : -1
            guard depth <= Limits.treeDepthMax else {
                throw PluginError("too_deep", "The document is nested more than \(Limits.treeDepthMax) levels deep.")
            }
        }
    }

    private borrowing func walk(_ body: (cmark_event_type, OpaquePointer) throws -> Void) throws {
        guard let iterator = cmark_iter_new(root) else { throw PluginError("out_of_memory", "No memory.") }
        defer { cmark_iter_free(iterator) }
        while true {
            let event = cmark_iter_next(iterator)
            guard event != CMARK_EVENT_DONE, let node = cmark_iter_get_node(iterator) else { return }
            try body(event, node)
        }
    }

    private static func text(of node: OpaquePointer) -> String {
        guard let iterator = cmark_iter_new(node) else { return "" }
        defer { cmark_iter_free(iterator) }
        var text = ""
        while true {
            let event = cmark_iter_next(iterator)
            guard event != CMARK_EVENT_DONE, let inner = cmark_iter_get_node(iterator) else { return text }
            guard event == CMARK_EVENT_ENTER else { continue }
            switch cmark_node_get_type(inner) {
            case CMARK_NODE_TEXT, CMARK_NODE_CODE: text += cmark_node_get_literal(inner).map { String(cString: $0) } ?? ""
            case CMARK_NODE_SOFTBREAK, CMARK_NODE_LINEBREAK: text += " "
            default: break
            }
        }
    }

    /// Counts container markers at the start of each line: the parser's work on a line grows with them.
    private static func checkDepth(of text: String) throws {
        var depth = 0
        var isAtStart = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                depth = 0
                isAtStart = true
            case UInt8(ascii: ">"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"):
                if isAtStart { depth += 1 }
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: ")"): break
            default: isAtStart = false
            }
            // A rule such as ---- is a long run of markers too, hence the generous factor.
            guard depth <= Limits.lineDepthMax * 10 else {
                throw PluginError("too_deep", "A line begins with more than \(Limits.lineDepthMax * 10) markers.")
            }
        }
    }
}
