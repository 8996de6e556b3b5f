import Glibc

/// Standard output and standard error.
enum Output {
    static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Progress of long work: told to people only, so never on standard output.
    static func progress(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Writes all; a reader that has gone away is no failure of ours.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }
}
