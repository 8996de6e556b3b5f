import Glibc
import Testing
import WorkerProtocol

@testable import Jail

@Suite("seccomp with a socket grant")
struct SocketPolicyTests {
    /// The calls that the grant changes; every other is answered as without it.
    private static let changed: Set<String> = [
        "socket", "connect", "getsockname", "getpeername", "shutdown", "sendto", "recvfrom", "setsockopt", "getsockopt", "dup", "dup2", "dup3",
        "fcntl",
    ]

    private static let refused = SyscallAction.errno(EPERM)
    private static let stream: UInt64 = 1
    private static let tcp = UInt64(IPPROTO_TCP)
    private static let address: UInt64 = 0x7fff_1234_5678

    @Test("the grant changes the calls of a TCP client and no other", arguments: Architecture.allCases, [Rung.root, .userNamespace])
    func others(architecture: Architecture, rung: Rung) {
        let without = WorkerPolicy.stage1(on: rung, for: architecture)
        let with = WorkerPolicy.stage1(on: rung, hasSocket: true, for: architecture)
        let numbers = Set(Self.changed.compactMap { SyscallNumber.of($0, on: architecture) })
        for number in UInt32(0)..<1024 where !numbers.contains(number) { #expect(with.rules[number] == without.rules[number], "\(number)") }
        for number in numbers { #expect(with.rules[number] != without.rules[number], "\(number)") }
    }

    @Test("where a worker has no network of its own the grant changes nothing", arguments: [Rung.landlock, .seccomp])
    func withoutNamespaces(rung: Rung) {
        #expect(WorkerPolicy.stage1(on: rung, hasSocket: true) == WorkerPolicy.stage1(on: rung))
    }

    /// Name, arguments, answer.
    private static let cases: [(String, [UInt64], SyscallAction)] = {
        var cases: [(String, [UInt64], SyscallAction)] = []
        for flags: UInt64 in [0, 0x800, 0x80000, 0x80800] {
            for kind: UInt64 in 0...15 {
                for number: UInt64 in [0, 6, 1, 17, 132, 255, 262] {
                    let isAllowed = kind == stream && (number == 0 || number == 6)
                    cases.append(("socket", [2, kind | flags, number], isAllowed ? .allow : refused))
                }
            }
        }
        let traps: Set<UInt64> = [16, 17, 38, 40]
        for family: UInt64 in 0...64 where family != 2 {
            cases.append(("socket", [family, stream, 0], traps.contains(family) ? .tripwire : refused))
        }
        for flag: UInt64 in [0x10, 0x100, 0x1000, 0x10_0000, 0x8000_0000] { cases.append(("socket", [2, stream | flag, 0], refused)) }
        for (call, rest) in [
            ("connect", [address, 16]), ("getsockname", [address, address]), ("getpeername", [address, address]), ("shutdown", [1]),
        ] {
            for descriptor: UInt64 in [0, 2, 4, 63] { cases.append((call, [descriptor] + rest, .allow)) }
            for descriptor: UInt64 in [3, 3 | 1 << 32] { cases.append((call, [descriptor] + rest, refused)) }
        }
        for call in ["dup", "dup2", "dup3"] { cases += [(call, [3, 50, 0], refused), (call, [4, 50, 0], .allow)] }
        for command: UInt64 in [0, 1030] { cases += [("fcntl", [3, command], refused), ("fcntl", [4, command], .allow)] }
        for command: UInt64 in [3, 4] { cases += [("fcntl", [3, command], .allow), ("fcntl", [4, command], .allow)] }
        for flags: UInt64 in [0, 0x40, 0x4000, 0x8000, 0xc040] {
            cases += [
                ("sendto", [5, address, 9, flags, 0, 0], .allow), ("sendto", [5, address, 9, flags, address, 0], .allow),
                ("sendto", [5, address, 9, flags, address, 16], refused), ("sendto", [3, address, 9, flags, 0, 0], refused),
            ]
        }
        for bit in 0..<32 where ![6, 14, 15].contains(bit) { cases.append(("sendto", [5, address, 9, 1 << UInt64(bit), 0, 0], refused)) }
        for bit in 0..<32 where ![1, 6, 8, 14].contains(bit) { cases.append(("recvfrom", [5, address, 9, 1 << UInt64(bit), 0, 0], refused)) }
        cases += [
            ("recvfrom", [5, address, 9, 0x4142, 0, 0], .allow), ("recvfrom", [5, address, 9, 0, address, address], refused),
            ("recvfrom", [3, address, 9, 0, 0, 0], refused),
        ]
        let settable: [UInt64: Set<UInt64>] = [1: [7, 8, 9, 13, 20, 21], 6: [1, 4, 5, 6, 12, 18]]
        let readable: [UInt64: Set<UInt64>] = [1: [3, 4, 7, 8, 9, 13, 20, 21, 38, 39], 6: [1, 4, 5, 6, 12, 18]]
        for level: UInt64 in [0, 1, 6, 41, 255, 263, 270] {
            for option: UInt64 in 0...90 {
                cases.append(("setsockopt", [5, level, option, address, 4], settable[level]?.contains(option) == true ? .allow : refused))
                cases.append(("getsockopt", [5, level, option, address, address], readable[level]?.contains(option) == true ? .allow : refused))
                cases.append(("setsockopt", [3, level, option, address, 4], refused))
                cases.append(("getsockopt", [3, level, option, address, address], refused))
            }
        }
        for call in ["bind", "listen", "accept", "accept4", "socketpair", "recvmsg", "sendmmsg", "recvmmsg"] {
            cases.append((call, [5, address, 16], refused))
        }
        return cases
    }()

    @Test(
        "kinds of sockets, options, flags and the frame socket are decided as the table says, in the policy, in the compiled filter and by the kernel",
        arguments: Architecture.allCases)
    func table(architecture: Architecture) throws {
        let policy = WorkerPolicy.stage1(on: .root, hasSocket: true, for: architecture)
        let machine = FilterMachine(program: policy.compiled())
        var calls: [(number: UInt32, arguments: [UInt64])] = []
        for (name, arguments, answer) in Self.cases {
            guard let number = SyscallNumber.of(name, on: architecture) else { continue }
            let padded = arguments + Array(repeating: 0, count: 6 - arguments.count)
            #expect(policy.action(number: number, arguments: padded) == answer, "\(name) \(padded)")
            #expect(machine.run(architecture: architecture.auditValue, number: number, arguments: padded) == answer.returnValue, "\(name) \(padded)")
            calls.append((number, padded))
        }
        #expect(WorkerDescriptor.frames == 3)
        // The other architecture's kernel is asked by `make test-arm64`.
        guard architecture == .native else { return }
        let answers = try KernelAnswers.of(policy, calls)
        for (call, answer) in zip(calls, answers) {
            #expect(answer == policy.action(number: call.number, arguments: call.arguments), "\(call.number) \(call.arguments)")
        }
    }
}
