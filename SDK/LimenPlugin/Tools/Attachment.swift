/// Binary data beside a JSON input or output.
public struct Attachment: Sendable, Hashable {
    /// A name that is unique within the call.
    public let name: String
    /// A media type such as `image/png`.
    public let contentType: String
    /// The bytes.
    public let data: [UInt8]

    /// Makes an attachment from its name, media type and bytes.
    public init(name: String, contentType: String, data: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.data = data
    }
}
