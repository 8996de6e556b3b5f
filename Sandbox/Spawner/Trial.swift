import CLinux
import Glibc
import Jail

/// Things that are tried in a child of their own, so that nothing of them stays with this process.
enum Trial {
    /// Runs `body` in a child.
    /// - Returns: 0, or the errno of what the child could not do.
    static func errno(of body: () -> Int) -> Int32 {
        var pidfd: Int32 = -1
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 { _exit(Int32(min(max(-body(), 0), 255))) }
        guard child > 0 else { return Int32(-child) }
        close(pidfd)
        return wait(for: Int32(child)) ?? ECANCELED
    }

    /// Waits for a child of this process.
    /// - Returns: its exit status, nil when a signal ended it.
    static func wait(for child: Int32) -> Int32? {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            if Glibc.errno != EINTR { return nil }
        }
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : nil
    }

    /// Whether the descriptor becomes readable, or is closed, in time.
    static func isReadable(_ descriptor: Int32) -> Bool {
        var set = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&set, 1, SpawnerLimits.trialMillisecondsMax) > 0
    }
}

/// What this kernel gives to any process, found by doing it.
struct KernelFeatures {
    /// Landlock's errno; 0 when a ruleset was enforced.
    let landlock: Int32
    let landlockABI: Int
    /// seccomp's errno; 0 when a filter was installed.
    let seccomp: Int32
    /// The errno of a filter with a listener.
    let notification: Int32

    static func find() -> KernelFeatures {
        KernelFeatures(
            landlock: Trial.errno { locked { Landlock.trial() } }, landlockABI: Landlock.abi,
            seccomp: Trial.errno { locked { filter(flags: 0) } }, notification: Trial.errno { locked { filter(flags: 8) } })
    }

    private static func locked(_ body: () -> Int) -> Int {
        let done = clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return done < 0 ? done : body()
    }

    private static func filter(flags: UInt32) -> Int {
        BPFProgram.install(SeccompPolicy(rules: [:], otherwise: .allow).compiled().encoded(), flags: flags)
    }

    /// Beside those of a rung, what its workers are to hold.
    func jail(_ rung: Rung, hasCgroup: Bool) -> JailFeatures {
        var features: JailFeatures = []
        if landlock == 0, rung != .seccomp { features.insert(.landlock) }
        if notification == 0 { features.insert(.notification) }
        if hasCgroup { features.insert(.cgroup) }
        return features
    }
}

extension Landlock {
    /// Restricts the caller to nothing at all.
    /// - Returns: 0, or a negated errno.
    static func trial() -> Int {
        do { return try enter([]) > 0 ? 0 : -Int(ENOSYS) } catch { return -Int(error.errno) }
    }
}
