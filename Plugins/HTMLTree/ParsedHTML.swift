import CGumbo
package import LimenPlugin

/// What looks at a document, node by node in the text's order.
package protocol HTMLVisitor {
    /// What `close` needs to know of the element that ends.
    associatedtype Closing
    /// Begins an element; nil skips its content, and `close` is not called.
    mutating func open(_ element: Element) throws -> Closing?
    /// Ends an element.
    mutating func close(_ closing: Closing)
    /// Takes a piece of text, character references resolved.
    mutating func text(_ text: String) throws
    /// Takes note of a comment.
    mutating func comment()
}

/// A parsed HTML document, as a browser would parse it. Its memory is an arena freed at once, because the library frees trees by recursion.
package struct ParsedHTML: ~Copyable {
    private let arena = Arena()
    private let output: UnsafeMutablePointer<GumboOutput>

    /// Parses UTF-8; more than `tagsMax` start tags are refused, because they bound the depth and the size of the tree.
    package init(_ bytes: [UInt8], tagsMax: Int) throws(PluginError) {
        try ParsedHTML.checkTags(bytes, tagsMax)
        var options = kGumboDefaultOptions
        options.max_errors = 0
        options.allocator = { Arena.at($0)?.allocate($1) }
        options.deallocator = { _, _ in }
        options.userdata = Unmanaged.passUnretained(arena).toOpaque()
        // The tree points into the text, so the text lives in the arena too.
        guard let text = arena.allocate(bytes.count + 1) else { throw PluginError("out_of_memory", "No memory.") }
        text.initializeMemory(as: UInt8.self, repeating: 0, count: bytes.count + 1)
        text.copyMemory(from: bytes, byteCount: bytes.count)
        guard let output = gumbo_parse_with_options(&options, text.assumingMemoryBound(to: CChar.self), bytes.count) else {
            throw PluginError("not_parsed", "The HTML cannot be parsed.")
        }
        self.output = output
    }

    /// Visits the nodes in order without recursion; `visitor` decides whether children are visited.
    package borrowing func walk<Visitor: HTMLVisitor>(_ visitor: inout Visitor) throws {
        guard let root = output.pointee.root else { return }
        var stack: [(node: UnsafeMutablePointer<GumboNode>, childNext: Int, closing: Visitor.Closing)] = []
        try enter(root, &visitor, &stack)
        while var top = stack.popLast() {
            let children = top.node.pointee.v.element.children
            guard top.childNext < Int(children.length), let child = children.data[top.childNext] else {
                visitor.close(top.closing)
                continue
            }
            top.childNext += 1
            stack.append(top)
            try enter(child.assumingMemoryBound(to: GumboNode.self), &visitor, &stack)
        }
    }

    private borrowing func enter<Visitor: HTMLVisitor>(
        _ node: UnsafeMutablePointer<GumboNode>, _ visitor: inout Visitor,
        _ stack: inout [(node: UnsafeMutablePointer<GumboNode>, childNext: Int, closing: Visitor.Closing)]
    ) throws {
        switch node.pointee.type {
        case GUMBO_NODE_ELEMENT, GUMBO_NODE_TEMPLATE:
            if let closing = try visitor.open(Element(node.pointee.v.element)) { stack.append((node, 0, closing)) }
        case GUMBO_NODE_TEXT, GUMBO_NODE_WHITESPACE, GUMBO_NODE_CDATA:
            try visitor.text(String(cString: node.pointee.v.text.text))
        default:
            visitor.comment()
        }
    }

    /// Bounds what a hostile text can make the parser build.
    private static func checkTags(_ bytes: [UInt8], _ tagsMax: Int) throws(PluginError) {
        var tags = 0
        for index in bytes.indices.dropLast() where bytes[index] == UInt8(ascii: "<") && bytes[index + 1] != UInt8(ascii: "/") { tags += 1 }
        guard tags <= tagsMax else { throw PluginError("too_large", "The HTML has more than \(tagsMax) tags.") }
    }
}

/// One element, copied out of the parser's tree.
package struct Element {
    /// In small letters.
    package let name: String
    /// False inside SVG and MathML.
    package let isHTML: Bool
    /// Names in small letters, those of a namespace with `xml:` before them.
    package let attributes: [(name: String, value: String)]

    init(_ element: GumboElement) {
        isHTML = element.tag_namespace == GUMBO_NAMESPACE_HTML
        let known = String(cString: gumbo_normalized_tagname(element.tag))
        if known.isEmpty {
            var raw = element.original_tag
            gumbo_tag_from_original_text(&raw)
            let bytes = UnsafeRawBufferPointer(start: raw.data, count: raw.data == nil ? 0 : min(raw.length, 64))
            name = String(decoding: bytes, as: UTF8.self).lowercased()
        } else {
            name = known
        }
        attributes = (0..<Int(element.attributes.length)).compactMap { index in
            guard let raw = element.attributes.data[index] else { return nil }
            let attribute = raw.assumingMemoryBound(to: GumboAttribute.self).pointee
            let prefix = attribute.attr_namespace == GUMBO_ATTR_NAMESPACE_NONE ? "" : "xml:"
            return (prefix + String(cString: attribute.name).lowercased(), String(cString: attribute.value))
        }
    }
}

/// Memory that is freed all at once.
private final class Arena {
    private static let chunkBytes = 1 << 18
    private var chunks: [UnsafeMutableRawPointer] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0

    static func at(_ context: UnsafeMutableRawPointer?) -> Arena? {
        // SAFETY: the parser passes back the pointer it was given, and the arena outlives the parse.
        context.map { Unmanaged<Arena>.fromOpaque($0).takeUnretainedValue() }
    }

    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let size = (size + 15) & ~15
        if size > left {
            let chunk = max(size, Arena.chunkBytes)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: chunk, alignment: 16)
            chunks.append(memory)
            (next, left) = (memory, chunk)
        }
        defer {
            next = next?.advanced(by: size)
            left -= size
        }
        return next
    }

    deinit { for chunk in chunks { chunk.deallocate() } }
}
