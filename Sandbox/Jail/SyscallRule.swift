/// What the kernel does with a system call.
package enum SyscallAction: Sendable, Hashable {
    /// The call runs.
    case allow
    /// The call fails with this errno.
    case errno(Int32)
    /// The call is reported to the spawner, which kills the worker: no benign library makes it.
    case tripwire
    /// The process is killed by the kernel.
    case kill

    /// The value that the filter returns (linux/seccomp.h).
    package var returnValue: UInt32 {
        switch self {
        case .allow: 0x7fff_0000
        case .errno(let number): 0x0005_0000 | UInt32(number)
        case .tripwire: 0x7fc0_0000
        case .kill: 0x8000_0000
        }
    }
}

/// A condition on one argument. Only the low 32 bits are compared: the kernel itself reads these arguments as 32 bits wide, so the
/// upper half could be used to slip past a 64-bit comparison.
package enum ArgumentTest: Sendable, Equatable {
    case equals(argument: Int, value: UInt32)
    /// At least one bit of the mask is set.
    case hasAny(argument: Int, mask: UInt32)
    /// No bit of the mask is set.
    case hasNone(argument: Int, mask: UInt32)

    /// Whether the test holds for these arguments; the reference that the filter is compared with.
    package func holds(_ arguments: [UInt64]) -> Bool {
        switch self {
        case .equals(let index, let value): UInt32(truncatingIfNeeded: arguments[index]) == value
        case .hasAny(let index, let mask): UInt32(truncatingIfNeeded: arguments[index]) & mask != 0
        case .hasNone(let index, let mask): UInt32(truncatingIfNeeded: arguments[index]) & mask == 0
        }
    }
}

/// What happens to one system call, by its arguments.
package struct SyscallRule: Sendable, Equatable {
    /// All tests of a clause must hold for its action to be taken.
    package struct Clause: Sendable, Equatable {
        package var tests: [ArgumentTest]
        package var action: SyscallAction

        package init(_ tests: [ArgumentTest], _ action: SyscallAction) {
            self.tests = tests
            self.action = action
        }
    }

    /// Tried in order.
    package var clauses: [Clause]
    /// Taken when no clause holds.
    package var otherwise: SyscallAction

    package init(_ clauses: [Clause] = [], otherwise: SyscallAction) {
        self.clauses = clauses
        self.otherwise = otherwise
    }

    /// The action for these six arguments; the reference that the filter is compared with.
    package func action(_ arguments: [UInt64]) -> SyscallAction {
        for clause in clauses where clause.tests.allSatisfy({ $0.holds(arguments) }) { return clause.action }
        return otherwise
    }
}
