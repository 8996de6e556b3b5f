package import Crypto
internal import Glibc

/// A file of an installed bundle as it was verified: the jail compares what it mounts with device, inode, size and change time.
package struct BundleFile: Sendable, Hashable {
    /// Path in the bundle.
    package let path: String
    /// SHA-256 of its bytes, computed on the descriptor that the rest of this record was read from.
    package let sha256: SHA256Digest
    /// Length in bytes.
    package let size: UInt64
    /// `st_dev`.
    package let device: UInt64
    /// `st_ino`.
    package let inode: UInt64
    /// `st_ctim`: changes with any write, chmod or rename of the inode, and cannot be set back.
    package let changeSeconds: Int64
    /// Nanoseconds of `st_ctim`.
    package let changeNanoseconds: UInt32
}

/// An open `O_PATH` descriptor of a bundle folder, closed with its last owner.
package final class BundleDirectory: Sendable {
    /// The descriptor; valid as long as this object lives, never to be closed by others.
    package let descriptor: Int32

    /// Takes ownership of an open descriptor.
    init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        let result = Glibc.close(descriptor)
        assert(result == 0, "a bundle's descriptor was closed by somebody else")
    }
}

/// A bundle that was verified and copied to the store, where no worker can write.
package struct InstalledBundle: Sendable {
    /// Absolute path of the copy.
    package let path: String
    /// SHA-256 of plugin.json, which names the digest of every other file.
    package let digest: SHA256Digest
    /// The publisher and the key whose signature was checked.
    package let signer: BundleSigner
    /// Every file, plugin.json and SIGNATURE among them, sorted by path.
    package let files: [BundleFile]
    /// `st_dev` of the folder.
    package let device: UInt64
    /// `st_ino` of the folder.
    package let inode: UInt64
    /// The folder, held open.
    package let directory: BundleDirectory

    /// The record of a path.
    package func file(_ path: String) -> BundleFile? { files.first { $0.path == path } }
}
