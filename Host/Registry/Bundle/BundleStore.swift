internal import CLinux
internal import Crypto
internal import Glibc

/// Where verified bundles live: one folder a bundle and digest, written once, never by a worker.
///
/// A bundle is copied while it is hashed, made durable and read-only under a temporary name, renamed into place, and then verified once
/// more on the descriptors of the copy, whose inode numbers and change times the jail checks again when it mounts them. So whoever swaps a file
/// between check and load has to change an inode that was recorded, and is refused.
package struct BundleStore: Sendable {
    /// Absolute path of the store (`DATA/store`).
    package let path: String
    /// Folders in which a manifest's `bundle` is looked for, in order: `DATA/bundles`, then the manifest folder.
    package let roots: [String]
    /// Whose bundles are taken.
    package let trust: TrustFolders

    /// Names the folders; nothing is opened yet.
    package init(path: String, roots: [String], trust: TrustFolders) {
        (self.path, self.roots, self.trust) = (path, roots, trust)
    }

    /// The verified copy of the bundle that a manifest grants, with what its author asked for.
    ///
    /// Blocking file work: run it on a pool. Throws with every problem found; nothing half-written is left behind.
    package func install(
        _ granted: Manifest, file: String, trust: TrustSet
    ) throws(ManifestError) -> (bundle: InstalledBundle, asked: Manifest) {
        let source = try locate(granted, file: file, trust)
        if let pinned = granted.bundleSHA256, pinned != source.digest {
            throw ManifestError(file: file, pointer: "/bundle_sha256", reason: "is not the digest of the bundle's plugin.json")
        }
        let problems = GrantCheck(asked: source.asked, granted: granted, file: file).problems()
        guard problems.isEmpty else { throw ManifestError(problems) }
        let bundle = try install(source)
        return (bundle, source.asked)
    }

    /// Copies a bundle to the store unless an intact copy is there, and verifies the copy.
    package func install(_ source: borrowing BundleSource) throws(ManifestError) -> InstalledBundle {
        let name = "\(source.asked.name)-\(source.asked.version)-\(source.digest.hex)"
        let store = try openStore()
        if faccessat(store.descriptor, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 {
            do {
                return try BundleVerifier(source).verify(name, in: store.descriptor, storePath: path)
            } catch {
                // A damaged copy (bad disk, or somebody was here) is not repaired but replaced by a fresh, verified one.
                try BundleCopy.remove(name, in: store.descriptor)
            }
        }
        try BundleCopy.make(source, name: name, in: store.descriptor)
        return try BundleVerifier(source).verify(name, in: store.descriptor, storePath: path)
    }

    /// Removes what a crash left half-written.
    package func removeLeftovers() throws(ManifestError) {
        let store = try openStore()
        for name in try BundleCopy.leftovers(in: store.descriptor) { try BundleCopy.remove(name, in: store.descriptor) }
    }

    func openStore() throws(ManifestError) -> OpenFile {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw ManifestError(file: "store", reason: "cannot be made: " + String(cString: strerror(errno)))
        }
        do {
            return try OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            throw ManifestError(file: "store", reason: error.reason)
        }
    }

    private func locate(_ granted: Manifest, file: String, _ trust: TrustSet) throws(ManifestError) -> BundleSource {
        let pointer = granted.bundle == nil ? "" : "/bundle"
        for root in roots {
            do {
                let folder = try OpenFile(trusted: root, flags: O_RDONLY | O_DIRECTORY)
                let bundle = try OpenFile(granted.bundlePath, beneath: folder.descriptor, flags: O_RDONLY | O_DIRECTORY)
                return try BundleSource(directory: bundle, label: granted.bundlePath, trust: trust)
            } catch let error as ManifestError {
                throw error
            } catch let error as FileError where error.code == ENOENT {
                continue
            } catch let error as FileError {
                let reason = error.code == ELOOP ? "leads through a symbolic link" : error.reason
                throw ManifestError(file: file, pointer: pointer, reason: "\"\(granted.bundlePath)\" \(reason)")
            } catch {
                throw ManifestError(file: file, pointer: pointer, reason: "\(error)")
            }
        }
        // The pinned copy in the store serves when the folder it came from is gone.
        if let pinned = granted.bundleSHA256 {
            let name = "\(granted.name)-\(granted.version)-\(pinned.hex)"
            let store = try openStore()
            if faccessat(store.descriptor, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 { return try BundleSource(path: "\(path)/\(name)", trust: trust) }
        }
        throw ManifestError(file: file, pointer: pointer, reason: "there is no bundle \"\(granted.bundlePath)\"")
    }
}
