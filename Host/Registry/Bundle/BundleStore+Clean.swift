internal import CLinux
internal import Crypto
internal import Glibc

extension BundleStore {
    /// The folder's name of a verified copy.
    static func folder(_ plugin: String, _ version: String, _ digest: SHA256Digest) -> String { "\(plugin)-\(version)-\(digest.hex)" }

    /// What the author of a stored bundle asks for; nil when its copy is not here or not readable.
    func asked(_ granted: Manifest) -> Manifest? {
        guard let digest = granted.bundleSHA256 else { return nil }
        do {
            return try BundleSource(stored: "\(path)/\(Self.folder(granted.name, granted.version.description, digest))").asked
        } catch {
            // Then nothing is known of the earlier request, and everything asked for now is shown as new.
            return nil
        }
    }

    /// Removes every copy whose digest and path are not to be kept; answers their names.
    func removeUnused(keepingDigests digests: Set<String>, paths: Set<String>) throws(ManifestError) -> [String] {
        let store = try openStore()
        var removed: [String] = []
        for name in try Self.names(in: store.descriptor) {
            guard !name.hasPrefix("."), let digest = name.split(separator: "-").last.map(String.init), digest.utf8.count == 64 else { continue }
            if digests.contains(digest) || paths.contains("\(path)/\(name)") { continue }
            try BundleCopy.remove(name, in: store.descriptor)
            removed.append(name)
        }
        return removed.sorted()
    }

    private static func names(in directory: Int32) throws(ManifestError) -> [String] {
        let descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let stream = fdopendir(descriptor) else { throw ManifestError(file: "store", reason: FileError(code: errno).reason) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
