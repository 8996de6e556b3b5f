import CLinux
import Glibc
import IO

/// The yardstick: 256 bytes to another process over a Unix socket pair and back, blocking, nothing else.
struct PingPong {
    static let bytes = 256

    /// Round trips against `cat`, which does nothing but read and write.
    /// - Throws: `CommandError` when the process cannot be started.
    static func run(rounds: Int) throws(CommandError) -> Samples {
        var pair: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw CommandError("socketpair: \(Path.reason())")
        }
        defer { close(pair[0]) }
        let child = try start(pair[1])
        close(pair[1])
        var samples = Samples()
        var buffer = [UInt8](repeating: 0x61, count: bytes)
        for round in 0..<(rounds + rounds / 10) {
            let start = Deadline.now().nanoseconds
            guard write(pair[0], buffer, bytes) == bytes, readAll(pair[0], &buffer) else { throw CommandError("ping-pong: \(Path.reason())") }
            if round >= rounds / 10 { samples.add(Deadline.now().nanoseconds - start) }
        }
        shutdown(pair[0], Int32(SHUT_WR))
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR { continue }
        return samples
    }

    private static func readAll(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
        var got = 0
        while got < bytes {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: got), bytes - got) }
            guard count > 0 else { return false }
            got += count
        }
        return true
    }

    private static func start(_ descriptor: Int32) throws(CommandError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO)
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("cat"), nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let failed = posix_spawnp(&child, "cat", &actions, nil, &arguments, environ)
        guard failed == 0 else { throw CommandError("cat: \(String(cString: strerror(failed)))") }
        return child
    }
}
