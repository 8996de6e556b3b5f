/// What a worker says to the spawner while it jails itself, on a socket that is closed before the plugin is loaded.
package enum SetupMessage: Sendable, Equatable {
    /// A step did not hold; the worker ends.
    case failed(step: String, errno: Int32)
    /// The filter is installed; the message carries the listener.
    case filtered

    /// The spawner's answer to `filtered`: it watches the listener now.
    package static let acknowledgement: [UInt8] = [0x06]
    /// The longest message, in bytes.
    package static let bytesMax = 4096

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .failed(let step, let errno):
            writer.write(UInt8(1))
            writer.write(counted: step)
            writer.write(errno)
        case .filtered: writer.write(UInt8(2))
        }
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        let kind: UInt8 = try reader.read("setup message")
        switch kind {
        case 1:
            let step = try reader.readText("step")
            self = .failed(step: step, errno: try reader.read("errno"))
        case 2: self = .filtered
        default: throw MalformedPayload("setup message")
        }
        try reader.finish()
    }
}

/// Descriptors at which a worker is born.
package enum WorkerDescriptor {
    /// 0, 1 and 2 are /dev/null. This one is, too, until it comes with the specification.
    package static let frames: Int32 = 3
    package static let setup: Int32 = 4
    /// The first that is closed.
    package static let count: UInt32 = 5
}
