import Glibc

/// A step of the jail that did not hold. No step may fail: whoever catches this ends the process.
package struct JailError: Error, Sendable, Equatable {
    /// The step, in the words of `limen doctor`, e.g. `mount /proc`.
    package let step: String
    /// The kernel's reason, or 0 when a check of ours failed.
    package let errno: Int32

    package init(_ step: String, errno: Int32 = 0) {
        self.step = step
        self.errno = errno
    }
}

/// Turns a shim's result into a value or a thrown step.
/// - Throws: `JailError` naming `step` when `result` is a negated errno.
@discardableResult
package func require(_ step: @autoclosure () -> String, _ result: Int) throws(JailError) -> Int {
    guard result >= 0 else { throw JailError(step(), errno: Int32(-result)) }
    return result
}

/// The last errno as a result for `require`, for glibc functions that return -1.
package func checked(_ result: Int32) -> Int { result < 0 ? -Int(errno) : Int(result) }

/// `strerror` of a positive errno.
package func describe(errno number: Int32) -> String {
    guard number != 0, let text = strerror(number) else { return "check failed" }
    return String(cString: text)
}
