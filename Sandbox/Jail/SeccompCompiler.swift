/// A whole filter as a value: which call gets which rule. Compiled to BPF and, for tests, evaluated directly.
package struct SeccompPolicy: Sendable, Equatable {
    /// Whose numbers the rules' are; the filter kills on every other.
    package let architecture: Architecture
    /// Rules by system call number.
    package var rules: [UInt32: SyscallRule]
    /// For every other number.
    package var otherwise: SyscallAction

    package init(rules: [UInt32: SyscallRule], otherwise: SyscallAction, for architecture: Architecture = .native) {
        self.architecture = architecture
        self.rules = rules
        self.otherwise = otherwise
    }

    /// Rules by name; a call that the architecture lacks needs none there.
    package init(named rules: [Syscall: SyscallRule], otherwise: SyscallAction, for architecture: Architecture = .native) {
        let numbered = rules.compactMap { call, rule in call.number(on: architecture).map { ($0, rule) } }
        // No two calls of one architecture share a number; a slip of the table traps in the first test and at the first start.
        self.init(rules: Dictionary(uniqueKeysWithValues: numbered), otherwise: otherwise, for: architecture)
    }

    /// The reference semantics of the compiled filter for the architecture.
    package func action(number: UInt32, arguments: [UInt64]) -> SyscallAction {
        if let bit = architecture.foreignNumberBit, number >= bit { return .kill }
        return rules[number]?.action(arguments) ?? otherwise
    }
}

extension SeccompPolicy {
    /// The same policy where nobody listens: the kernel kills for what would have been reported.
    func killingAtTripwires() -> SeccompPolicy {
        func changed(_ action: SyscallAction) -> SyscallAction { action == .tripwire ? .kill : action }
        let rules = rules.mapValues { rule in
            SyscallRule(rule.clauses.map { .init($0.tests, changed($0.action)) }, otherwise: changed(rule.otherwise))
        }
        return SeccompPolicy(rules: rules, otherwise: changed(otherwise), for: architecture)
    }

    /// Compiles to a program that finds a number by binary search: a linear one costs a third of a millisecond to load.
    package func compiled() -> BPFProgram {
        var code: [BPFProgram.Instruction] = [
            .init(BPF.loadWordAbsolute, Offset.architecture),
            .init(BPF.jumpIfEqual, architecture.auditValue, jumpTrue: 1),
            .init(BPF.return, SyscallAction.kill.returnValue),
            .init(BPF.loadWordAbsolute, Offset.number),
        ]
        if let bit = architecture.foreignNumberBit {
            code += [.init(BPF.jumpIfGreaterOrEqual, bit, jumpFalse: 1), .init(BPF.return, SyscallAction.kill.returnValue)]
        }
        return BPFProgram(code + tree(ranges()[...]))
    }

    private enum Offset {
        static let number: UInt32 = 0
        static let architecture: UInt32 = 4
        /// Low half of an argument on a little-endian machine.
        static func argument(_ index: Int) -> UInt32 { UInt32(16 + 8 * index) }
    }

    /// Numbers from `first` up to the next range share a rule.
    private struct Range {
        var first: UInt32
        var rule: SyscallRule
    }

    private func ranges() -> [Range] {
        let gap = SyscallRule(otherwise: otherwise)
        var ranges = [Range(first: 0, rule: gap)]
        func add(_ first: UInt32, _ rule: SyscallRule) {
            if ranges[ranges.count - 1].first == first { ranges.removeLast() }
            if ranges.last?.rule != rule { ranges.append(Range(first: first, rule: rule)) }
        }
        for number in rules.keys.sorted() {
            add(number, rules[number] ?? gap)
            add(number + 1, gap)
        }
        return ranges
    }

    private func tree(_ ranges: ArraySlice<Range>) -> [BPFProgram.Instruction] {
        guard ranges.count > 1, let first = ranges.first else { return ranges.first.map { leaf($0.rule) } ?? [] }
        let middle = ranges.startIndex + ranges.count / 2
        assert(first.first < ranges[middle].first)
        let lower = tree(ranges[..<middle])
        let upper = tree(ranges[middle...])
        let pivot = ranges[middle].first
        if lower.count <= 255 {
            return [.init(BPF.jumpIfGreaterOrEqual, pivot, jumpTrue: UInt8(lower.count))] + lower + upper
        }
        // Conditional jumps reach 255 instructions; an unconditional one reaches all.
        return [.init(BPF.jumpIfGreaterOrEqual, pivot, jumpFalse: 1), .init(BPF.jump, UInt32(lower.count))] + lower + upper
    }

    private func leaf(_ rule: SyscallRule) -> [BPFProgram.Instruction] {
        rule.clauses.flatMap(instructions) + [.init(BPF.return, rule.otherwise.returnValue)]
    }

    private func instructions(_ clause: SyscallRule.Clause) -> [BPFProgram.Instruction] {
        var code: [BPFProgram.Instruction] = [.init(BPF.return, clause.action.returnValue)]
        for test in clause.tests.reversed() { code = instructions(test, failSkips: UInt8(code.count)) + code }
        return code
    }

    /// Falls through when the test holds, else skips what is left of its clause.
    private func instructions(_ test: ArgumentTest, failSkips skip: UInt8) -> [BPFProgram.Instruction] {
        switch test {
        case .equals(let index, let value):
            [.init(BPF.loadWordAbsolute, Offset.argument(index)), .init(BPF.jumpIfEqual, value, jumpFalse: skip)]
        case .hasAny(let index, let mask):
            [
                .init(BPF.loadWordAbsolute, Offset.argument(index)), .init(BPF.andConstant, mask),
                .init(BPF.jumpIfEqual, 0, jumpTrue: skip),
            ]
        case .hasNone(let index, let mask):
            [
                .init(BPF.loadWordAbsolute, Offset.argument(index)), .init(BPF.andConstant, mask),
                .init(BPF.jumpIfEqual, 0, jumpFalse: skip),
            ]
        }
    }
}
