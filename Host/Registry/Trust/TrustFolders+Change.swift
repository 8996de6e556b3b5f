internal import Glibc
internal import JSON

extension TrustFolders {
    /// Writes a publisher's file into the operator's folder, over an older one; refused for the name of the data folder's own publisher.
    package func add(_ publisher: TrustedPublisher) throws(ManifestError) {
        guard publisher.name != LocalPublisher.name else {
            throw ManifestError(
                file: "trust/\(publisher.name).json", pointer: "/name", reason: "is the name of each data folder's own publisher: choose another")
        }
        try Self.write(publisher, in: manifests)
    }

    /// Writes a publisher's file into a folder, which is made when it is missing.
    package static func write(_ publisher: TrustedPublisher, in folder: String) throws(ManifestError) {
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw ManifestError(file: name, reason: "cannot be made: " + String(cString: strerror(errno)))
        }
        try ManifestFolder(path: folder).write(publisher.name + ".json", .object(publisher.json))
    }

    /// Removes a publisher's file from the operator's folder; false when there was none.
    package func remove(_ publisher: String) throws(ManifestError) -> Bool {
        guard PublisherKey.isName(publisher), access("\(manifests)/\(publisher).json", F_OK) == 0 else { return false }
        try ManifestFolder(path: manifests).remove(publisher + ".json")
        return true
    }
}
