import CLinux
import Glibc
import Jail

/// Empty network namespaces, one a slot, made when a slot is first used: a fresh one is the dearest part of a jail. They hold no
/// interface that is up and no socket can be made in them, so nothing passes from one tenant of a slot to the next.
struct NetworkNamespaces {
    private var descriptors: [Int32?]

    init(slots: Int) { descriptors = Array(repeating: nil, count: slots) }

    /// Moves the calling process into the slot's namespace, so that what it clones is born there.
    /// - Throws: `JailError`.
    mutating func enter(slot: Int) throws(JailError) {
        guard let descriptor = descriptors[slot] else { return try prepare(slot: slot) }
        try require("enter network namespace", clinux_setns(descriptor, Int32(CLONE_NEWNET)))
    }

    /// Makes the slot's namespace, if it has none, and leaves the calling process in it.
    /// - Throws: `JailError`.
    mutating func prepare(slot: Int) throws(JailError) {
        guard descriptors[slot] == nil else { return }
        try require("make network namespace", clinux_unshare(Int32(CLONE_NEWNET)))
        let descriptor = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
        try require("open network namespace", checked(descriptor))
        descriptors[slot] = descriptor
    }
}
