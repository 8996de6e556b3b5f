import CLinux
import Glibc
import WorkerProtocol

/// The jail, step by step (DESIGN 4): each must hold or the worker ends. Runs in the worker, single-threaded, before any of the
/// plugin's code.
package struct Jail {
    private let spec: JailSpec

    package init(_ spec: JailSpec) { self.spec = spec }

    private static let hostName = "limen"

    /// What holds, as the worker tells the host before it loads the plugin.
    package struct Posture: Sendable, Equatable {
        package var rung: Rung
        package var landlockABI: Int
        /// Whether the kernel also denies write-and-execute memory by itself (PR_SET_MDWE, Linux 6.3).
        package var memoryDenyWriteExecute: Bool
    }

    /// What of step 4 needs to know nothing of the plugin: done before the specification comes. `keep` descriptors, counted from 0, stay open.
    /// - Throws: `JailError`.
    package static func prepare(_ base: JailBase, keepingDescriptorsBelow keep: UInt32) throws(JailError) {
        // Said again after the change of user, which clears it.
        try require("parent-death signal", clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0))
        try require("close descriptors", clinux_close_range(keep, UInt32.max))
        try require("setsid", checked(setsid()))
        umask(0o077)
        try require("enter root", checked(chdir("/")))
        guard let imagePath = base.imagePath else { return }
        // The host's own name is nobody's business in here.
        try require("host name", checked(sethostname(hostName, hostName.utf8.count)))
        try JailMounts.enterRoot(imagePath)
    }

    /// Steps 4 to 8 of DESIGN 4, after `prepare`: everything up to the filter.
    /// - Parameters:
    ///   - bundle: the bundle as a detached mount, closed here; nil on the rungs without a root of their own.
    ///   - authorities: the certificates of authorities as a detached mount, closed here; nil for a worker without sockets.
    /// - Throws: `JailError`.
    package func enter(bundle: Int32?, authorities: Int32? = nil) throws(JailError) -> Posture {
        if let bundle {
            defer { close(bundle) }
            try JailMounts.add(spec, bundle: bundle)
        }
        if let authorities {
            defer { close(authorities) }
            try JailMounts.add(authorities: authorities)
        }
        try JailMounts.inspect(spec)
        try ResourceLimits.apply(spec)
        try Credentials.drop(spec)
        try require("dumpable", clinux_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        try require("no new privileges", clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        // After the change of user, which clears it.
        try require("parent-death signal", clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0))
        let abi =
            spec.features.contains(.landlock) ? try Landlock.enter(Landlock.rules(spec), connectingTo: spec.hasSocket ? ProxyDoor.port : nil) : 0
        let denies = clinux_prctl(PR.setMemoryDenyWriteExecute, 1, 0, 0, 0) == 0
        return Posture(rung: spec.rung, landlockABI: abi, memoryDenyWriteExecute: denies)
    }

    /// Step 9: installs stage 1.
    /// - Returns: the descriptor on which tripwires are reported, if they are; the caller hands it to the spawner and closes it.
    /// - Throws: `JailError`.
    package func filter() throws(JailError) -> Int32? {
        if !spec.rung.hasNamespaces {
            // Without a pid namespace the others are there to be named. First, because stage 1 takes no further filters.
            let own = WorkerPolicy.ownProcess(getpid()).compiled().encoded()
            try require("seccomp own process", BPFProgram.install(own, flags: 0))
        }
        guard spec.features.contains(.notification) else {
            try require("seccomp stage 1", BPFProgram.install(spec.stage1, flags: 0))
            return nil
        }
        return Int32(try require("seccomp stage 1", BPFProgram.install(spec.stage1, flags: Filter.newListener)))
    }

    /// Step 9, the proof: what must fail does fail.
    /// - Throws: `JailError` naming what did not.
    package func selfTest() throws(JailError) {
        if spec.rung != .seccomp {
            guard open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0, errno == ENOENT || errno == EACCES else {
                throw JailError("self-test: /etc/passwd opened")
            }
        }
        guard mkdir(spec.bundleInside + "/limen-self-test", 0o700) != 0 else { throw JailError("self-test: the bundle is writable") }
        try testSockets()
        guard clinux_try_fork() == -Int(EPERM) else { throw JailError("self-test: a process was made") }
        if !spec.rung.hasNamespaces {
            guard clinux_try_signal(getppid()) == -Int(EPERM) else { throw JailError("self-test: another process was reached") }
        }
        let page = mmap(nil, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard page == MAP_FAILED else { throw JailError("self-test: writable code was mapped") }
    }

    /// Without the grant no socket at all; with it a TCP socket that reaches nothing but the proxy.
    private func testSockets() throws(JailError) {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard spec.hasSocket else {
            guard made < 0, errno == EPERM else { throw JailError("self-test: a socket was made") }
            return
        }
        try require("self-test: make a socket", checked(made))
        defer { close(made) }
        // Not the proxy's own port: its host would see a client that says nothing.
        let result = clinux_try_connect(made, ProxyDoor.port + 1)
        guard result == -Int(EACCES) || result == -Int(ECONNREFUSED) else { throw JailError("self-test: reach another port", errno: Int32(-result)) }
        guard clinux_try_bind(made, ProxyDoor.port + 1) == -Int(EPERM) else { throw JailError("self-test: a socket was bound") }
        guard socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) < 0, errno == EPERM else { throw JailError("self-test: a datagram socket was made") }
    }

    /// Step 11: installs stage 2 on all threads.
    /// - Throws: `JailError`.
    package func tighten() throws(JailError) {
        try require("seccomp stage 2", BPFProgram.install(spec.stage2, flags: Filter.threadSync))
    }

    private enum Filter {
        static let threadSync: UInt32 = 1
        static let newListener: UInt32 = 8
    }

    private enum PR {
        static let setMemoryDenyWriteExecute: Int32 = 65
    }
}
