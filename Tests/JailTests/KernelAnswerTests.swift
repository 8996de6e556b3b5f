import CKit
import Glibc
import TestKit
import Testing

@testable import Jail

/// What the running kernel makes of a compiled filter. The program is installed as it is, but for the values it returns: each action becomes
/// an errno of its own, so that every number and every argument can be tried and nothing ever runs.
enum KernelAnswers {
    struct Failure: Error { let errno: Int32 }

    /// Above all errno of the kernel's own.
    private static let marks: [(SyscallAction, Int32)] = [(.allow, 4001), (.tripwire, 4002), (.kill, 4003)]

    /// uretprobe and uprobe on x86-64: Linux 6.14 and later let them pass every filter. Both do nothing but from a trampoline that the kernel
    /// itself has mapped; elsewhere the first ends the caller with SIGILL and the second fails.
    static let unfiltered: Set<UInt32> = [335, 336]

    /// The compiled filter with marks for actions.
    static func marked(_ policy: SeccompPolicy) -> BPFProgram {
        var program = policy.compiled().instructions
        for index in program.indices where program[index].code == 0x06 {
            guard let mark = marks.first(where: { $0.0.returnValue == program[index].operand }) else { continue }
            program[index].operand = SyscallAction.errno(mark.1).returnValue
        }
        return BPFProgram(program)
    }

    /// What a call with this action answers under a marked filter.
    static func answer(_ action: SyscallAction) -> Int64 {
        if case .errno(let number) = action { return -Int64(number) }
        return marks.first { $0.0 == action }.map { -Int64($0.1) } ?? 0
    }

    static func of(_ policy: SeccompPolicy, _ calls: [(number: UInt32, arguments: [UInt64])]) throws -> [SyscallAction?] {
        let filter = marked(policy)
        let tried = calls.map { call in
            let a = call.arguments
            return ckit_call(number: UInt64(call.number), arguments: (a[0], a[1], a[2], a[3], a[4], a[5]))
        }
        var answers = [Int64](repeating: 0, count: calls.count)
        let result = filter.encoded().withUnsafeBytes { ckit_try_calls($0.baseAddress, UInt16(filter.count), tried, &answers, tried.count) }
        guard result == 0 else { throw Failure(errno: -result) }
        return answers.map { answer in
            guard answer < 0 else { return nil }
            return marks.first { Int64($0.1) == -answer }?.0 ?? .errno(Int32(-answer))
        }
    }
}

@Suite("the kernel's own answers")
struct KernelAnswerTests {
    @Test(
        "for every number up to 1,023 and its x32 twin the kernel answers as the policy says",
        arguments: SeccompTests.policies.indices.filter { SeccompTests.policies[$0].policy.architecture == .native })
    func everyNumber(index: Int) throws {
        let policy = SeccompTests.policies[index].policy
        let numbers = (UInt32(0)..<1024).filter { !KernelAnswers.unfiltered.contains($0) }.flatMap {
            [$0, $0 | (Architecture.native.foreignNumberBit ?? 0)]
        }
        let fillers: [[UInt64]] = [Array(repeating: 0, count: 6), Array(repeating: .max, count: 6)]
        var calls: [(number: UInt32, arguments: [UInt64])] = []
        for number in numbers { calls += fillers.map { (number, $0) } }
        let answers = try KernelAnswers.of(policy, calls)
        for (call, answer) in zip(calls, answers) where answer != policy.action(number: call.number, arguments: call.arguments) {
            Issue.record("call \(call.number) \(call.arguments): the kernel says \(String(describing: answer))")
        }
    }

    @Test("the two calls that the kernel shows to no filter do nothing: uprobe fails, uretprobe ends whoever makes it")
    func unfiltered() throws {
        let policy = WorkerPolicy.stage1(on: .root)
        let nothing: [UInt64] = Array(repeating: 0, count: 6)
        let uprobe = try KernelAnswers.of(policy, [(336, nothing)])
        // Before 6.14 the filter sees it and says ENOSYS.
        #expect([.errno(ENXIO), .errno(ENOSYS)].contains(uprobe[0]))
        do {
            let uretprobe = try KernelAnswers.of(policy, [(335, nothing)])
            #expect(uretprobe[0] == .errno(ENOSYS))
        } catch let failure as KernelAnswers.Failure {
            #expect(failure.errno == ECANCELED, "the child died of it")
        }
    }

    @Test(
        "random policies and the worker's own: value, compiled filter and kernel agree on 200,000 random calls",
        arguments: [20_000])
    func differential(callsPerPolicy: Int) throws {
        var random = SeededRandom()
        print("seccomp differential: LIMEN_SEED=\(random.seed)")
        let made = (0..<6).map { _ in RandomPolicy.make(&random) }
        for policy in made + [
            WorkerPolicy.stage1(on: .root), WorkerPolicy.stage1(on: .root, hasSocket: true), WorkerPolicy.stage1(on: .seccomp),
            WorkerPolicy.ownProcess(4711), WorkerPolicy.stage2(),
        ] {
            let calls = (0..<callsPerPolicy).map { _ in RandomPolicy.call(policy, &random) }.filter { !KernelAnswers.unfiltered.contains($0.number) }
            let machine = FilterMachine(program: policy.compiled())
            let answers = try KernelAnswers.of(policy, calls)
            for (call, answer) in zip(calls, answers) {
                let wanted = policy.action(number: call.number, arguments: call.arguments)
                if machine.run(number: call.number, arguments: call.arguments) != wanted.returnValue || answer != wanted {
                    Issue.record(
                        "call \(call.number) \(call.arguments): policy \(wanted), kernel \(String(describing: answer)), LIMEN_SEED=\(random.seed)")
                    return
                }
            }
        }
    }
}

/// Policies as no one would write them, and calls that come close to their limits.
enum RandomPolicy {
    static func make(_ random: inout SeededRandom) -> SeccompPolicy {
        var rules: [UInt32: SyscallRule] = [:]
        for _ in 0..<Int.random(in: 0...300, using: &random) {
            let clauses = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                SyscallRule.Clause((0..<Int.random(in: 0...3, using: &random)).map { _ in test(&random) }, action(&random))
            }
            rules[UInt32.random(in: 0..<600, using: &random)] = SyscallRule(clauses, otherwise: action(&random))
        }
        return SeccompPolicy(rules: rules, otherwise: action(&random))
    }

    static func call(_ policy: SeccompPolicy, _ random: inout SeededRandom) -> (number: UInt32, arguments: [UInt64]) {
        let known = policy.rules.keys.randomElement(using: &random) ?? 0
        let number =
            [known, known, known &+ 1, UInt32.random(in: 0..<700, using: &random), UInt32.random(in: 0..<(1 << 31), using: &random)]
            .randomElement(using: &random) ?? 0
        let tests = policy.rules[number]?.clauses.flatMap(\.tests) ?? []
        var arguments = (0..<6).map { _ in word(&random) }
        for test in tests where Bool.random(using: &random) {
            switch test {
            case .equals(let index, let value): arguments[index] = near(UInt64(value), &random)
            case .hasAny(let index, let mask), .hasNone(let index, let mask):
                arguments[index] = near(UInt64(Bool.random(using: &random) ? mask : ~mask), &random)
            }
        }
        return (number, arguments)
    }

    private static func action(_ random: inout SeededRandom) -> SyscallAction {
        [.allow, .errno(EPERM), .errno(ENOSYS), .errno(EAGAIN), .tripwire, .kill].randomElement(using: &random) ?? .kill
    }

    private static func test(_ random: inout SeededRandom) -> ArgumentTest {
        let (index, value) = (Int.random(in: 0..<6, using: &random), UInt32(truncatingIfNeeded: word(&random)))
        return [.equals(argument: index, value: value), .hasAny(argument: index, mask: value), .hasNone(argument: index, mask: value)]
            .randomElement(using: &random) ?? .equals(argument: index, value: value)
    }

    private static func word(_ random: inout SeededRandom) -> UInt64 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: UInt64.random(in: 0..<8, using: &random)
        case 1: 1 << UInt64.random(in: 0..<64, using: &random)
        case 2: .max
        default: .random(in: .min ... .max, using: &random)
        }
    }

    private static func near(_ value: UInt64, _ random: inout SeededRandom) -> UInt64 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: value &+ 1
        case 1: value | 1 << UInt64.random(in: 32..<64, using: &random)
        default: value
        }
    }
}
