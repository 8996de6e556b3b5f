import CLinux

/// The C allocator beneath everything.
package enum Allocator {
    /// Gives unused memory back to the kernel. Takes milliseconds on a large heap: not for a loop.
    package static func trim() { clinux_trim_memory() }
}
