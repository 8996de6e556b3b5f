import CSeccomp
import Glibc

/// Names of system calls, from libseccomp's table of the native architecture.
enum SyscallNames {
    /// Tripwires that Debian 12's libseccomp does not know; these numbers are the same on every architecture.
    private static let newer: [Int32: String] = [467: "open_tree_attr"]

    /// e.g. `ptrace`; `syscall_N` for a number without a name.
    static func name(_ number: Int32) -> String {
        guard let name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) else { return newer[number] ?? "syscall_\(number)" }
        defer { free(name) }
        return String(cString: name)
    }
}
