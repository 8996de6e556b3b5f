/// What the host may ask of the spawner. One `SOCK_SEQPACKET` message each; anything else ends the service.
package enum SpawnerRequest: Sendable, Equatable {
    /// Makes a worker; descriptors as in `SpawnRequest`. Answered by `spawned` or `failed`.
    case spawn(SpawnRequest)
    /// Kills a worker; its `exited` follows. Unknown ids are ignored: it may just have died.
    case kill(workerID: UInt64)
    /// Tells the spawner that the host is done; it kills what is left, cleans up and ends.
    case stop

    /// The longest message, in bytes.
    package static let bytesMax = 128 << 10

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 256)
        switch self {
        case .spawn(let request):
            writer.write(UInt8(1))
            writer.write(request.workerID)
            writer.write(request.limits)
            writer.write(counted: request.bundlePath)
            writer.write(request.files)
            writer.write(counted: request.library)
            writer.write(UInt8(request.hasSocket ? 1 : 0))
        case .kill(let workerID):
            writer.write(UInt8(2))
            writer.write(workerID)
        case .stop:
            writer.write(UInt8(3))
        }
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        let kind: UInt8 = try reader.read("request kind")
        switch kind {
        case 1:
            let workerID: UInt64 = try reader.read("worker id")
            let limits = try reader.readLimits()
            let bundlePath = try reader.readText("bundle path")
            guard bundlePath.utf8.count <= SpawnRequest.pathBytesMax, !bundlePath.utf8.contains(0), !bundlePath.isEmpty else {
                throw MalformedPayload("bundle path")
            }
            let files = try reader.readFiles()
            let library = try reader.readText("library")
            guard isBeneath(library), files.contains(where: { $0.path == library }) else { throw MalformedPayload("library") }
            let hasSocket = try reader.readFlag("socket")
            self = .spawn(
                SpawnRequest(
                    workerID: workerID, limits: limits, bundlePath: bundlePath, files: files, library: library, hasSocket: hasSocket))
        case 2: self = .kill(workerID: try reader.read("worker id"))
        case 3: self = .stop
        default: throw MalformedPayload("request kind")
        }
        try reader.finish()
    }
}

/// A tripwire that a worker stepped on, as the kernel reported it.
package struct SyscallViolation: Sendable, Equatable {
    package var number: Int32
    /// The call's name, e.g. `ptrace`; `syscall_N` when the number has none.
    package var name: String
    package var arguments: [UInt64]

    package init(number: Int32, name: String, arguments: [UInt64]) {
        self.number = number
        self.name = name
        self.arguments = arguments
    }
}

/// How a worker ended and what it used, read after the kernel had reaped it.
package struct WorkerExit: Sendable, Equatable {
    /// Exit status, or nil when a signal ended it.
    package var status: Int32?
    /// The signal, or nil.
    package var signal: Int32?
    package var userMicroseconds: UInt64
    package var systemMicroseconds: UInt64
    package var memoryPeakBytes: UInt64
    /// Out-of-memory kills in the worker's cgroup: above 0 means that `limits.memory` ended it.
    package var outOfMemoryKills: UInt64
    /// The tripwire that made the spawner kill it, if any.
    package var violation: SyscallViolation?

    package init(
        status: Int32?, signal: Int32?, userMicroseconds: UInt64 = 0, systemMicroseconds: UInt64 = 0, memoryPeakBytes: UInt64 = 0,
        outOfMemoryKills: UInt64 = 0, violation: SyscallViolation? = nil
    ) {
        self.status = status
        self.signal = signal
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.memoryPeakBytes = memoryPeakBytes
        self.outOfMemoryKills = outOfMemoryKills
        self.violation = violation
    }
}

/// What the spawner tells the host.
package enum SpawnerEvent: Sendable, Equatable {
    /// First message: the rung and its layers, JSON as `/v1/admin/sandbox` shows it.
    case posture(json: [UInt8])
    /// The worker exists. Carries one descriptor if `hasMemoryPeak`: the file to read its peak memory from (and, written to, to reset).
    case spawned(workerID: UInt64, pid: Int32, hasMemoryPeak: Bool)
    /// Carries the listener on 127.0.0.1:3128 of the worker's own network namespace; before its `spawned`, when `hasSocket` was asked for.
    case listening(workerID: UInt64)
    /// The worker could not be made; `step` is the layer that failed. No `exited` follows.
    case failed(workerID: UInt64, step: String, errno: Int32)
    /// The worker is gone and so are its cgroup, mounts and namespaces.
    case exited(workerID: UInt64, WorkerExit)

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        switch self {
        case .posture(let json):
            writer.write(UInt8(1))
            writer.write(contentsOf: json)
        case .spawned(let workerID, let pid, let hasMemoryPeak):
            writer.write(UInt8(2))
            writer.write(workerID)
            writer.write(pid)
            writer.write(UInt8(hasMemoryPeak ? 1 : 0))
        case .failed(let workerID, let step, let errno):
            writer.write(UInt8(3))
            writer.write(workerID)
            writer.write(counted: step)
            writer.write(errno)
        case .exited(let workerID, let exit):
            writer.write(UInt8(4))
            writer.write(workerID)
            writer.write(exit)
        case .listening(let workerID):
            writer.write(UInt8(5))
            writer.write(workerID)
        }
        return writer.bytes
    }

    /// Reads a message.
    /// - Throws: `MalformedPayload`.
    package init(decoding bytes: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(bytes)
        let kind: UInt8 = try reader.read("event kind")
        switch kind {
        case 1: self = .posture(json: Array(reader.rest()))
        case 2:
            let workerID: UInt64 = try reader.read("worker id")
            let pid: Int32 = try reader.read("pid")
            self = .spawned(workerID: workerID, pid: pid, hasMemoryPeak: try reader.readFlag("memory peak"))
        case 3:
            let workerID: UInt64 = try reader.read("worker id")
            let step = try reader.readText("step")
            self = .failed(workerID: workerID, step: step, errno: try reader.read("errno"))
        case 4:
            let workerID: UInt64 = try reader.read("worker id")
            self = .exited(workerID: workerID, try reader.readExit())
        case 5: self = .listening(workerID: try reader.read("worker id"))
        default: throw MalformedPayload("event kind")
        }
        try reader.finish()
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ exit: WorkerExit) {
        write(exit.status ?? -1)
        write(exit.signal ?? -1)
        write(exit.userMicroseconds)
        write(exit.systemMicroseconds)
        write(exit.memoryPeakBytes)
        write(exit.outOfMemoryKills)
        write(UInt8(exit.violation == nil ? 0 : 1))
        guard let violation = exit.violation else { return }
        write(violation.number)
        write(counted: violation.name)
        write(UInt8(violation.arguments.count))
        for argument in violation.arguments { write(argument) }
    }
}

extension ByteReader {
    fileprivate mutating func readExit() throws(MalformedPayload) -> WorkerExit {
        let status: Int32 = try read("status")
        let signal: Int32 = try read("signal")
        var exit = WorkerExit(status: status < 0 ? nil : status, signal: signal < 0 ? nil : signal)
        exit.userMicroseconds = try read("user time")
        exit.systemMicroseconds = try read("system time")
        exit.memoryPeakBytes = try read("memory peak")
        exit.outOfMemoryKills = try read("out of memory kills")
        guard try readFlag("violation") else { return exit }
        let number: Int32 = try read("system call")
        let name = try readText("system call name")
        let count: UInt8 = try read("argument count")
        var arguments: [UInt64] = []
        for _ in 0..<min(count, 6) { arguments.append(try read("argument")) }
        exit.violation = SyscallViolation(number: number, name: name, arguments: arguments)
        return exit
    }
}
