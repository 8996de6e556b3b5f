import CLinux
import Glibc
import Jail

/// The process that the operator started. It makes the cgroups, lets a child of its own do the work, passes signals on, and removes the
/// cgroups when everyone is gone, however they went.
struct Janitor {
    private let options: SpawnerOptions

    init(_ options: SpawnerOptions) { self.options = options }

    /// Runs the service.
    /// - Returns: the host's exit status; 1 if the service could not be started or its spawner died.
    func run() -> Int32 {
        do {
            try require("subreaper", clinux_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
            let signals = Int32(try require("signals", clinux_supervision_signals()))
            let cgroups = CgroupGround.prepare()
            let status = supervise(cgroups, signals)
            for error in cgroups.remove() { report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n") }
            return status
        } catch {
            report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n")
            return 1
        }
    }

    private func supervise(_ cgroups: CgroupGround, _ signals: Int32) -> Int32 {
        var pidfd: Int32 = -1
        let parent = getpid()
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 {
            close(signals)
            _ = clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0)
            if getppid() != parent { _exit(1) }
            _exit(Spawner.main(options, cgroups))
        }
        options.sockets.closeAll()
        guard child > 0 else {
            report("limen-spawner: start: \(describe(errno: Int32(-child)))\n")
            return 1
        }
        return wait(for: Int32(child), signals)
    }

    /// Passes signals to the spawner and reaps until no descendant is left: workers die with the spawner, the host when its channel closes.
    private func wait(for spawner: Int32, _ signals: Int32) -> Int32 {
        var result: Int32 = 1
        while true {
            var status: Int32 = 0
            let reaped = clinux_wait_any(&status, nil)
            if reaped == -Int(ECHILD) { return result }
            if reaped == Int(spawner) { result = clinux_exited(status) != 0 ? clinux_exit_status(status) : 1 }
            if reaped > 0 { continue }
            var set = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
            guard poll(&set, 1, 1000) > 0 else { continue }
            for number in Signals.read(signals) where number != SIGCHLD { kill(spawner, number) }
        }
    }
}

/// Signals as a descriptor reports them.
enum Signals {
    /// The numbers that are pending on a signalfd.
    static func read(_ descriptor: Int32) -> [Int32] {
        var numbers: [Int32] = []
        var information = signalfd_siginfo()
        while Glibc.read(descriptor, &information, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            numbers.append(Int32(information.ssi_signo))
        }
        return numbers
    }
}
