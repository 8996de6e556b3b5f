/// How much of a multipart body is taken; more of anything is 413, but for a boundary, which is 400.
package struct MultipartLimits: Sendable {
    /// Parts of one body.
    package var partsMax = 64
    /// Bytes of one part's fields.
    package var headBytesMax = 4096
    /// Fields of one part.
    package var fieldsMax = 8
    /// Bytes of a field's name or a file's.
    package var nameBytesMax = 255
    /// Bytes of the content of a part that is no file.
    package var valueBytesMax = 64 * 1024
    /// Bytes of the content of one file.
    package var fileBytesMax = 64 << 20
    /// Bytes of the whole body, its framing included.
    package var bytesMax = 128 << 20

    package init() {}
}

/// What the fields of a part say (RFC 7578, 4).
package struct MultipartPartHead: Sendable, Hashable {
    /// The form field's name.
    package let name: String
    /// The file's name as the client gave it, never a path; nil for a part that is no file, empty where no file was chosen.
    package let filename: String?
    package let contentType: String?

    /// Whether the part is a file.
    package var isFile: Bool { filename != nil }
}

/// What comes out of a multipart body, in this order: each part's head, its content in any number of pieces, its end; then the body's end.
package enum MultipartEvent: Sendable, Hashable {
    case head(MultipartPartHead)
    /// Some of the part's content, never empty.
    case content(ArraySlice<UInt8>)
    case partEnd
    case end
}

/// Reads the fields of one part; strict, nothing is mended.
struct MultipartHeadReader {
    let limits: MultipartLimits

    /// - Parameter bytes: the field lines with their line ends, the empty line included.
    func read(_ bytes: [UInt8]) throws(HTTPFailure) -> MultipartPartHead {
        var disposition: (name: String, filename: String?)?
        var type: String?
        var count = 0
        try fields(bytes) { name, value throws(HTTPFailure) in
            count += 1
            if count > limits.fieldsMax { throw HTTPFailure(413, "A part has too many fields.") }
            switch name {
            case "content-disposition":
                if disposition != nil { throw HTTPFailure(400, "A part has more than one Content-Disposition.") }
                disposition = try formData(value)
            case "content-type":
                guard type == nil, !value.isEmpty, value.count <= ContentLimits.partTypeBytesMax, value.allSatisfy({ $0 < 0x80 }) else {
                    throw HTTPFailure(400, "A part's Content-Type is malformed.")
                }
                type = String(decoding: value, as: UTF8.self)
            case "content-transfer-encoding":
                // Deprecated (RFC 7578, 4.7), and harmless only where it says that there is none.
                guard ["binary", "8bit", "7bit"].contains(String(decoding: value, as: UTF8.self).lowercased()) else {
                    throw HTTPFailure(400, "A part has a transfer encoding.")
                }
            default: break
            }
        }
        guard let disposition else { throw HTTPFailure(400, "A part has no Content-Disposition.") }
        return MultipartPartHead(name: disposition.name, filename: disposition.filename, contentType: type)
    }

    private func fields(_ bytes: [UInt8], _ take: (String, ArraySlice<UInt8>) throws(HTTPFailure) -> Void) throws(HTTPFailure) {
        var scanner = FieldScanner(bytesMax: bytes.count + 1)
        while true {
            switch bytes.withUnsafeBufferPointer({ scanner.next($0) }) {
            case .needMore: throw HTTPFailure(400, "A part's fields have no end.")
            case .failure(let failure): throw failure
            case .line(let start, let end):
                if start == end { return }
                switch bytes.withUnsafeBufferPointer({ FieldScanner.field($0, start, end) }) {
                case .failure(let failure): throw failure
                case .success(let field):
                    let name = String(decoding: bytes[Int(field.nameStart)..<Int(field.nameEnd)], as: UTF8.self).lowercased()
                    try take(name, bytes[Int(field.valueStart)..<Int(field.valueEnd)])
                }
            }
        }
    }

    /// `form-data; name="x"; filename="y"`
    private func formData(_ value: ArraySlice<UInt8>) throws(HTTPFailure) -> (name: String, filename: String?) {
        guard let (type, parameters) = FieldParameters.read(value), type == "form-data" else {
            throw HTTPFailure(400, "A part's Content-Disposition is not form-data with well-formed parameters.")
        }
        var name: String?
        var filename: String?
        for parameter in parameters {
            switch parameter.name {
            case "name" where name == nil: name = try text(parameter.value)
            case "filename" where filename == nil: filename = try text(parameter.value)
            case "filename*": throw HTTPFailure(400, "filename* has no place in a form (RFC 7578, 4.2); send filename in UTF-8.")
            default: throw HTTPFailure(400, "A part's Content-Disposition has an unknown parameter, or one twice.")
            }
        }
        guard let name, !name.isEmpty else { throw HTTPFailure(400, "A part has no name.") }
        if let filename, !MultipartHeadReader.isFileName(filename) {
            throw HTTPFailure(400, "A file's name is a path or a name that no file can have.")
        }
        return (name, filename)
    }

    private func text(_ bytes: [UInt8]) throws(HTTPFailure) -> String {
        if bytes.count > limits.nameBytesMax { throw HTTPFailure(413, "A part's name is too long.") }
        guard let text = String(validating: bytes, as: UTF8.self), text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { throw HTTPFailure(400, "A part's name is not UTF-8 without control characters.") }
        return text
    }

    /// Whether it names a file and no folder.
    private static func isFileName(_ name: String) -> Bool {
        name != "." && name != ".." && !name.utf8.contains { $0 == 0x2f || $0 == 0x5c || $0 == 0 }
    }
}
