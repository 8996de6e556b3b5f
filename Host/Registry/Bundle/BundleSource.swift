internal import CLinux
package import Crypto
internal import Glibc
internal import JSON

/// A bundle folder that a stranger brought: open, listed, its signature and plugin.json read once, checked, and compared with what is there.
package struct BundleSource: ~Copyable {
    /// What the author asks for.
    package let asked: Manifest
    /// SHA-256 of plugin.json's bytes.
    package let digest: SHA256Digest
    /// The folder's name, for problems.
    package let label: String
    /// The trusted publisher that signed it.
    package let signer: BundleSigner
    /// The bytes of SIGNATURE, as they were checked.
    let signature: [UInt8]
    let directory: OpenFile
    let tree: BundleTree

    /// Opens a folder at a path that the operator gave (`limen plugin install PATH`).
    package init(path: String, trust: TrustSet) throws(ManifestError) { try self.init(path: path, judge: trust) }

    /// Opens a stored copy to compare a newer version with, never to load it: its publisher may be trusted no more.
    init(stored path: String) throws(ManifestError) { try self.init(path: path, judge: nil) }

    private init(path: String, judge: TrustSet?) throws(ManifestError) {
        let label = path.split(separator: "/").last.map(String.init) ?? "bundle"
        do {
            try self.init(directory: OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW), label: label, trust: judge)
        } catch {
            throw ManifestError(error, file: label)
        }
    }

    /// Takes an open folder. The signature is checked over the bytes of plugin.json before a parser sees them.
    init(directory: consuming OpenFile, label: String, trust: TrustSet?) throws(ManifestError) {
        let file = "\(label)/\(BundleLayout.manifestFile)"
        let tree = try BundleTree(directory: directory.descriptor, label: label)
        let read = try BoundedRead.file(
            BundleLayout.manifestFile, beneath: directory.descriptor, bytesMax: Limits.manifestBytesMax, label: file)
        let signature = try Self.signature(of: read, tree, directory.descriptor, label)
        let asked = try Manifest(parsing: read, file: file, role: .asked)
        try Self.checkCanonical(read, file)
        try Self.check(signature.signer, asked, trust, label)
        try Self.compare(tree, asked, label)
        self.asked = asked
        digest = SHA256.hash(read)
        signer = signature.signer
        self.signature = signature.bytes
        self.tree = tree
        self.label = label
        self.directory = directory
    }

    private static func signature(
        of manifest: [UInt8], _ tree: BundleTree, _ directory: Int32, _ label: String
    ) throws(ManifestError) -> BundleSignature {
        let file = "\(label)/\(BundleLayout.signatureFile)"
        guard tree.files.contains(BundleLayout.signatureFile) else {
            throw ManifestError(file: file, reason: "is missing: the bundle is not signed; its publisher signs it with `limen plugin sign`")
        }
        let read = try BoundedRead.file(BundleLayout.signatureFile, beneath: directory, bytesMax: Limits.signatureBytesMax, label: file)
        let signature = try BundleSignature(parsing: read, file: file)
        guard signature.isValid(for: manifest) else {
            throw ManifestError(
                file: "\(label)/\(BundleLayout.manifestFile)",
                reason: "does not match \(BundleLayout.signatureFile): one of the two was changed after signing")
        }
        return signature
    }

    /// Only one text of plugin.json is signed, so only that one is taken: no byte may differ, not even white space.
    private static func checkCanonical(_ manifest: [UInt8], _ file: String) throws(ManifestError) {
        let canonical: [UInt8]
        do {
            let limits = JSONLimits(bytesMax: Limits.manifestBytesMax, depthMax: Limits.manifestDepthMax)
            canonical = try JSONValue(parsing: manifest, limits: limits).canonical()
        } catch {
            throw ManifestError(file: file, reason: "has no canonical form: \(error.message)")
        }
        guard canonical == manifest else {
            throw ManifestError(file: file, reason: "is not in its canonical form (RFC 8785); `limen plugin sign` writes it")
        }
    }

    private static func check(
        _ signer: BundleSigner, _ asked: Manifest, _ trust: TrustSet?, _ label: String
    ) throws(ManifestError) {
        guard asked.publisher == signer.publisher else {
            throw ManifestError(
                file: "\(label)/\(BundleLayout.manifestFile)", pointer: "/publisher",
                reason: "is \"\(asked.publisher)\"; \(BundleLayout.signatureFile) is by \"\(signer.publisher)\"")
        }
        switch trust?.verdict(on: signer, plugin: asked.name) {
        case nil, .trusted: return
        case .refused(let reason), .undecided(let reason):
            throw ManifestError(file: "\(label)/\(BundleLayout.signatureFile)", reason: "is not to be trusted: \(reason)")
        }
    }

    /// Hashes every file and checks every library where the bundle lies.
    func verifyFiles() throws(ManifestError) {
        do {
            _ = try BundleVerifier(self).verify(tree, directory.descriptor, label)
        } catch {
            throw ManifestError(error, file: label)
        }
    }

    static func compare(_ tree: BundleTree, _ asked: Manifest, _ label: String) throws(ManifestError) {
        let present = Set(tree.files).subtracting([BundleLayout.manifestFile, BundleLayout.signatureFile])
        let listed = Set(asked.files.keys)
        var problems = present.subtracting(listed).sorted().map {
            ManifestProblem(file: "\(label)/\($0)", reason: "is not listed in plugin.json")
        }
        problems += listed.subtracting(present).sorted().map {
            ManifestProblem(
                file: "\(label)/\(BundleLayout.manifestFile)", pointer: "/files/" + ManifestReader.escaped($0), reason: "is missing from the bundle")
        }
        problems += tree.folders.filter { folder in !listed.contains { $0.hasPrefix(folder + "/") } }.sorted().map {
            ManifestProblem(file: "\(label)/\($0)", reason: "is a folder in which plugin.json lists nothing")
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
