import CSeccomp
import Glibc
import TestKit
import Testing

@testable import Jail

/// What can be held of arm64 on another machine: the policy with arm64's numbers, compiled and evaluated as the kernel would; the C sources
/// compiled for it against Debian's arm64 headers. Nothing of it has run on arm64.
@Suite("arm64, from afar")
struct ArmTests {
    private static let arm64: UInt32 = 0xc000_00b7
    private static let x86: UInt32 = 0xc000_003e

    /// A policy of this machine with the numbers that the calls of the same names have on arm64.
    private static func translated(_ policy: SeccompPolicy) -> (policy: SeccompPolicy, missing: Set<String>) {
        var rules: [UInt32: SyscallRule] = [:]
        var missing: Set<String> = []
        for (number, rule) in policy.rules {
            guard let name = SyscallNumber.name(number) else { continue }
            if let there = SyscallNumber.of(name, on: arm64) { rules[there] = rule } else { missing.insert(name) }
        }
        return (SeccompPolicy(rules: rules, otherwise: policy.otherwise), missing)
    }

    @Test(
        "the filter for arm64 answers as the policy says, kills every other architecture, and loses no call but x86-64's old ones", arguments: [0, 1])
    func filter(stage: Int) {
        let (policy, missing) = Self.translated(stage == 0 ? WorkerPolicy.stage1(on: .root) : WorkerPolicy.stage2)
        let machine = FilterMachine(program: policy.compiled(for: Self.arm64))
        var random = SeededRandom()
        for _ in 0..<50_000 {
            let (number, arguments) = RandomPolicy.call(policy, &random)
            let wanted = policy.action(number: number, arguments: arguments).returnValue
            #expect(machine.run(architecture: Self.arm64, number: number, arguments: arguments) == wanted, "LIMEN_SEED=\(random.seed)")
        }
        for other in [Self.x86, 0x4000_0028, 0x4000_0003, 0x8000_0028] as [UInt32] {
            #expect(machine.run(architecture: other, number: 0, arguments: Array(repeating: 0, count: 6)) == SyscallAction.kill.returnValue)
        }
        if stage == 0 {
            for (names, answer) in [(SyscallExpectations.tripwires, SyscallAction.tripwire), (SyscallExpectations.refused, .errno(EPERM))] {
                for name in names where !missing.contains(name) {
                    let number = SyscallNumber.of(name, on: Self.arm64) ?? 0
                    #expect(policy.action(number: number, arguments: Array(repeating: 0, count: 6)) == answer, "\(name)")
                }
            }
        }
        // arm64 has only the `*at` forms; nothing else may be lost.
        let old: Set<String> = Set(
            """
            access alarm arch_prctl chmod chown creat dup2 epoll_create epoll_wait eventfd fork futimesat getpgrp inotify_init ioperm iopl lchown link
            lstat mkdir mknod modify_ldt open pause pipe poll readlink rename rmdir select signalfd stat symlink sysfs time unlink uselib ustat utime
            utimes vfork
            """.split(whereSeparator: \.isWhitespace).map(String.init))
        #expect(missing.subtracting(old) == [])
    }

    @Test("a thread's clone has its flags first on arm64 as well, so the same rule finds them")
    func cloneFlags() throws {
        let (policy, _) = Self.translated(WorkerPolicy.stage1(on: .root))
        let clone = try #require(SyscallNumber.of("clone", on: Self.arm64))
        // clone(flags, stack, parent_tid, tls, child_tid): arm64 swaps the last two against x86-64 (CONFIG_CLONE_BACKWARDS), never the first.
        #expect(policy.action(number: clone, arguments: [0x3d0f00, 1, 2, 3, 4, 5]) == .allow)
        #expect(policy.action(number: clone, arguments: [0x1000_0000, 0, 0, 0, 0, 0]) == .tripwire)
        #expect(policy.action(number: clone, arguments: [0x11, 0, 0, 0, 0, 0]) == .errno(EPERM))
    }

    /// The package's root.
    private static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    private static func text(_ path: String) throws -> String {
        let file = try #require(fopen("\(root)/\(path)", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// Runs clang for arm64; what it says goes to this process's standard error.
    private static func compile(_ words: String) -> Int32 {
        system("clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -std=gnu17 -Wall -Werror -c -o /dev/null \(words)")
    }

    @Test(
        "the sandbox's C, its assembly included, compiles for arm64 against Debian's headers",
        arguments: ["clinux.c", "clinux_birth.c", "clinux_io.c"])
    func sources(name: String) {
        #expect(Self.compile("-I\(Self.root)/Sandbox/CLinux/include \(Self.root)/Sandbox/CLinux/\(name)") == 0)
    }

    @Test("every system call that the Swift sources name has a number in Debian's arm64 headers, the one that libseccomp knows")
    func numbers() throws {
        var names: Set<String> = []
        for path in ["Sandbox/Jail/SyscallTable.swift", "Sandbox/Jail/WorkerPolicy.swift"] {
            var isNative = true
            for line in try Self.text(path).split(separator: "\n") {
                if line.contains("#if arch(x86_64)") { isNative = false }
                if line.contains("#else") || line.contains("#endif") { isNative = true }
                guard isNative else { continue }
                for word in line.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) where word.hasPrefix("__NR_") {
                    names.insert(String(word.dropFirst(5)))
                }
            }
        }
        #expect(names.count > 200)
        let asserts = names.sorted().map { name in
            "_Static_assert(__NR_\(name) == \(SyscallNumber.of(name, on: Self.arm64).map(Int.init) ?? -1), \"\(name)\");"
        }
        let path = "/tmp/limen-arm64-\(getpid()).c"
        let file = try #require(fopen(path, "w"))
        fputs("#include <sys/syscall.h>\n" + asserts.joined(separator: "\n") + "\n", file)
        fclose(file)
        defer { unlink(path) }
        #expect(Self.compile(path) == 0)
    }
}
