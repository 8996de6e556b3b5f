internal import Crypto
internal import Glibc
internal import JSON

/// Signs bundle folders, and checks their every byte without installing them.
package enum BundleSigning {
    /// Writes plugin.json in its canonical form and `SIGNATURE` beside it.
    ///
    /// Refused when a file differs from what plugin.json lists: a signature says that its maker stands for every byte. A plugin.json without a
    /// publisher gets the key's; one with another publisher is refused.
    package static func sign(_ path: String, with key: PublisherKey) throws(ManifestError) {
        let label = path.split(separator: "/").last.map(String.init) ?? "bundle"
        do {
            let folder = try OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY)
            let manifest = try canonical(folder.descriptor, label, key)
            let tree = try BundleTree(directory: folder.descriptor, label: label)
            let asked = try Manifest(parsing: manifest, file: "\(label)/\(BundleLayout.manifestFile)", role: .asked)
            try BundleSource.compare(tree, asked, label)
            for (file, digest) in asked.files { try check(file, digest, folder.descriptor, label) }
            let signature = try BundleSignature(signing: manifest, with: key)
            try WholeFile.write(manifest, to: BundleLayout.manifestFile, in: folder.descriptor)
            try WholeFile.write(signature.bytes, to: BundleLayout.signatureFile, in: folder.descriptor)
        } catch let error as ManifestError {
            throw error
        } catch let error as FileError {
            throw ManifestError(file: label, reason: String(cString: strerror(error.code)))
        } catch {
            throw ManifestError(file: label, reason: "\(error)")
        }
    }

    /// Checks signature, trust, every digest and every library of a bundle folder, and installs nothing.
    package static func verify(_ path: String, trust: TrustSet) throws(ManifestError) -> (manifest: Manifest, signer: BundleSigner) {
        let source = try BundleSource(path: path, trust: trust)
        try source.verifyFiles()
        return (source.asked, source.signer)
    }

    private static func canonical(_ folder: Int32, _ label: String, _ key: PublisherKey) throws -> [UInt8] {
        let file = "\(label)/\(BundleLayout.manifestFile)"
        let read = try BoundedRead.file(BundleLayout.manifestFile, beneath: folder, bytesMax: Limits.manifestBytesMax, label: file)
        do {
            let limits = JSONLimits(bytesMax: Limits.manifestBytesMax, depthMax: Limits.manifestDepthMax)
            guard var object = try JSONValue(parsing: read, limits: limits).objectValue else {
                throw ManifestError(file: file, reason: "must be an object")
            }
            if object["publisher"] == nil { object["publisher"] = .string(key.publisher) }
            guard object["publisher"] == .string(key.publisher) else {
                throw ManifestError(
                    file: file, pointer: "/publisher", reason: "is \(object["publisher"]?.text ?? ""); the key is that of \"\(key.publisher)\"")
            }
            return try JSONValue.object(object).canonical()
        } catch let error as JSONError {
            throw ManifestError(file: file, reason: "cannot be signed: \(error.message)")
        }
    }

    private static func check(_ path: String, _ digest: SHA256Digest, _ folder: Int32, _ label: String) throws {
        let file = try OpenFile(path, beneath: folder)
        guard try SHA256.hash(descriptor: file.descriptor, bytesMax: Limits.bundleFileBytesMax).digest == digest else {
            throw ManifestError(file: "\(label)/\(path)", reason: "does not have the SHA-256 that plugin.json lists; pack the bundle again")
        }
    }
}
