internal import CLinux
internal import Glibc
internal import JSON

/// The folder of granted manifests: `NAME.json` files; also that of trust files. Folders in it are not read here.
struct ManifestFolder: Sendable {
    /// Absolute path.
    let path: String

    /// Names of the manifest files, sorted; refused when there are too many.
    func files() throws(ManifestError) -> [String] {
        guard let stream = opendir(path) else { throw ManifestError(file: ".", reason: FileError(code: errno).reason) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasSuffix(".json"), !name.hasPrefix(".") else { continue }
            names.append(name)
            guard names.count <= Limits.manifestsMax else {
                throw ManifestError(file: ".", reason: "holds more than \(Limits.manifestsMax) manifests")
            }
        }
        return names.sorted()
    }

    /// The bytes of one file, read once from one descriptor.
    func read(_ name: String) throws(ManifestError) -> [UInt8] {
        do {
            let folder = try OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY)
            return try BoundedRead.file(name, beneath: folder.descriptor, bytesMax: Limits.manifestBytesMax, label: name)
        } catch {
            throw ManifestError(error, file: name)
        }
    }

    /// Writes a file so that a reader sees the old text or the new one, never a part; durable when it returns.
    func write(_ name: String, _ value: JSONValue) throws(ManifestError) {
        do {
            let folder = try OpenFile(trusted: path, flags: O_RDONLY | O_DIRECTORY)
            try WholeFile.write(value.serialized([.pretty]) + [UInt8(ascii: "\n")], to: name, in: folder.descriptor)
        } catch {
            throw ManifestError(file: name, reason: "cannot be written: " + String(cString: strerror(error.code)))
        }
    }

    /// Removes a file; one that is already gone is no error.
    func remove(_ name: String) throws(ManifestError) {
        guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
            throw ManifestError(file: name, reason: "cannot be removed: " + String(cString: strerror(errno)))
        }
    }
}
