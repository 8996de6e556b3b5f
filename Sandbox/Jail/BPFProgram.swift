import CLinux

/// A classic BPF program for seccomp(2), built once and installed as it is.
package struct BPFProgram: Sendable, Equatable {
    /// Eight bytes each: `u16` code, `u8` jump if true, `u8` jump if false, `u32` operand.
    package private(set) var instructions: [Instruction] = []

    /// One `struct sock_filter`.
    package struct Instruction: Sendable, Equatable {
        package var code: UInt16
        package var jumpTrue: UInt8
        package var jumpFalse: UInt8
        package var operand: UInt32

        package init(_ code: UInt16, _ operand: UInt32, jumpTrue: UInt8 = 0, jumpFalse: UInt8 = 0) {
            self.code = code
            self.operand = operand
            self.jumpTrue = jumpTrue
            self.jumpFalse = jumpFalse
        }
    }

    /// Wraps instructions.
    package init(_ instructions: [Instruction] = []) { self.instructions = instructions }

    /// Number of instructions; the kernel takes at most 4,096.
    package var count: Int { instructions.count }

    /// The program as the kernel takes it: an array of `struct sock_filter`.
    package func encoded() -> [UInt8] {
        let filter = instructions.map { sock_filter(code: $0.code, jt: $0.jumpTrue, jf: $0.jumpFalse, k: $0.operand) }
        return filter.withUnsafeBytes { Array($0) }
    }

    /// Installs an encoded program on the calling thread, or on all threads with `SECCOMP_FILTER_FLAG_TSYNC` in `flags`.
    /// - Returns: what seccomp(2) returned: 0, a listener's descriptor, or a negated errno.
    package static func install(_ encoded: [UInt8], flags: UInt32) -> Int {
        encoded.withUnsafeBytes { bytes in
            let filter = bytes.bindMemory(to: sock_filter.self)
            return clinux_seccomp_filter(filter.baseAddress, UInt16(filter.count), flags)
        }
    }
}

/// The instruction set, named as in linux/filter.h.
package enum BPF {
    static let loadWordAbsolute: UInt16 = 0x20
    static let jump: UInt16 = 0x05
    static let jumpIfEqual: UInt16 = 0x15
    static let jumpIfGreaterOrEqual: UInt16 = 0x35
    static let andConstant: UInt16 = 0x54
    static let `return`: UInt16 = 0x06
}
