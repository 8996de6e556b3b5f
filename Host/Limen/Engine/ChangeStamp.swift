import CLinux
import Glibc

/// A number in a file that every process on a data folder has in memory: it grows with each change of an account by another process than the server, so
/// that the server, which remembers who is who, sees the change at the next request without asking the database.
///
/// Odd while a change is under way: then nothing that is remembered is believed. A process that dies in the midst of one leaves it odd, which costs the
/// server its memory and no more, until it starts again or the next change ends.
final class ChangeStamp: @unchecked Sendable {
    // SAFETY: the mapping lives as long as the object and is read and changed by atomic operations alone.
    private let number: UnsafeMutablePointer<UInt64>
    private let descriptor: Int32

    /// Maps the file of a data folder, made when missing.
    init(data: String) throws {
        let path = "\(data)/identity.stamp"
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandError("cannot open \(path): \(Path.reason())") }
        let size = MemoryLayout<UInt64>.size
        guard ftruncate(descriptor, size) == 0, let map = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), map != MAP_FAILED else {
            close(descriptor)
            throw CommandError("cannot map \(path): \(Path.reason())")
        }
        number = map.bindMemory(to: UInt64.self, capacity: 1)
    }

    deinit {
        munmap(number, MemoryLayout<UInt64>.size)
        close(descriptor)
    }

    /// The number, or nil while a change is under way.
    func value() -> UInt64? {
        let value = clinux_atomic_load(number)
        return value.isMultiple(of: 2) ? value : nil
    }

    /// Ends what a dead process left.
    func repair() {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
        if value() == nil { clinux_atomic_increment(number) }
        flock(descriptor, LOCK_UN)
    }

    /// Runs a change; others wait for their turn.
    func change<Value>(_ body: () throws -> Value) throws -> Value {
        guard flock(descriptor, LOCK_EX) == 0 else { throw CommandError("cannot lock identity.stamp: \(Path.reason())") }
        defer { flock(descriptor, LOCK_UN) }
        if value() != nil { clinux_atomic_increment(number) }
        defer { clinux_atomic_increment(number) }
        return try body()
    }
}
