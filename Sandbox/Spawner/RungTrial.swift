import CLinux
import Glibc
import Jail
import WorkerProtocol

/// One real worker, jailed as every other and ended before it loads anything.
struct RungTrial {
    private let rung: Rung
    private let features: JailFeatures
    private let ground: Ground

    init(_ rung: Rung, _ features: KernelFeatures, _ ground: Ground) {
        self.rung = rung
        self.features = features.jail(rung, hasCgroup: ground.cgroups.tree != nil)
        self.ground = ground
    }

    /// Runs the trial in a child, which alone enters the rung's namespaces.
    func run() -> Result<JailedPayload, JailError> {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return .failure(JailError("trial", errno: errno)) }
        defer { close(ends[0]) }
        var pidfd: Int32 = -1
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 { tell(ends[1]) }
        close(ends[1])
        guard child > 0 else { return .failure(JailError("trial", errno: Int32(-child))) }
        defer {
            close(pidfd)
            _ = Trial.wait(for: Int32(child))
        }
        var bytes = [UInt8](repeating: 0, count: SetupMessage.bytesMax)
        let count = read(ends[0], &bytes, bytes.count)
        return Self.decode(Array(bytes[..<max(count, 0)]))
    }

    /// 0 and what the worker said, or a setup message that names the step.
    private static func decode(_ bytes: [UInt8]) -> Result<JailedPayload, JailError> {
        do {
            if bytes.first == 0 { return .success(try JailedPayload(decoding: Array(bytes.dropFirst()))) }
            if case .failed(let step, let errno) = try SetupMessage(decoding: bytes) { return .failure(JailError(step, errno: errno)) }
        } catch {
            return .failure(JailError("the trial ended without an answer", errno: ECHILD))
        }
        return .failure(JailError("trial", errno: EPROTO))
    }

    private func tell(_ descriptor: Int32) -> Never {
        _ = clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0)
        var bytes: [UInt8]
        do { bytes = try [0] + prove().encoded() } catch { bytes = SetupMessage.failed(step: error.step, errno: error.errno).encoded() }
        _ = write(descriptor, &bytes, bytes.count)
        _exit(0)
    }

    private func prove() throws(JailError) -> JailedPayload {
        let builder = try JailBuilder(rung, features, ground)
        if rung.hasNamespaces {
            var networks = NetworkNamespaces(slots: 1)
            try networks.prepare(slot: 0)
        }
        let leaf = try ground.cgroups.tree?.makeLeaf("trial-\(rung.name)")
        defer { if let leaf { CgroupGround.removeSoon(leaf) } }
        try leaf?.apply(WorkerLimits())
        let frames = try pair(SOCK_STREAM), setup = try pair(SOCK_SEQPACKET)
        let base = builder.base.encoded()
        try require("send jail base", clinux_send_fds(setup.ours, base, base.count, nil, 0))
        let (pid, pidfd) = try builder.birth.start(leaf: leaf, setup: setup.theirs)
        close(setup.theirs)
        // A worker that hangs must not outlive its trial; one that has ended is not hurt.
        defer {
            _ = clinux_pidfd_send_signal(pidfd, SIGKILL)
            _ = Trial.wait(for: pid)
            close(pidfd)
        }
        try builder.assign(specification(builder), frames: frames.theirs, over: setup.ours)
        close(frames.theirs)
        let proof = try converse(frames.ours, setup.ours)
        guard Trial.isReadable(pidfd), Trial.wait(for: pid) == 0 else { throw JailError("the worker did not end as it should", errno: ECHILD) }
        return proof
    }

    /// An empty folder stands for the bundle: it is bound, sealed and compared like every other.
    private func specification(_ builder: JailBuilder) throws(JailError) -> JailSpec {
        let folder = open(ground.trialFolder, O_PATH | O_DIRECTORY | O_CLOEXEC)
        try require("open \(ground.trialFolder)", checked(folder))
        defer { close(folder) }
        let request = SpawnRequest(workerID: 0, limits: WorkerLimits(), bundlePath: ground.trialFolder, files: [], library: "")
        return try builder.specification(request, slot: 0, builder.inspect(bundle: folder))
    }

    private func pair(_ type: __socket_type) throws(JailError) -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        try require("trial socket", checked(socketpair(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)))
        return (ends[0], ends[1])
    }

    /// Takes the listener, if there is to be one, and hears the worker say that its jail stands.
    private func converse(_ frames: Int32, _ setup: Int32) throws(JailError) -> JailedPayload {
        guard Trial.isReadable(setup) else { throw JailError("the worker's setup", errno: ETIMEDOUT) }
        let hasListener = try message(setup)
        guard hasListener == features.contains(.notification) else { throw JailError("listener is missing", errno: EPROTO) }
        let answer = SetupMessage.acknowledgement
        try require("acknowledge listener", clinux_send_fds(setup, answer, answer.count, nil, 0))
        guard Trial.isReadable(frames) else { throw JailError("the worker's posture", errno: ETIMEDOUT) }
        var bytes = [UInt8](repeating: 0, count: SetupMessage.bytesMax)
        let count = try require("the worker's posture", checked(Int32(recv(frames, &bytes, bytes.count, 0))))
        // A worker whose self-test failed says so on the other socket.
        guard count > FrameHeader.size else {
            _ = try message(setup)
            throw JailError("the worker's posture", errno: EPROTO)
        }
        do { return try JailedPayload(decoding: Array(bytes[FrameHeader.size..<count])) } catch {
            throw JailError("the worker's posture", errno: EPROTO)
        }
    }

    /// Reads what the worker says of its setup.
    /// - Returns: whether a listener came with it.
    /// - Throws: `JailError`, the step that the worker says did not hold.
    private func message(_ setup: Int32) throws(JailError) -> Bool {
        var bytes = [UInt8](repeating: 0, count: SetupMessage.bytesMax)
        var listener: Int32 = -1
        var count: Int32 = 1
        let length = try require("the worker's setup", clinux_receive_fds(setup, &bytes, bytes.count, &listener, &count, 0))
        if length == 0 { throw JailError("the worker ended in its setup", errno: ECONNRESET) }
        let said: SetupMessage
        do { said = try SetupMessage(decoding: Array(bytes[..<length])) } catch { throw JailError("setup message", errno: EPROTO) }
        switch said {
        case .failed(let step, let errno): throw JailError(step, errno: errno)
        case .filtered: return count == 1
        }
    }
}
