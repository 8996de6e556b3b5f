internal import CLinux
internal import Crypto
internal import Glibc

/// Verifies a stored copy on its own descriptors and records what the jail will compare.
struct BundleVerifier {
    let asked: Manifest
    let signer: BundleSigner
    let digest: SHA256Digest
    private let signatureDigest: SHA256Digest

    /// Expects what a checked source holds.
    init(_ source: borrowing BundleSource) {
        (asked, signer, digest) = (source.asked, source.signer, source.digest)
        signatureDigest = SHA256.hash(source.signature)
    }

    /// Hashes every file of `store/name`, checks its libraries, and returns the record; throws at the first difference.
    func verify(_ name: String, in store: Int32, storePath: String) throws(ManifestError) -> InstalledBundle {
        do {
            let folder = try OpenFile(name, beneath: store, flags: O_RDONLY | O_DIRECTORY)
            let tree = try BundleTree(directory: folder.descriptor, label: name)
            let files = try verify(tree, folder.descriptor, name)
            // The held descriptor is opened from the folder that was verified, not looked up by name again.
            let held = try OpenFile(".", beneath: folder.descriptor, flags: clinux_o_path | O_DIRECTORY)
            let status = try held.status()
            return InstalledBundle(
                path: "\(storePath)/\(name)", digest: digest, signer: signer, files: files, device: UInt64(status.st_dev),
                inode: UInt64(status.st_ino),
                directory: BundleDirectory(owning: held.release()))
        } catch {
            throw ManifestError(error, file: name)
        }
    }

    /// Hashes every file beneath an open folder and checks its libraries.
    func verify(_ tree: BundleTree, _ folder: Int32, _ name: String) throws -> [BundleFile] {
        var expected = asked.files
        expected[BundleLayout.manifestFile] = digest
        expected[BundleLayout.signatureFile] = signatureDigest
        guard Set(tree.files) == Set(expected.keys) else { throw ManifestError(file: name, reason: "holds other files than plugin.json lists") }
        let bundled = Set(expected.keys.filter { $0.hasPrefix("lib/") }.map { String($0.dropFirst(4)) })
        var files: [BundleFile] = []
        for path in tree.files {
            guard let digest = expected[path] else { continue }
            files.append(try verify(path, digest, folder, bundled))
        }
        return files
    }

    private static func reason(_ path: String) -> String {
        path == BundleLayout.manifestFile || path == BundleLayout.signatureFile
            ? "changed since it was checked" : "does not have the SHA-256 that plugin.json lists"
    }

    private func verify(_ path: String, _ expected: SHA256Digest, _ folder: Int32, _ bundled: Set<String>) throws -> BundleFile {
        let file = try OpenFile(path, beneath: folder)
        let before = try file.status()
        let isLibrary = path.hasPrefix("lib/") && path.contains(".so")
        var bytes: [UInt8] = []
        let read = try SHA256.hash(descriptor: file.descriptor, bytesMax: Limits.bundleFileBytesMax) { chunk in
            if isLibrary { bytes.append(contentsOf: chunk) }
        }
        guard read.digest == expected else { throw ManifestError(file: path, reason: Self.reason(path)) }
        if isLibrary || path == asked.library {
            do {
                try LibraryCheck.check(bytes, bundled: bundled, isEntry: path == asked.library)
            } catch {
                throw ManifestError(file: path, reason: error.reason)
            }
        }
        let after = try file.status()
        guard before.st_ctim.tv_sec == after.st_ctim.tv_sec, before.st_ctim.tv_nsec == after.st_ctim.tv_nsec, before.st_size == after.st_size,
            Int(after.st_size) == read.byteCount
        else { throw ManifestError(file: path, reason: "changed while it was verified") }
        return BundleFile(
            path: path, sha256: expected, size: UInt64(after.st_size), device: UInt64(after.st_dev), inode: UInt64(after.st_ino),
            changeSeconds: Int64(after.st_ctim.tv_sec), changeNanoseconds: UInt32(after.st_ctim.tv_nsec))
    }
}
