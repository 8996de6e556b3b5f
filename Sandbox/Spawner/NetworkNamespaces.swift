import CLinux
import Glibc
import Jail

/// Empty network namespaces, one a slot, made when a slot is first used: a fresh one is the dearest part of a jail. They hold no
/// interface that is up and no socket can be made in them, so nothing passes from one tenant of a slot to the next. One that had a listener, whose
/// worker could make sockets, serves that worker alone and is not used again.
struct NetworkNamespaces {
    private var descriptors: [Int32?]
    private var opened: Set<Int> = []

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

    /// Makes the proxy's listener in the slot's namespace, whose loopback is up from then on, and leaves the calling process there.
    /// - Returns: the listener, which is the caller's.
    /// - Throws: `JailError`.
    mutating func listen(slot: Int) throws(JailError) -> Int32 {
        try enter(slot: slot)
        opened.insert(slot)
        return try Self.listen()
    }

    /// The same in the namespace where the caller is.
    /// - Throws: `JailError`.
    static func listen() throws(JailError) -> Int32 {
        try require("bring the loopback up", clinux_loopback_up())
        return Int32(try require("listen on port \(ProxyDoor.port)", clinux_listen_loopback(ProxyDoor.port, ProxyDoor.backlog)))
    }

    /// The slot's worker is gone. What a listener and its connections leave in a namespace goes with it.
    mutating func leave(slot: Int) {
        guard opened.remove(slot) != nil, let descriptor = descriptors[slot] else { return }
        close(descriptor)
        descriptors[slot] = nil
    }
}
