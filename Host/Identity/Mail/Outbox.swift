internal import Crypto
internal import Glibc
package import IO

/// Puts letters into a folder, one file each, as mail programs read them (`.eml`): what a machine without a mail server has, and the standard.
package final class Outbox: Post {
    private let queue: AsyncStream<Letter>.Continuation
    private let keeper: OwnedTask<Void>

    /// Writes from now on. `onFailure` hears of a letter that could not be written, without its text.
    package init(
        folder: String, from sender: String, on loop: EventLoop, pool: BlockingPool, onFailure: @escaping @Sendable (String) -> Void
    ) {
        let (letters, queue) = AsyncStream.makeStream(of: Letter.self, bufferingPolicy: .bufferingOldest(IdentityLimits.lettersMax))
        self.queue = queue
        keeper = OwnedTask(on: loop) {
            for await letter in letters {
                do {
                    try await pool.run { try Self.write(letter, from: sender, to: folder) }
                } catch {
                    onFailure("\(error)")
                }
            }
        }
    }

    /// Queues a letter; beyond `IdentityLimits.lettersMax` that wait it is dropped, as its sender can ask again.
    package func send(_ letter: Letter) { queue.yield(letter) }

    /// Writes what is queued, and no more.
    package func close() async {
        queue.finish()
        await keeper.finish()
    }

    /// Blocks. The file has its name only once it is whole.
    private static func write(_ letter: Letter, from sender: String, to folder: String) throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw IOError(.system(Errno(errno)), "making the outbox") }
        let name = UUIDv7.make()
        let path = "\(folder)/.\(name)"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw IOError(.system(Errno(errno)), "writing a letter") }
        defer { Glibc.close(file) }
        let bytes = MailText.bytes(of: letter, from: sender, id: name)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw IOError(.system(Errno(errno)), "writing a letter") }
            done += count
        }
        guard fsync(file) == 0, rename(path, "\(folder)/\(name).eml") == 0 else { throw IOError(.system(Errno(errno)), "keeping a letter") }
    }
}

/// A letter as mail carries it (RFC 5322, RFC 2045).
package enum MailText {
    /// Head and text; lines end in CRLF. An address or a subject with a line break cannot get here (`Email`, and subjects are ours), and is made a blank if it does.
    package static func bytes(of letter: Letter, from sender: String, id: String) -> [UInt8] {
        let head = [
            ("From", sender), ("To", letter.to), ("Subject", letter.subject), ("Message-ID", "<\(id)@limen>"), ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "8bit"), ("Auto-Submitted", "auto-generated"),
        ]
        let fields = head.map { "\($0.0): \(oneLine($0.1))\r\n" }.joined()
        let text = letter.text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\r\n" }.joined()
        return Array((fields + "\r\n" + text).utf8)
    }

    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }
}
