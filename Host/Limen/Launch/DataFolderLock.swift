import Glibc
import IO

/// One host a data folder: the audit chain, the registry's decisions and what is kept in memory of both have one writer. The kernel lets go of it with the
/// process, however that ends.
enum DataFolderLock {
    /// For a host that was killed a moment ago.
    private static let patienceMilliseconds = 5_000
    private static let name = "serve.lock"

    /// Takes the folder.
    /// - Returns: the file that holds it, as long as it is open.
    /// - Throws: `CommandError` when another host has it.
    static func take(_ data: String, on loop: EventLoop) async throws -> FileDescriptor {
        let path = "\(data)/\(Self.name)"
        let raw = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw CommandError("cannot open \(path): \(Path.reason())") }
        let file = FileDescriptor(raw)
        let deadline = Deadline.after(milliseconds: Self.patienceMilliseconds)
        while flock(raw, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw CommandError("cannot lock \(path): \(Path.reason())") }
            guard !deadline.hasPassed else {
                throw CommandError(
                    "another limen serves from \(data): stop it first, or set listen.hand_over for both, so that this one takes its place")
            }
            try await loop.sleep(until: .after(milliseconds: 20))
        }
        return file
    }
}
