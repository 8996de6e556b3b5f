internal import CLinux
internal import Glibc

/// What lies in a bundle folder: paths of regular files and of folders, nothing else and no more than the limits.
struct BundleTree {
    /// Regular files, sorted.
    private(set) var files: [String] = []
    /// Folders beneath the top, parents first.
    private(set) var folders: [String] = []

    /// Lists a folder without following anything; refuses symbolic links, devices, sockets, pipes, set-id files and too much of anything.
    init(directory: Int32, label: String) throws(ManifestError) {
        try walk(directory, prefix: "", depth: 1, label: label)
        files.sort()
    }

    private mutating func walk(_ directory: Int32, prefix: String, depth: Int, label: String) throws(ManifestError) {
        guard depth <= Limits.bundleDepthMax else {
            throw ManifestError(file: label, reason: "is nested deeper than \(Limits.bundleDepthMax) folders")
        }
        for name in try Self.names(directory, label) {
            let path = prefix + name
            let file = "\(label)/\(path)"
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw ManifestError(file: file, reason: FileError(code: errno).reason)
            }
            guard BundleLayout.isSafePath(path) else { throw ManifestError(file: label, reason: "has a file with an unsafe name") }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                try add(path, status, file, label)
            case S_IFDIR:
                folders.append(path)
                guard folders.count <= Limits.bundleFoldersMax else {
                    throw ManifestError(file: label, reason: "has more than \(Limits.bundleFoldersMax) folders")
                }
                do {
                    let child = try OpenFile(name, beneath: directory, flags: O_RDONLY | O_DIRECTORY)
                    try walk(child.descriptor, prefix: path + "/", depth: depth + 1, label: label)
                } catch {
                    throw ManifestError(error, file: file)
                }
            case S_IFLNK: throw ManifestError(file: file, reason: "is a symbolic link")
            default: throw ManifestError(file: file, reason: "is neither a file nor a folder")
            }
        }
    }

    private mutating func add(_ path: String, _ status: stat, _ file: String, _ label: String) throws(ManifestError) {
        guard status.st_mode & (S_ISUID | S_ISGID) == 0 else { throw ManifestError(file: file, reason: "is set-user-ID or set-group-ID") }
        files.append(path)
        // plugin.json and SIGNATURE come on top of what plugin.json lists.
        guard files.count <= Limits.bundleFilesMax + 2 else {
            throw ManifestError(file: label, reason: "has more than \(Limits.bundleFilesMax) files")
        }
    }

    private static func names(_ directory: Int32, _ label: String) throws(ManifestError) -> [String] {
        // A second descriptor with a position of its own; closedir closes it.
        let descriptor = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let stream = fdopendir(descriptor) else {
            throw ManifestError(file: label, reason: FileError(code: errno).reason)
        }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            names.append(name)
            guard names.count <= Limits.bundleFilesMax + Limits.bundleFoldersMax + 2 else {
                throw ManifestError(file: label, reason: "has more than \(Limits.bundleFilesMax) files")
            }
        }
        guard errno == 0 else { throw ManifestError(file: label, reason: FileError(code: errno).reason) }
        return names.sorted()
    }
}
