internal import CLinux
internal import Crypto
internal import Glibc

/// Writes a bundle into the store so that it is whole or not there at all.
enum BundleCopy {
    private static let temporaryPrefix = ".new-"

    /// Copies and hashes every listed file, makes all durable, and renames the folder to `name`.
    static func make(_ source: borrowing BundleSource, name: String, in store: Int32) throws(ManifestError) {
        let temporary = temporaryPrefix + UUIDv7.make()
        do {
            try fill(source, temporary, store)
            guard clinux_rename_new(store, temporary, store, name) == 0, fsync(store) == 0 else { throw FileError(code: errno) }
        } catch {
            let refusal: ManifestError
            switch error {
            case let error as ManifestError: refusal = error
            case let error as FileError:
                refusal = ManifestError(file: source.label, reason: "cannot be stored: " + String(cString: strerror(error.code)))
            default: refusal = ManifestError(file: source.label, reason: "cannot be stored: \(error)")
            }
            try remove(temporary, in: store)
            throw refusal
        }
    }

    private static func fill(_ source: borrowing BundleSource, _ temporary: String, _ store: Int32) throws {
        guard mkdirat(store, temporary, 0o700) == 0 else { throw FileError(code: errno) }
        let target = try OpenFile(temporary, beneath: store, flags: O_RDONLY | O_DIRECTORY)
        for folder in source.tree.folders {
            guard mkdirat(target.descriptor, folder, 0o700) == 0 else { throw FileError(code: errno) }
        }
        var total = try copy(BundleLayout.manifestFile, source.digest, source, target.descriptor)
        let signature = try OpenFile(creating: BundleLayout.signatureFile, in: target.descriptor)
        try signature.write(source.signature)
        try signature.seal(mode: 0o444)
        for (path, digest) in source.asked.files.sorted(by: { $0.key < $1.key }) {
            total += try copy(path, digest, source, target.descriptor)
            guard total <= Limits.bundleBytesMax else {
                throw ManifestError(file: source.label, reason: "is larger than \(Limits.bundleBytesMax) bytes")
            }
        }
        for folder in source.tree.folders.reversed() {
            try OpenFile(folder, beneath: target.descriptor, flags: O_RDONLY | O_DIRECTORY).seal(mode: 0o555)
        }
        try target.seal(mode: 0o555)
    }

    private static func copy(
        _ path: String, _ expected: SHA256Digest, _ source: borrowing BundleSource, _ target: Int32
    ) throws -> Int {
        let label = "\(source.label)/\(path)"
        let from = try OpenFile(path, beneath: source.directory.descriptor)
        let status = try from.status()
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & (S_ISUID | S_ISGID) == 0 else {
            throw ManifestError(file: label, reason: "is not a plain regular file")
        }
        guard status.st_size <= Limits.bundleFileBytesMax else {
            throw ManifestError(file: label, reason: "is larger than \(Limits.bundleFileBytesMax) bytes")
        }
        let to = try OpenFile(creating: path, in: target)
        let descriptor = to.descriptor
        let read = try SHA256.hash(descriptor: from.descriptor, bytesMax: Limits.bundleFileBytesMax) { chunk in
            try writeAll(chunk, to: descriptor)
        }
        guard read.digest == expected else { throw ManifestError(file: label, reason: "does not have the SHA-256 that plugin.json lists") }
        try to.seal(mode: 0o444)
        return read.byteCount
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[written...]).baseAddress, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(code: errno) }
            written += count
        }
    }

    /// Names of folders that a crash left half-written.
    static func leftovers(in store: Int32) throws(ManifestError) -> [String] {
        let descriptor = openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let stream = fdopendir(descriptor) else {
            throw ManifestError(file: "store", reason: FileError(code: errno).reason)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix(temporaryPrefix) { names.append(name) }
        }
        return names
    }

    /// Removes a folder of the store and all beneath it, following nothing.
    static func remove(_ name: String, in store: Int32) throws(ManifestError) {
        guard faccessat(store, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 else { return }
        do {
            try removeTree(name, in: store)
        } catch {
            throw ManifestError(file: name, reason: "cannot be removed from the store: " + String(cString: strerror(error.code)))
        }
    }

    private static func removeTree(_ name: String, in parent: Int32) throws(FileError) {
        var status = stat()
        guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw FileError(code: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlinkat(parent, name, 0) == 0 else { throw FileError(code: errno) }
            return
        }
        let folder = try OpenFile(name, beneath: parent, flags: O_RDONLY | O_DIRECTORY)
        guard fchmod(folder.descriptor, 0o700) == 0 else { throw FileError(code: errno) }
        for child in try children(folder.descriptor) { try removeTree(child, in: folder.descriptor) }
        guard unlinkat(parent, name, AT_REMOVEDIR) == 0 else { throw FileError(code: errno) }
    }

    private static func children(_ directory: Int32) throws(FileError) -> [String] {
        let descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let stream = fdopendir(descriptor) else { throw FileError(code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
