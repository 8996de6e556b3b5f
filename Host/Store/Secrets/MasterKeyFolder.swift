internal import Crypto
internal import Glibc

/// `DATA/keys`: the master key, and during a rotation the next one. Nothing is followed, and nothing that others could read or replace is used.
struct MasterKeyFolder: Sendable {
    /// The key in force.
    static let current = "secrets.key"
    /// The key of a rotation, until it is in force.
    static let next = "secrets.key.next"

    let path: String

    /// The keys there are, of at most two files. Blocks.
    func keys() throws(StoreError) -> [MasterKey] {
        guard access(path, F_OK) == 0 else { return [] }
        let folder = try Descriptor(opening: self)
        var found: [MasterKey] = []
        // The next one first: when it takes the other's place in between, it is found there.
        for name in [Self.next, Self.current] {
            if let key = try read(name, in: folder) { found.append(key) }
        }
        return found
    }

    /// The key of a file; nil when there is no such file.
    func read(_ name: String, in folder: borrowing Descriptor) throws(StoreError) -> MasterKey? {
        let number = openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        if number < 0, errno == ENOENT { return nil }
        if number < 0, errno == ELOOP { throw refused(name, "is a symbolic link; put the file itself there") }
        guard number >= 0 else { throw failed("opening", name) }
        let file = Descriptor(number)
        var information = stat()
        guard fstat(file.number, &information) == 0 else { throw failed("examining", name) }
        guard information.st_mode & S_IFMT == S_IFREG else { throw refused(name, "is no ordinary file") }
        guard information.st_uid == geteuid() else { throw refused(name, "belongs to another account; `chown` it to the service's") }
        guard information.st_mode & 0o077 == 0 else { throw refused(name, "can be read or written by others; `chmod 600` it, and rotate the key") }
        var bytes = [UInt8](repeating: 0, count: StoreLimits.masterKeyFileBytesMax + 1)
        let count = Glibc.read(file.number, &bytes, bytes.count)
        guard count >= 0 else { throw failed("reading", name) }
        guard count <= StoreLimits.masterKeyFileBytesMax, let key = MasterKey(file: Array(bytes.prefix(count))) else {
            throw refused(name, "is no key of the store's; restore it from a backup")
        }
        return key
    }

    /// Writes a key under a name that must be free: it holds a whole key or none, and never replaces another. False when the name is taken.
    func create(_ name: String, _ key: MasterKey, in folder: borrowing Descriptor) throws(StoreError) -> Bool {
        let temporary = "\(name).\(UUIDv7.make())"
        let file = Descriptor(openat(folder.number, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600))
        guard file.number >= 0 else { throw failed("making", name) }
        defer { unlinkat(folder.number, temporary, 0) }
        let bytes = key.file
        guard fchmod(file.number, 0o600) == 0, write(file.number, bytes, bytes.count) == bytes.count, fsync(file.number) == 0 else {
            throw failed("writing", name)
        }
        if linkat(folder.number, temporary, folder.number, name, 0) != 0 {
            guard errno == EEXIST else { throw failed("naming", name) }
            return false
        }
        try settle(folder)
        return true
    }

    /// Puts the next key in the place of the one in force, in one step.
    func promote(in folder: borrowing Descriptor) throws(StoreError) {
        guard renameat(folder.number, Self.next, folder.number, Self.current) == 0 else { throw failed("replacing", Self.current) }
        try settle(folder)
    }

    /// Removes the next key, which nothing is sealed under.
    func dropNext(in folder: borrowing Descriptor) throws(StoreError) {
        guard unlinkat(folder.number, Self.next, 0) == 0 || errno == ENOENT else { throw failed("removing", Self.next) }
        try settle(folder)
    }

    /// Makes what was named durable.
    private func settle(_ folder: borrowing Descriptor) throws(StoreError) {
        guard fsync(folder.number) == 0 else { throw failed("settling", ".") }
    }

    func refused(_ name: String, _ reason: String) -> StoreError { StoreError(.unavailable, "\(path)/\(name) \(reason)") }

    private func failed(_ act: String, _ name: String) -> StoreError {
        StoreError(.unavailable, "\(act) \(path)/\(name): \(String(cString: strerror(errno)))")
    }

    /// An open file or folder.
    struct Descriptor: ~Copyable {
        let number: Int32

        init(_ number: Int32) { self.number = number }

        /// Opens the folder, made when missing; nobody else may put anything there.
        init(opening folder: MasterKeyFolder) throws(StoreError) {
            let isThere = mkdir(folder.path, 0o700) == 0 || errno == EEXIST
            number = isThere ? open(folder.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1
            guard number >= 0 else { throw folder.failed("opening", "") }
            var information = stat()
            guard fstat(number, &information) == 0 else { throw folder.failed("examining", "") }
            guard information.st_uid == geteuid(), information.st_mode & 0o022 == 0 else {
                throw folder.refused("", "can be written by others; `chmod 700` it, owned by the service's account")
            }
        }

        /// Keeps other rotations out until it is closed; false when one is running.
        func lock() -> Bool { flock(number, LOCK_EX | LOCK_NB) == 0 }

        deinit { if number >= 0 { close(number) } }
    }
}
