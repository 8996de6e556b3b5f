import CSeccomp
import Glibc
import TestKit
import Testing

@testable import Jail

/// Runs a compiled filter the way the kernel does, for the instructions that ours uses.
struct FilterMachine {
    let program: BPFProgram

    func run(architecture: UInt32 = Architecture.native.auditValue, number: UInt32, arguments: [UInt64]) -> UInt32? {
        var accumulator: UInt32 = 0
        var position = 0
        for _ in 0..<10_000 {
            guard position < program.count else { return nil }
            let instruction = program.instructions[position]
            position += 1
            switch instruction.code {
            case 0x20: accumulator = load(instruction.operand, architecture, number, arguments)
            case 0x05: position += Int(instruction.operand)
            case 0x15: position += Int(accumulator == instruction.operand ? instruction.jumpTrue : instruction.jumpFalse)
            case 0x35: position += Int(accumulator >= instruction.operand ? instruction.jumpTrue : instruction.jumpFalse)
            case 0x54: accumulator &= instruction.operand
            case 0x06: return instruction.operand
            default: return nil
            }
        }
        return nil
    }

    private func load(_ offset: UInt32, _ architecture: UInt32, _ number: UInt32, _ arguments: [UInt64]) -> UInt32 {
        switch offset {
        case 0: number
        case 4: architecture
        default: UInt32(truncatingIfNeeded: arguments[Int(offset - 16) / 8] >> (UInt64(offset - 16) % 8 * 8))
        }
    }
}

@Suite("seccomp policy and filter")
struct SeccompTests {
    private func interesting(_ policy: SeccompPolicy) -> [UInt64] {
        var values: Set<UInt64> = [0, 1, 2, 4, 7, 0x20, 0x22, UInt64.max, 0x1_0000_0000, 0xffff_ffff]
        for rule in policy.rules.values {
            for test in rule.clauses.flatMap(\.tests) {
                switch test {
                case .equals(_, let value): values.formUnion([UInt64(value), UInt64(value) | 0xdead_0000_0000, UInt64(value) &+ 1])
                case .hasAny(_, let mask), .hasNone(_, let mask): values.formUnion([UInt64(mask), UInt64(mask) << 32, UInt64(~mask)])
                }
            }
        }
        return values.sorted()
    }

    /// Every filter that a worker may get, on every architecture.
    static let policies: [(name: String, policy: SeccompPolicy)] = Architecture.allCases.flatMap { architecture in
        [("stage 2", WorkerPolicy.stage2(for: architecture)), ("own process", WorkerPolicy.ownProcess(4711, for: architecture))]
            + Rung.allCases.map { ("stage 1 on \($0.name)", WorkerPolicy.stage1(on: $0, for: architecture)) }
            + [Rung.root, .userNamespace].map {
                ("stage 1 with a socket on \($0.name)", WorkerPolicy.stage1(on: $0, hasSocket: true, for: architecture))
            } + [("stage 1 without a listener", WorkerPolicy.stage1(on: .landlock, reportsTripwires: false, for: architecture))]
    }

    @Test("the compiled filter answers as the policy says, for every number and for chosen and random arguments", arguments: policies.indices)
    func differential(index: Int) {
        let policy = Self.policies[index].policy
        let machine = FilterMachine(program: policy.compiled())
        let values = interesting(policy)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        for number in UInt32(0)..<700 {
            for value in values {
                for position in 0..<4 {
                    var arguments = (0..<6).map { _ in values.randomElement(using: &random) ?? 0 }
                    arguments[position] = value
                    let expected = policy.action(number: number, arguments: arguments).returnValue
                    let got = machine.run(architecture: policy.architecture.auditValue, number: number, arguments: arguments)
                    if got != expected {
                        Issue.record("call \(number) \(arguments): \(String(describing: got)), policy says \(expected), seed \(seed)")
                    }
                }
            }
        }
    }

    @Test("a foreign architecture and x32 numbers are killed whatever they ask for", arguments: Architecture.allCases)
    func foreign(architecture: Architecture) {
        let machine = FilterMachine(program: WorkerPolicy.stage1(on: .root, for: architecture).compiled())
        let nothing = [UInt64](repeating: 0, count: 6)
        // i386, arm, big-endian arm64, and the other of ours.
        let others = [0x4000_0003, 0x4000_0028, 0x8000_00b7] + Architecture.allCases.filter { $0 != architecture }.map(\.auditValue)
        for number in UInt32(0)..<700 {
            for other in others { #expect(machine.run(architecture: other, number: number, arguments: nothing) == SyscallAction.kill.returnValue) }
            let twin = machine.run(architecture: architecture.auditValue, number: number | 0x4000_0000, arguments: nothing)
            #expect(twin == (architecture == .x86_64 ? SyscallAction.kill : .errno(ENOSYS)).returnValue)
        }
    }

    @Test("the filter fits the kernel's limit and every jump lands inside")
    func shape() {
        for program in Self.policies.map({ $0.policy.compiled() }) {
            #expect(program.count < 4096)
            for (index, instruction) in program.instructions.enumerated() where instruction.code & 7 == 5 {
                #expect(index + 1 + Int(max(instruction.jumpTrue, instruction.jumpFalse)) < program.count)
            }
        }
    }

    @Test("no call is in two lists")
    func tables() {
        let lists = [SyscallTable.allowed, SyscallTable.refused, SyscallTable.tripwires]
        #expect(Set(lists.flatMap { $0 }).count == lists.reduce(0) { $0 + $1.count })
    }

    @Test(
        "what would reach past the jail is a tripwire, what a stranger may not do is refused, what libraries probe for is absent",
        arguments: [
            ("ptrace", SyscallAction.tripwire), ("bpf", .tripwire), ("io_uring_setup", .tripwire), ("mount", .tripwire), ("setns", .tripwire),
            ("keyctl", .tripwire), ("userfaultfd", .tripwire), ("perf_event_open", .tripwire), ("execve", .errno(EPERM)), ("fork", .errno(EPERM)),
            ("connect", .errno(EPERM)), ("memfd_create", .errno(EPERM)), ("chroot", .errno(EPERM)), ("clone3", .errno(ENOSYS)),
            ("futex_waitv", .errno(ENOSYS)), ("read", .allow), ("openat", .allow), ("futex", .allow),
        ])
    func actions(name: String, expected: SyscallAction) {
        let number = UInt32(bitPattern: seccomp_syscall_resolve_name(name))
        #expect(WorkerPolicy.stage1(on: .root).action(number: number, arguments: Array(repeating: 0, count: 6)) == expected)
    }

    @Test("no mapping is executable and writable, anonymous or shared, and none becomes executable later")
    func writeXorExecute() {
        let policy = WorkerPolicy.stage1(on: .root)
        func mmap(_ protection: Int32, _ flags: Int32) -> SyscallAction {
            policy.action(number: Syscall.mmap.number() ?? 0, arguments: [0, 4096, UInt64(protection), UInt64(flags), 0, 0])
        }
        #expect(mmap(PROT_READ | PROT_EXEC, MAP_PRIVATE) == .allow)
        #expect(mmap(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS) == .allow)
        #expect(mmap(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE) == .errno(EPERM))
        #expect(mmap(PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS) == .errno(EPERM))
        #expect(mmap(PROT_READ | PROT_EXEC, MAP_SHARED) == .errno(EPERM))
        #expect(policy.action(number: Syscall.mprotect.number() ?? 0, arguments: [0, 4096, UInt64(PROT_READ | PROT_EXEC), 0, 0, 0]) == .errno(EPERM))
        #expect(
            WorkerPolicy.stage2().action(
                number: Syscall.mmap.number() ?? 0, arguments: [0, 4096, UInt64(PROT_READ | PROT_EXEC), UInt64(MAP_PRIVATE), 0, 0]) == .errno(EPERM))
    }
}
