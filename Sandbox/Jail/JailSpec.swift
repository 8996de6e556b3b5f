package import WorkerProtocol

/// Everything a prepared worker needs to finish its jail, sent by the spawner with the frame socket and the bundle's detached mount.
package struct JailSpec: Sendable, Equatable {
    package var rung: Rung
    /// Which layers the spawner has proved beside those of the rung; the worker must find each of them.
    package var features: JailFeatures
    /// The slot's user and group as the worker sees them.
    package var userID: UInt32
    package var groupID: UInt32
    package var bundlePath: String
    package var bundleDevice: UInt64
    package var bundleInode: UInt64
    package var files: [VerifiedFile]
    /// The library to load, beneath the bundle; empty for a worker that only proves that its jail stands.
    package var library: String
    package var limits: WorkerLimits
    /// Filters as `BPFProgram.encoded()` gives them.
    package var stage1: [UInt8]
    package var stage2: [UInt8]
    /// Whether the worker may make TCP sockets: its network namespace then has a loopback that is up, with the proxy's listener alone.
    package var hasSocket: Bool
    /// Whether the certificates of authorities come with the specification, for libraries that speak TLS.
    package var hasAuthorities: Bool

    package init(
        rung: Rung, features: JailFeatures = .all, userID: UInt32, groupID: UInt32, bundlePath: String, bundleDevice: UInt64, bundleInode: UInt64,
        files: [VerifiedFile], library: String, limits: WorkerLimits, stage1: [UInt8], stage2: [UInt8],
        hasSocket: Bool = false, hasAuthorities: Bool = false
    ) {
        self.rung = rung
        self.features = features
        self.userID = userID
        self.groupID = groupID
        self.bundlePath = bundlePath
        self.bundleDevice = bundleDevice
        self.bundleInode = bundleInode
        self.files = files
        self.library = library
        self.limits = limits
        self.stage1 = stage1
        self.stage2 = stage2
        self.hasSocket = hasSocket
        self.hasAuthorities = hasAuthorities
    }

    /// Whether the worker ends once its jail stands.
    package var isProbe: Bool { library.isEmpty }

    /// The bundle as the worker sees it.
    package var bundleInside: String { rung.hasNamespaces ? "/bundle" : bundlePath }

    /// Descriptors that come with it: the frame socket, the bundle where it is mounted, the authorities if there are any.
    package var descriptorCount: Int { 1 + (rung.hasNamespaces ? 1 : 0) + (hasAuthorities ? 1 : 0) }
    /// The most of them.
    package static let descriptorCountMax: Int32 = 3

    /// The longest encoded spec, in bytes.
    package static let bytesMax = 192 << 10
}

extension JailSpec {
    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 << 10)
        writer.write(rung.rawValue)
        writer.write(features.rawValue)
        for id in [userID, groupID] { writer.write(id) }
        writer.write(counted: bundlePath)
        writer.write(bundleDevice)
        writer.write(bundleInode)
        writer.write(files)
        writer.write(counted: library)
        writer.write(limits)
        writer.write(counted: stage1)
        writer.write(counted: stage2)
        for flag in [hasSocket, hasAuthorities] { writer.write(UInt8(flag ? 1 : 0)) }
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        guard let rung = Rung(rawValue: try reader.read("rung")) else { throw MalformedPayload("rung") }
        self.rung = rung
        features = JailFeatures(rawValue: try reader.read("features"))
        userID = try reader.read("user")
        groupID = try reader.read("group")
        bundlePath = try reader.readText("bundle path")
        bundleDevice = try reader.read("bundle device")
        bundleInode = try reader.read("bundle inode")
        files = try reader.readFiles()
        library = try reader.readText("library")
        limits = try reader.readLimits()
        stage1 = Array(try reader.readCounted("stage 1"))
        stage2 = Array(try reader.readCounted("stage 2"))
        hasSocket = try reader.readFlag("socket")
        hasAuthorities = try reader.readFlag("authorities")
        try reader.finish()
    }
}

/// Layers that a machine may lack on any rung; what the spawner has found, every worker must hold.
package struct JailFeatures: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Landlock restricts files, and what else its ABI covers.
    package static let landlock = JailFeatures(rawValue: 1)
    /// Tripwires are reported by name; without it the kernel kills and nobody knows for what.
    package static let notification = JailFeatures(rawValue: 2)
    /// A cgroup bounds memory, CPU and tasks; without it rlimits stand in for what they can.
    package static let cgroup = JailFeatures(rawValue: 4)

    package static let all: JailFeatures = [.landlock, .notification, .cgroup]
}
