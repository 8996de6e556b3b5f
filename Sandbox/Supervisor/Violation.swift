/// A tripwire that a worker pulled: a system call that no benign library makes.
package struct Violation: Sendable, Hashable {
    /// The number of the system call on this architecture.
    package var number: Int
    /// Its name, such as `ptrace`.
    package var name: String
    /// The six arguments as the kernel reported them.
    package var arguments: [UInt64]

    package init(number: Int, name: String, arguments: [UInt64] = []) {
        self.number = number
        self.name = name
        self.arguments = arguments
    }
}
