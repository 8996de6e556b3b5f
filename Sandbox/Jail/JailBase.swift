package import WorkerProtocol

/// What a worker process can do before it knows its plugin; waits for it when it is born.
package struct JailBase: Sendable, Equatable {
    /// Mount point of the runtime image that becomes the root; nil where workers see the host's own files.
    package var imagePath: String?

    package init(imagePath: String?) { self.imagePath = imagePath }

    /// The longest encoded base, in bytes.
    package static let bytesMax = 8 << 10

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(counted: imagePath ?? "")
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        let path = try reader.readText("image path")
        imagePath = path.isEmpty ? nil : path
        try reader.finish()
    }
}
