internal import CLinux
internal import Crypto
internal import Glibc

/// Writes small files so that a reader sees the old text or the new one, never a part.
enum WholeFile {
    /// Durable when it returns. Written by root, the old file's owner keeps it; the service, which can give nothing away, takes over what an operator
    /// edited as root.
    static func write(_ bytes: [UInt8], to name: String, in folder: Int32, mode: mode_t = 0o644) throws(FileError) {
        var before = stat()
        let isThere = fstatat(folder, name, &before, AT_SYMLINK_NOFOLLOW) == 0
        let temporary = ".\(name).\(UUIDv7.make())"
        do throws(FileError) {
            let file = try OpenFile(creating: temporary, in: folder)
            try file.write(bytes)
            if isThere, geteuid() == 0, before.st_uid != 0, fchown(file.descriptor, before.st_uid, before.st_gid) != 0 {
                throw FileError(code: errno)
            }
            try file.seal(mode: mode)
            guard renameat(folder, temporary, folder, name) == 0 else { throw FileError(code: errno) }
        } catch {
            // The temporary file may not exist; the first error is the one that matters.
            _ = unlinkat(folder, temporary, 0)
            throw error
        }
        guard fsync(folder) == 0 else { throw FileError(code: errno) }
    }
}
