import CLinux
import Glibc
import Jail

/// A worker process that runs in namespaces and a cgroup of its own and waits to be told which plugin it is for.
struct PreparedWorker {
    let slot: Int
    let pid: Int32
    let pidfd: Int32
    let leaf: CgroupLeaf?
    let memoryPeak: Int32?
    /// The spawner's end of the setup socket.
    let setup: Int32

    func closeDescriptors() {
        for descriptor in [pidfd, setup] { close(descriptor) }
        if let memoryPeak { close(memoryPeak) }
    }
}

/// Makes the worker processes of one rung, a few ahead of time: cloning and executing one costs more than the rest of the jail, and nothing of it depends on the plugin.
///
/// Every process serves one worker and none is forked from another: a prepared one has executed the worker program and holds no state but a socket.
struct Nursery {
    let builder: JailBuilder
    private let cgroups: CgroupTree?
    private let target: Int
    /// What every process is told at its birth.
    private let base: [UInt8]
    private var networks: NetworkNamespaces
    private var freeSlots: [Int]
    private var leavesMade = 0
    private var waiting: [PreparedWorker] = []
    /// Killed at the end, not reaped yet.
    private var ending: Set<Int32> = []
    private var isResting = false
    private let slots: Int

    /// - Parameters:
    ///   - slots: most workers at once.
    ///   - target: how many are kept waiting.
    init(builder: JailBuilder, cgroups: CgroupTree?, slots: Int, target: Int) {
        self.builder = builder
        base = builder.base.encoded()
        self.cgroups = cgroups
        self.slots = slots
        self.target = min(target, slots)
        networks = NetworkNamespaces(slots: slots)
        freeSlots = Array((0..<slots).reversed())
    }

    /// Whether there are fewer than there should be.
    var wantsMore: Bool { waiting.count < target && !freeSlots.isEmpty && !isResting }

    /// Whether no process of the nursery's own is left.
    var isEmpty: Bool { waiting.isEmpty && ending.isEmpty }

    /// Makes one more, if one is wanted.
    /// - Throws: `JailError`.
    mutating func prepare() throws(JailError) {
        if wantsMore { waiting.append(try make()) }
    }

    /// After a failure: nothing is made ahead until a request has succeeded.
    mutating func rest() { isResting = true }

    /// A process for a worker: one that waits, or a new one.
    /// - Throws: `JailError`.
    mutating func take() throws(JailError) -> PreparedWorker {
        if !waiting.isEmpty { return waiting.removeFirst() }
        let made = try make()
        isResting = false
        return made
    }

    /// The slot's worker is gone.
    mutating func free(slot: Int) {
        networks.leave(slot: slot)
        freeSlots.append(slot)
    }

    /// Makes the proxy's listener in the network namespace of a slot whose process was taken.
    /// - Throws: `JailError`.
    mutating func listen(slot: Int) throws(JailError) -> Int32 { try networks.listen(slot: slot) }

    /// Notes the end of a process that was never used; false if it is not one of these, or was meant to end.
    mutating func reap(_ pid: Int32) -> Bool {
        if ending.remove(pid) != nil { return false }
        guard let index = waiting.firstIndex(where: { $0.pid == pid }) else { return false }
        let ended = waiting.remove(at: index)
        ended.closeDescriptors()
        free(slot: ended.slot)
        if let leaf = ended.leaf { CgroupGround.removeSoon(leaf) }
        // Whatever ends idle processes would end the next one as well.
        rest()
        return true
    }

    /// Ends what waits. The janitor removes the leaves.
    mutating func close() {
        for prepared in waiting {
            _ = clinux_pidfd_send_signal(prepared.pidfd, SIGKILL)
            prepared.closeDescriptors()
            ending.insert(prepared.pid)
        }
        waiting = []
        isResting = true
    }

    private mutating func make() throws(JailError) -> PreparedWorker {
        guard let slot = freeSlots.popLast() else { throw JailError("all \(slots) worker slots are taken", errno: EAGAIN) }
        do throws(JailError) {
            leavesMade += 1
            let leaf = try cgroups?.makeLeaf("w\(leavesMade)")
            do throws(JailError) {
                return try start(slot, leaf)
            } catch {
                if let leaf { CgroupGround.removeSoon(leaf) }
                throw error
            }
        } catch {
            freeSlots.append(slot)
            throw error
        }
    }

    private mutating func start(_ slot: Int, _ leaf: CgroupLeaf?) throws(JailError) -> PreparedWorker {
        var pair: [Int32] = [-1, -1]
        try require("setup socket", checked(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)))
        defer { Glibc.close(pair[1]) }
        do throws(JailError) {
            if builder.rung.hasNamespaces { try networks.enter(slot: slot) }
            // Before the clone, so that the worker never waits for it.
            try require("send jail base", clinux_send_fds(pair[0], base, base.count, nil, 0))
            let (pid, pidfd) = try builder.birth.start(leaf: leaf, setup: pair[1])
            return PreparedWorker(slot: slot, pid: pid, pidfd: pidfd, leaf: leaf, memoryPeak: leaf?.openMemoryPeak(), setup: pair[0])
        } catch {
            Glibc.close(pair[0])
            throw error
        }
    }
}
