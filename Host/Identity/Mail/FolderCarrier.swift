internal import Crypto
internal import Glibc
package import IO

/// Puts letters into a folder, one file each, as mail programs read them (`.eml`): what a machine without a mail server has, and the standard.
package struct FolderCarrier: Carrier {
    private let folder: String
    private let pool: BlockingPool

    /// Writes with the pool's threads; the folder is made when missing.
    package init(folder: String, pool: BlockingPool) { (self.folder, self.pool) = (folder, pool) }

    package func carry(_ bytes: [UInt8], from sender: String, to recipient: String) async throws {
        let folder = self.folder
        try await pool.run { try Self.write(bytes, to: folder) }
    }

    /// Blocks. The file has its name only once it is whole.
    private static func write(_ bytes: [UInt8], to folder: String) throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw IOError(.system(.last), "making the outbox") }
        let name = UUIDv7.make()
        let path = "\(folder)/.\(name)"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw IOError(.system(.last), "writing a letter") }
        defer { close(file) }
        try Pipe.write(bytes, to: file)
        guard fsync(file) == 0, rename(path, "\(folder)/\(name).eml") == 0 else { throw IOError(.system(.last), "keeping a letter") }
    }
}

/// Hands letters to a program like sendmail, on its standard input. Recipient and sender are arguments of their own, behind `--`; no shell is asked.
package struct CommandCarrier: Carrier {
    private let program: String
    private let pool: BlockingPool

    /// Runs the program from the pool's threads.
    package init(program: String, pool: BlockingPool) { (self.program, self.pool) = (program, pool) }

    package func carry(_ bytes: [UInt8], from sender: String, to recipient: String) async throws {
        let words = [program, "-i", "-f", sender, "--", recipient]
        try await pool.run { try Self.run(words, bytes) }
    }

    /// Blocks until the program has ended; it gets a minute.
    private static func run(_ words: [String], _ bytes: [UInt8]) throws {
        var ends: [Int32] = [-1, -1]
        // A pair of sockets: the one kind of pipe that is born with close-on-exec here.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw IOError(.system(.last), "making a pipe")
        }
        let child: pid_t
        do {
            defer { close(ends[0]) }
            child = try Pipe.spawn(words, input: ends[0])
        } catch {
            close(ends[1])
            throw error
        }
        var failure: (any Error)?
        do {
            try Pipe.write(bytes, to: ends[1])
        } catch {
            failure = error
        }
        close(ends[1])
        let status = Pipe.wait(child, milliseconds: IdentityLimits.mailMilliseconds)
        if let failure { throw failure }
        guard status == 0 else { throw IdentityError.failed("\(words[0]) ended with status \(status)") }
    }
}

/// Descriptors and processes of carriers; everything blocks.
private enum Pipe {
    static func write(_ bytes: [UInt8], to file: Int32) throws(IOError) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw IOError(.system(.last), "writing a letter") }
            done += count
        }
    }

    /// Starts a program with no environment but a path and no blocked signals; every descriptor of ours closes itself there.
    static func spawn(_ words: [String], input: Int32) throws(IOError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var arguments = words.map { strdup($0) } + [nil]
        var environment = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
        defer { for pointer in arguments + environment { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, words[0], &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw IOError(.system(Errno(code)), "starting the mail program") }
        return child
    }

    /// The exit status; -1 for a program that a signal ended, or that was killed because its time was over.
    static func wait(_ child: pid_t, milliseconds: Int) -> Int32 {
        let deadline = Deadline.after(milliseconds: milliseconds)
        var status: Int32 = 0
        while true {
            let found = waitpid(child, &status, deadline.hasPassed ? 0 : WNOHANG)
            if found == child { return status & 0x7f == 0 ? (status >> 8) & 0xff : -1 }
            if found < 0, errno != EINTR { return -1 }
            if deadline.hasPassed { kill(child, SIGKILL) } else { usleep(10_000) }
        }
    }
}
