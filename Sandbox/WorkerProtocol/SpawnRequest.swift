/// What the kernel is to enforce on one worker; from the manifest's `limits` (SPEC 2.1).
package struct WorkerLimits: Sendable, Equatable {
    /// Memory of the worker with its scratch, in bytes; no swap on top.
    package var memoryBytes: UInt64 = 128 << 20
    /// CPU time a wall second, in percent of one core.
    package var cpuPercent: UInt32 = 100
    /// Processes and threads.
    package var tasks: UInt32 = 32
    /// Size of `/scratch`, in bytes.
    package var scratchBytes: UInt64 = 64 << 20
    /// Files and folders in `/scratch`.
    package var scratchInodes: UInt32 = 4096
    /// Open descriptors.
    package var openFiles: UInt32 = 64

    package init() {}
}

/// A file as it was verified: whatever the jail finds under this path must be this inode, unchanged since.
package struct VerifiedFile: Sendable, Equatable {
    /// Path beneath the bundle, e.g. `lib/libtext.so`.
    package var path: String
    package var device: UInt64
    package var inode: UInt64
    package var size: UInt64
    package var changeSeconds: Int64
    package var changeNanoseconds: UInt32

    package init(path: String, device: UInt64, inode: UInt64, size: UInt64, changeSeconds: Int64, changeNanoseconds: UInt32) {
        self.path = path
        self.device = device
        self.inode = inode
        self.size = size
        self.changeSeconds = changeSeconds
        self.changeNanoseconds = changeNanoseconds
    }
}

/// Asks the spawner for a jailed worker. The message carries two descriptors: the verified bundle directory (`O_PATH`) and the
/// worker's end of the frame socket.
package struct SpawnRequest: Sendable, Equatable {
    /// Chosen by the host, never reused.
    package var workerID: UInt64
    package var limits: WorkerLimits
    /// Where the verified bundle lies; the spawner compares what it finds there with the descriptor.
    package var bundlePath: String
    package var files: [VerifiedFile]
    /// The library to load, beneath the bundle.
    package var library: String
    /// Whether the worker may make TCP sockets, and gets the proxy's listener in a network namespace of its own.
    package var hasSocket: Bool

    /// Descriptors that travel with the request.
    package static let descriptorCount = 2
    /// Bounds that the spawner checks again.
    package static let filesMax = 512
    package static let pathBytesMax = 4095

    package init(workerID: UInt64, limits: WorkerLimits, bundlePath: String, files: [VerifiedFile], library: String, hasSocket: Bool = false) {
        self.workerID = workerID
        self.limits = limits
        self.bundlePath = bundlePath
        self.files = files
        self.library = library
        self.hasSocket = hasSocket
    }
}

extension ByteWriter {
    /// Appends limits.
    package mutating func write(_ limits: WorkerLimits) {
        write(limits.memoryBytes)
        write(limits.cpuPercent)
        write(limits.tasks)
        write(limits.scratchBytes)
        write(limits.scratchInodes)
        write(limits.openFiles)
    }

    /// Appends a `u16` count and the files.
    package mutating func write(_ files: [VerifiedFile]) {
        write(UInt16(files.count))
        for file in files {
            write(counted: file.path)
            write(file.device)
            write(file.inode)
            write(file.size)
            write(file.changeSeconds)
            write(file.changeNanoseconds)
        }
    }
}

extension ByteReader {
    /// Reads limits.
    /// - Throws: `MalformedPayload`.
    package mutating func readLimits() throws(MalformedPayload) -> WorkerLimits {
        var limits = WorkerLimits()
        limits.memoryBytes = try read("memory")
        limits.cpuPercent = try read("cpu")
        limits.tasks = try read("tasks")
        limits.scratchBytes = try read("scratch bytes")
        limits.scratchInodes = try read("scratch inodes")
        limits.openFiles = try read("open files")
        return limits
    }

    /// Reads a list of verified files, at most `SpawnRequest.filesMax`.
    /// - Throws: `MalformedPayload`.
    package mutating func readFiles() throws(MalformedPayload) -> [VerifiedFile] {
        let count: UInt16 = try read("file count")
        guard count <= SpawnRequest.filesMax else { throw MalformedPayload("file count") }
        var files: [VerifiedFile] = []
        for _ in 0..<count {
            let path = try readText("file path")
            guard isBeneath(path) else { throw MalformedPayload("file path") }
            files.append(
                VerifiedFile(
                    path: path, device: try read("device"), inode: try read("inode"), size: try read("size"),
                    changeSeconds: try read("change time"), changeNanoseconds: try read("change time")))
        }
        return files
    }
}

/// True for a relative path without empty, `.` or `..` components and without NUL.
package func isBeneath(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count <= SpawnRequest.pathBytesMax, !path.utf8.contains(0) else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
}
