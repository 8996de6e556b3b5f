import COpenSSL
import Glibc

/// Small files that TLS is set up from, read whole.
enum TLSFile {
    /// The bytes of a regular file.
    /// - Parameter isSecret: whether nobody but the owner may be able to read it.
    static func read(_ path: String, isSecret: Bool = false) throws(TLSError) -> [UInt8] {
        let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else { throw .file(path, "cannot be opened: \(Errno.last)\(advice(errno))") }
        let file = FileDescriptor(raw)
        var information = stat()
        guard fstat(file.raw, &information) == 0 else { throw .file(path, "cannot be examined: \(Errno.last)") }
        guard information.st_mode & S_IFMT == S_IFREG else { throw .file(path, "is no ordinary file") }
        guard information.st_size <= IOLimits.certificateFileBytesMax else {
            throw .file(path, "is longer than \(IOLimits.certificateFileBytesMax) bytes")
        }
        if isSecret, information.st_mode & 0o077 != 0 {
            throw .file(path, "is a private key that others than its owner may use (mode \(octal(information.st_mode))): chmod 600 \(path)")
        }
        return try contents(file, path)
    }

    private static func contents(_ file: borrowing FileDescriptor, _ path: String) throws(TLSError) -> [UInt8] {
        let raw = file.raw
        var bytes = [UInt8](repeating: 0, count: IOLimits.certificateFileBytesMax + 1)
        var count = 0
        do throws(Errno) {
            while count < bytes.count {
                let got = try Syscall.retrying {
                    bytes.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress.map { $0 + count }, $0.count - count) }
                }
                if got == 0 { break }
                count += got
            }
        } catch {
            throw .file(path, "cannot be read: \(error)")
        }
        guard count <= IOLimits.certificateFileBytesMax else { throw .file(path, "is longer than \(IOLimits.certificateFileBytesMax) bytes") }
        defer { wipe(&bytes) }
        return Array(bytes[..<count])
    }

    /// Leaves nothing of a key in memory that is given back.
    static func wipe(_ bytes: inout [UInt8]) { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }

    private static func octal(_ mode: mode_t) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }

    private static func advice(_ code: Int32) -> String {
        code == EACCES ? "; the server runs as user id \(geteuid()): give the file to that account (chown) and let it pass the folders above" : ""
    }
}

/// Moments as people write them.
enum TLSTime {
    /// Seconds since 1970; nil for a time that is none.
    static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int? {
        var parts = tm()
        guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return timegm(&parts)
    }

    /// Such as `2027-01-31 09:00 UTC`.
    static func text(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 40)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M UTC", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
