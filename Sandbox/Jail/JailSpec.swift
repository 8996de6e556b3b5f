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
    package var stage1: BPFProgram
    package var stage2: BPFProgram

    package init(
        rung: Rung, userID: UInt32, groupID: UInt32, imagePath: String, bundlePath: String, bundleDevice: UInt64, bundleInode: UInt64, files: [VerifiedFile], library: String, limits: WorkerLimits, stage1: BPFProgram,
        stage2: BPFProgram
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
        writer.write(stage1)
        writer.write(stage2)
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
        stage1 = try reader.readProgram()
        stage2 = try reader.readProgram()
        try reader.finish()
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ program: BPFProgram) {
        write(UInt16(program.count))
        for instruction in program.instructions {
            write(instruction.code)
            write(instruction.jumpTrue)
            write(instruction.jumpFalse)
            write(instruction.operand)
        }
    }
}

extension ByteReader {
    fileprivate mutating func readProgram() throws(MalformedPayload) -> BPFProgram {
        let count: UInt16 = try read("program")
        var instructions: [BPFProgram.Instruction] = []
        instructions.reserveCapacity(Int(count))
        for _ in 0..<count {
            let code: UInt16 = try read("program")
            let jumpTrue: UInt8 = try read("program")
            let jumpFalse: UInt8 = try read("program")
            instructions.append(.init(code, try read("program"), jumpTrue: jumpTrue, jumpFalse: jumpFalse))
        }
        return BPFProgram(instructions)
    }
}
