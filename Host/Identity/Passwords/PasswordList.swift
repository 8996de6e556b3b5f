internal import Glibc

/// Passwords that leaked, one a line, from a file that the operator or Debian brings (john-data: `/usr/share/john/password.lst`): kept as sorted digests of
/// 64 bits, eight bytes each, whatever their length. A line that begins with `#!` is a comment. Two texts of one digest are one password here: one in
/// 2^64 a line, and what comes of it is that a good password is refused.
package struct PasswordList: Sendable {
    /// Where Debian puts one.
    package static let standardPath = "/usr/share/john/password.lst"
    private let digests: [UInt64]

    /// Reads at most `IdentityLimits.passwordListBytesMax` bytes; nil when the file cannot be opened.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while bytes.count < IdentityLimits.passwordListBytesMax {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        self.init(bytes)
    }

    /// Takes lines.
    package init(_ bytes: [UInt8]) {
        digests = bytes.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
            .filter { !$0.starts(with: Array("#!".utf8)) }
            .map { Self.digest(String(decoding: $0, as: UTF8.self).lowercased()) }
            .sorted()
    }

    /// Lines.
    package var count: Int { digests.count }

    /// Whether a text in lower case is among them.
    func contains(_ text: String) -> Bool {
        let wanted = Self.digest(text)
        var (low, high) = (0, digests.count)
        while low < high {
            let middle = low + (high - low) / 2
            if digests[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return low < digests.count && digests[low] == wanted
    }

    /// FNV-1a, mixed once more: no secret, only a short name.
    private static func digest(_ text: String) -> UInt64 {
        var hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 32) &* 0xd6e8_feb8_6659_fd93
        return hash ^ hash >> 32
    }
}
