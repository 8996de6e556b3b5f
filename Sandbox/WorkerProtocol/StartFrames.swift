/// The payload of `jailed`: what holds, said before any of the plugin's code has run.
package struct JailedPayload: Sendable, Equatable {
    /// `root` or `userns`.
    package var rung: String
    package var landlockABI: UInt32
    /// PR_SET_MDWE was available and is set.
    package var memoryDenyWriteExecute: Bool

    package init(rung: String, landlockABI: UInt32, memoryDenyWriteExecute: Bool) {
        self.rung = rung
        self.landlockABI = landlockABI
        self.memoryDenyWriteExecute = memoryDenyWriteExecute
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(counted: rung)
        writer.write(landlockABI)
        writer.write(UInt8(memoryDenyWriteExecute ? 1 : 0))
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        rung = try reader.readText("rung")
        landlockABI = try reader.read("landlock abi")
        memoryDenyWriteExecute = try reader.readFlag("mdwe")
        try reader.finish()
    }
}

/// The payload of `hello`: `u8` whether the plugin's description is wanted, then the operator's configuration as JSON, to the end.
package struct HelloPayload: Sendable, Equatable {
    /// False when the host has compared the description of this very bundle already: making it is the better part of some plugins' start.
    package var wantsDescription: Bool
    package var config: [UInt8]

    package init(wantsDescription: Bool, config: [UInt8]) {
        self.wantsDescription = wantsDescription
        self.config = config
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 1 + config.count)
        writer.write(UInt8(wantsDescription ? 1 : 0))
        writer.write(contentsOf: config)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        wantsDescription = try reader.readFlag("description wanted")
        config = Array(reader.rest())
    }
}

/// The payload of `ready`: `u32` ABI of the plugin, then its description as JSON, empty when it was not wanted. From here on everything is the stranger's word.
///
/// A library that could not be loaded is reported instead by a `failure` frame with call id 0 and code `load_failed`.
package struct ReadyPayload: Sendable, Equatable {
    package var abi: UInt32
    package var description: [UInt8]

    package init(abi: UInt32, description: [UInt8]) {
        self.abi = abi
        self.description = description
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 4 + description.count)
        writer.write(abi)
        writer.write(contentsOf: description)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        abi = try reader.read("abi")
        description = Array(reader.rest())
    }
}
