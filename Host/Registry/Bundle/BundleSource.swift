internal import CLinux
package import Crypto
internal import Glibc

/// A bundle folder that a stranger brought: open, listed, its plugin.json read once and compared with what is there.
package struct BundleSource: ~Copyable {
    /// What the author asks for.
    package let asked: Manifest
    /// SHA-256 of plugin.json's bytes.
    package let digest: SHA256Digest
    /// The folder's name, for problems.
    package let label: String
    let directory: OpenFile
    let tree: BundleTree

    /// Opens a folder at a path that the operator gave (`limen plugin install PATH`).
    package init(path: String) throws(ManifestError) {
        let label = path.split(separator: "/").last.map(String.init) ?? "bundle"
        do {
            try self.init(directory: OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW), label: label)
        } catch let error as FileError {
            throw ManifestError(file: label, reason: error.reason)
        } catch let error as ManifestError {
            throw error
        } catch {
            throw ManifestError(file: label, reason: "\(error)")
        }
    }

    /// Takes an open folder.
    init(directory: consuming OpenFile, label: String) throws(ManifestError) {
        let file = "\(label)/\(BundleLayout.manifestFile)"
        let tree = try BundleTree(directory: directory.descriptor, label: label)
        let read = try BoundedRead.file(
            BundleLayout.manifestFile, beneath: directory.descriptor, bytesMax: Limits.manifestBytesMax, label: file)
        let asked = try Manifest(parsing: read, file: file, role: .asked)
        try Self.compare(tree, asked, label)
        self.asked = asked
        digest = SHA256.hash(read)
        self.tree = tree
        self.label = label
        self.directory = directory
    }

    private static func compare(_ tree: BundleTree, _ asked: Manifest, _ label: String) throws(ManifestError) {
        let present = Set(tree.files).subtracting([BundleLayout.manifestFile, BundleLayout.signatureFile])
        let listed = Set(asked.files.keys)
        var problems = present.subtracting(listed).sorted().map {
            ManifestProblem(file: "\(label)/\($0)", reason: "is not listed in plugin.json")
        }
        problems += listed.subtracting(present).sorted().map {
            ManifestProblem(
                file: "\(label)/\(BundleLayout.manifestFile)", pointer: "/files/" + ManifestReader.escaped($0), reason: "is missing from the bundle")
        }
        guard problems.isEmpty else { throw ManifestError(problems) }
    }
}

/// Reads whole small files, once, from one descriptor.
enum BoundedRead {
    /// The bytes of a regular file beneath a folder; refused when it is longer than `bytesMax`.
    static func file(_ path: String, beneath directory: Int32, bytesMax: Int, label: String) throws(ManifestError) -> [UInt8] {
        do {
            let file = try OpenFile(path, beneath: directory)
            return try contents(file, bytesMax: bytesMax)
        } catch let error as FileError {
            throw ManifestError(file: label, reason: error.code == ELOOP ? "is a symbolic link" : error.reason)
        } catch let error as CryptoError {
            throw ManifestError(file: label, reason: error.operation)
        } catch {
            throw ManifestError(file: label, reason: "\(error)")
        }
    }

    private static func contents(_ file: borrowing OpenFile, bytesMax: Int) throws -> [UInt8] {
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw CryptoError(.malformed, "is not a regular file") }
        guard status.st_size <= bytesMax else { throw CryptoError(.malformed, "is longer than \(bytesMax) bytes") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size))
        _ = try SHA256.hash(descriptor: file.descriptor, bytesMax: bytesMax) { bytes.append(contentsOf: $0) }
        return bytes
    }
}
