import CLinux
import CSeccomp
import Glibc
import Testing

@testable import Jail

@Suite("seccomp by rung")
struct RungPolicyTests {
    private func action(_ name: String, on rung: Rung, _ arguments: [UInt64] = []) -> SyscallAction {
        WorkerPolicy.stage1(on: rung).action(number: Self.number(name), arguments: arguments + Array(repeating: 0, count: 6 - arguments.count))
    }

    private static func number(_ name: String) -> UInt32 { UInt32(bitPattern: seccomp_syscall_resolve_name(name)) }

    @Test(
        "in the host's own file system nothing changes a file, whatever its owner may do",
        arguments: [
            "chmod", "fchmod", "fchmodat", "utimensat", "utime", "utimes", "futimesat", "truncate", "ftruncate", "rename", "renameat", "renameat2",
            "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "creat", "fallocate", "flock", "chown",
            "fchown", "fchownat", "setxattr", "fsetxattr", "mknod", "syncfs",
        ])
    func changes(name: String) {
        for rung in [Rung.landlock, .seccomp] { #expect(action(name, on: rung) == .errno(EPERM)) }
    }

    @Test("without a mount namespace no thread is made, and a new namespace is a tripwire still")
    func threads() {
        let thread: UInt64 = 0x003d_0f00
        for rung in Rung.allCases {
            #expect(action("clone", on: rung, [thread]) == (rung.hasNamespaces ? .allow : .errno(EAGAIN)))
            #expect(action("clone", on: rung, [UInt64(CLONE_NEWUSER)]) == .tripwire)
            #expect(action("clone", on: rung, [UInt64(SIGCHLD)]) == .errno(EPERM))
        }
    }

    @Test("on seccomp alone every file is opened for reading or not at all")
    func readOnly() {
        for flags in [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND] {
            #expect(action("openat", on: .seccomp, [0, 0, UInt64(flags)]) == .errno(EPERM))
            #expect(action("open", on: .seccomp, [0, UInt64(flags)]) == .errno(EPERM))
        }
        #expect(action("openat", on: .seccomp, [0, 0, UInt64(O_RDONLY | O_CLOEXEC)]) == .allow)
        #expect(action("openat", on: .landlock, [0, 0, UInt64(O_RDWR)]) == .allow, "Landlock decides, file by file")
    }

    @Test("without a pid namespace a worker names no process but itself", arguments: ["tgkill", "tkill", "sched_getaffinity", "getpgid", "getsid"])
    func ownProcess(name: String) {
        let policy = WorkerPolicy.ownProcess(4711)
        func action(_ pid: UInt64) -> SyscallAction { policy.action(number: Self.number(name), arguments: [pid, 0, 0, 0, 0, 0]) }
        #expect(action(4711) == .allow)
        for other: UInt64 in [1, 4710, 4712, UInt64(UInt32.max)] { #expect(action(other) == .errno(EPERM)) }
    }

    @Test("where nobody listens, every tripwire kills")
    func tripwires() {
        let loud = WorkerPolicy.stage1(on: .root), silent = WorkerPolicy.stage1(on: .root, reportsTripwires: false)
        for number in UInt32(0)..<700 {
            for first: UInt64 in [0, UInt64(CLONE_NEWUSER), UInt64(AF_NETLINK)] {
                let arguments = [first, 0, 0, 0, 0, 0]
                let wanted = loud.action(number: number, arguments: arguments)
                #expect(silent.action(number: number, arguments: arguments) == (wanted == .tripwire ? .kill : wanted))
            }
        }
    }

    @Test("a rung is known by the name under which it is configured, and the ladder has an order")
    func names() {
        for rung in Rung.allCases { #expect(Rung(name: rung.name) == rung) }
        #expect(Rung(name: "none") == nil)
        #expect(Rung.root.isAtLeast(.userNamespace) && Rung.landlock.isAtLeast(.landlock) && !Rung.seccomp.isAtLeast(.landlock))
    }
}
