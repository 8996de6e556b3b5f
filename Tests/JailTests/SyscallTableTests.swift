import CKit
import CSeccomp
import Glibc
import TestKit
import Testing

@testable import Jail

/// Names and numbers, by architecture.
enum SyscallNumber {
    /// The number of a name; nil if the architecture has no such call.
    static func of(_ name: String, on architecture: Architecture = .native) -> UInt32? {
        if let newer = SyscallExpectations.newer[name] { return newer }
        let number = seccomp_syscall_resolve_name_arch(architecture.auditValue, name)
        return number < 0 ? nil : UInt32(number)
    }

    /// The name of a number; nil if there is none.
    static func name(_ number: UInt32, on architecture: Architecture = .native) -> String? {
        if let newer = SyscallExpectations.newer.first(where: { $0.value == number }) { return newer.key }
        guard let text = seccomp_syscall_resolve_num_arch(architecture.auditValue, Int32(number)) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}

@Suite("every system call, by name")
struct SyscallTableTests {
    private static let lists: [(names: [String], answer: SyscallAction)] = [
        (SyscallExpectations.allowed, .allow), (SyscallExpectations.refused, .errno(EPERM)), (SyscallExpectations.tripwires, .tripwire),
        (SyscallExpectations.absent, .errno(ENOSYS)),
    ]

    @Test("the table names every call of the architecture once, and arm64 lacks only the old ones", arguments: Architecture.allCases)
    func complete(architecture: Architecture) {
        let names = Self.lists.flatMap(\.names) + SyscallExpectations.conditional
        #expect(Set(names).count == names.count)
        let missing = Set(names.filter { SyscallNumber.of($0, on: architecture) == nil })
        #expect(missing == (architecture == .arm64 ? SyscallExpectations.notOnArm64 : []))
        let known = (0..<UInt32(512)).compactMap { SyscallNumber.name($0, on: architecture) }
        #expect(Set(known).subtracting(names) == [], "in no list")
    }

    @Test("every number of the policy's is the one that libseccomp knows", arguments: Architecture.allCases)
    func numbers(architecture: Architecture) {
        #expect(Syscall.allCases.count > 300)
        for call in Syscall.allCases {
            let number = SyscallNumber.of(call.rawValue, on: architecture)
            #expect(call.number(on: architecture) == number, "\(call)")
            if let number { #expect(Syscall.name(Int32(number), on: architecture) == call.rawValue) }
        }
        #expect(Syscall.name(4711, on: architecture) == "syscall_4711")
    }

    @Test(
        "every call is answered as the table says, whatever its arguments, in the policy and in the compiled filter", arguments: Architecture.allCases
    )
    func unconditional(architecture: Architecture) {
        let policy = WorkerPolicy.stage1(on: .root, for: architecture)
        let machine = FilterMachine(program: policy.compiled())
        let arguments: [[UInt64]] = [Array(repeating: 0, count: 6), Array(repeating: .max, count: 6), [1, 2, 4, 0x22, 0x8000_0000, 1 << 40]]
        for (names, answer) in Self.lists {
            for name in names {
                guard let number = SyscallNumber.of(name, on: architecture) else { continue }  // `complete` says which
                for arguments in arguments {
                    #expect(policy.action(number: number, arguments: arguments) == answer, "\(name)")
                    let verdict = machine.run(architecture: architecture.auditValue, number: number, arguments: arguments)
                    #expect(verdict == answer.returnValue, "\(name)")
                }
            }
        }
        let named = Set(Self.lists.flatMap(\.names) + SyscallExpectations.conditional)
        for number in UInt32(0)..<4096 where SyscallNumber.name(number, on: architecture).map({ !named.contains($0) }) ?? true {
            #expect(policy.action(number: number, arguments: arguments[0]) == .errno(ENOSYS), "\(number)")
        }
    }

    /// Name, the arguments that matter by place, answer.
    private static let cases: [(String, [Int: UInt64], SyscallAction)] = {
        let refused = SyscallAction.errno(EPERM)
        let (write, execute) = (UInt64(PROT_WRITE), UInt64(PROT_EXEC))
        var cases: [(String, [Int: UInt64], SyscallAction)] = [
            ("mmap", [2: UInt64(PROT_READ) | write, 3: UInt64(MAP_PRIVATE | MAP_ANONYMOUS)], .allow),
            ("mmap", [2: UInt64(PROT_READ) | execute, 3: UInt64(MAP_PRIVATE)], .allow),
            ("mmap", [2: write | execute, 3: UInt64(MAP_PRIVATE)], refused),
            ("mmap", [2: execute, 3: UInt64(MAP_PRIVATE | MAP_ANONYMOUS)], refused), ("mmap", [2: execute, 3: UInt64(MAP_SHARED)], refused),
            ("mmap", [2: execute | 1 << 40, 3: UInt64(MAP_SHARED_VALIDATE)], refused),
            ("mprotect", [2: UInt64(PROT_READ) | write], .allow), ("mprotect", [2: execute], refused), ("mprotect", [2: execute | 1 << 32], refused),
            ("pkey_mprotect", [2: write], .allow), ("pkey_mprotect", [2: write | execute], refused),
            ("clone", [0: 0x3d0f00], .allow), ("clone", [0: 0x3d0f00 | 1 << 32], .allow), ("clone", [0: UInt64(SIGCHLD)], refused),
            ("clone", [0: 0x3d0f00 | UInt64(SIGCHLD)], refused), ("clone", [0: 0x4111], refused),
            ("prlimit64", [0: 0], .allow), ("prlimit64", [0: 1], refused), ("prlimit64", [0: UInt64(bitPattern: -1)], refused),
            ("prlimit64", [0: 1 << 32], .allow),
            ("seccomp", [0: 1, 1: 1], .allow), ("seccomp", [0: 1, 1: 0], refused), ("seccomp", [0: 1, 1: 8], refused), ("seccomp", [0: 0], refused),
            ("seccomp", [0: 2], refused), ("seccomp", [0: 3], refused),
        ]
        // CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: alone, and hidden among a thread's flags.
        for flag: UInt64 in [0x80, 0x20000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
            cases += [("clone", [0: flag], .tripwire), ("clone", [0: flag | 0x3d0f00], .tripwire), ("clone", [0: flag | UInt64(SIGCHLD)], .tripwire)]
        }
        // All that prctl(2) knows, and a few that it does not.
        let questions: Set<UInt64> = [2, 3, 15, 16, 21, 23, 39]
        for option: UInt64 in Array(0...80) + [0x5961_6d61, 0x5356_4d41, 0xffff_ffff] {
            cases.append(("prctl", [0: option], questions.contains(option) ? .allow : refused))
            cases.append(("prctl", [0: option | 1 << 32], questions.contains(option) ? .allow : refused))
        }
        let locks: Set<UInt64> = [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030]
        for command: UInt64 in Array(0...64) + Array(1024...1040) {
            cases.append(("fcntl", [1: command], locks.contains(command) ? .allow : refused))
        }
        for command: UInt64 in [0x541b, 0x5421, 0x5451, 0x5450, 0x5401] { cases.append(("ioctl", [1: command], .allow)) }
        // TIOCSTI, TIOCLINUX, TCSETS, FS_IOC_SETFLAGS, FICLONE, BLKDISCARD, TUNSETIFF, and one that differs in the upper half.
        for command: UInt64 in [0x5412, 0x541c, 0x5402, 0x4008_6602, 0x4004_9409, 0x1277, 0x4004_54ca, 0x541b | 1 << 31] {
            cases.append(("ioctl", [1: command], refused))
        }
        let traps: Set<UInt64> = [16, 17, 38, 40]
        for family: UInt64 in Array(0...64) + [0xffff_ffff] { cases.append(("socket", [0: family], traps.contains(family) ? .tripwire : refused)) }
        return cases
    }()

    @Test(
        "what arguments decide is decided as the table says, in the policy, in the compiled filter and by the kernel",
        arguments: Architecture.allCases)
    func conditional(architecture: Architecture) throws {
        let policy = WorkerPolicy.stage1(on: .root, for: architecture)
        let machine = FilterMachine(program: policy.compiled())
        var calls: [(number: UInt32, arguments: [UInt64])] = []
        for (name, places, answer) in Self.cases {
            let number = try #require(SyscallNumber.of(name, on: architecture))
            // The other arguments hold what would confuse a filter that looked at the wrong place.
            for filler: UInt64 in [0, .max, 0x3d0f00] {
                let arguments = (0..<6).map { places[$0] ?? filler }
                // A place that matters and is left out is not part of this case.
                if name == "seccomp", places[1] == nil, filler == 1 { continue }
                #expect(policy.action(number: number, arguments: arguments) == answer, "\(name) \(arguments)")
                let verdict = machine.run(architecture: architecture.auditValue, number: number, arguments: arguments)
                #expect(verdict == answer.returnValue, "\(name) \(arguments)")
                calls.append((number, arguments))
            }
        }
        #expect(Set(Self.cases.map(\.0)) == Set(SyscallExpectations.conditional))
        // The other architecture's kernel is asked by `make test-arm64`.
        guard architecture == .native else { return }
        let answers = try KernelAnswers.of(policy, calls)
        for (call, answer) in zip(calls, answers) {
            #expect(answer == policy.action(number: call.number, arguments: call.arguments), "\(call.number) \(call.arguments)")
        }
    }
}
