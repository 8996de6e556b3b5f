/// A machine that the policy knows: its system calls have numbers of their own.
package enum Architecture: Sendable, CaseIterable {
    case x86_64
    case arm64

    /// The machine that this was built for.
    #if arch(x86_64)
        package static let native = x86_64
    #elseif arch(arm64)
        package static let native = arm64
    #else
        #error("add this architecture's AUDIT_ARCH and system call numbers")
    #endif

    /// `AUDIT_ARCH_*` (linux/audit.h), as a filter finds it.
    package var auditValue: UInt32 {
        switch self {
        case .x86_64: 0xc000_003e
        case .arm64: 0xc000_00b7
        }
    }

    /// Set in the numbers of a second table that the same kernel serves (x32); no number of its own has it.
    package var foreignNumberBit: UInt32? {
        switch self {
        case .x86_64: 0x4000_0000
        case .arm64: nil
        }
    }
}
