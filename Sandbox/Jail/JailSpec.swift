package import WorkerProtocol

/// How a jail is built on this machine (DESIGN 4): the strongest that the kernel and the account allow.
package enum Rung: UInt8, Sendable, CaseIterable {
    /// The spawner is root: a user of its own for every slot.
    case root = 1
    /// A user namespace and a delegated cgroup: one host user for all slots.
    case userNamespace = 2

    /// As it is shown: `root` or `userns`.
    package var name: String {
        switch self {
        case .root: "root"
        case .userNamespace: "userns"
        }
    }
}

/// Everything a worker needs to jail itself, sent by the spawner before the worker's first step.
package struct JailSpec: Sendable, Equatable {
    package var rung: Rung
    /// The slot's user and group as the worker sees them.
    package var userID: UInt32
    package var groupID: UInt32
    /// Mount point of the runtime image that becomes the root.
    package var imagePath: String
    package var bundlePath: String
    package var bundleDevice: UInt64
    package var bundleInode: UInt64
    package var files: [VerifiedFile]
    package var library: String
    package var limits: WorkerLimits
    /// Filters as `BPFProgram.encoded()` gives them.
    package var stage1: [UInt8]
    package var stage2: [UInt8]

    package init(
        rung: Rung, userID: UInt32, groupID: UInt32, imagePath: String, bundlePath: String, bundleDevice: UInt64, bundleInode: UInt64,
        files: [VerifiedFile], library: String, limits: WorkerLimits, stage1: [UInt8], stage2: [UInt8]
    ) {
        self.rung = rung
        self.userID = userID
        self.groupID = groupID
        self.imagePath = imagePath
        self.bundlePath = bundlePath
        self.bundleDevice = bundleDevice
        self.bundleInode = bundleInode
        self.files = files
        self.library = library
        self.limits = limits
        self.stage1 = stage1
        self.stage2 = stage2
    }

    /// The longest encoded spec, in bytes.
    package static let bytesMax = 192 << 10
}

extension JailSpec {
    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 << 10)
        writer.write(rung.rawValue)
        for id in [userID, groupID] { writer.write(id) }
        writer.write(counted: imagePath)
        writer.write(counted: bundlePath)
        writer.write(bundleDevice)
        writer.write(bundleInode)
        writer.write(files)
        writer.write(counted: library)
        writer.write(limits)
        writer.write(counted: stage1)
        writer.write(counted: stage2)
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        guard let rung = Rung(rawValue: try reader.read("rung")) else { throw MalformedPayload("rung") }
        self.rung = rung
        userID = try reader.read("user")
        groupID = try reader.read("group")
        imagePath = try reader.readText("image path")
        bundlePath = try reader.readText("bundle path")
        bundleDevice = try reader.read("bundle device")
        bundleInode = try reader.read("bundle inode")
        files = try reader.readFiles()
        library = try reader.readText("library")
        limits = try reader.readLimits()
        stage1 = Array(try reader.readCounted("stage 1"))
        stage2 = Array(try reader.readCounted("stage 2"))
        try reader.finish()
    }
}
