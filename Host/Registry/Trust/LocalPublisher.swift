internal import Crypto
internal import Glibc
internal import JSON

/// The publisher that a data folder trusts without being told: its own key, `DATA/publisher.key`, trusted by `DATA/trust/local.json` alone.
///
/// Nothing is followed: the folder may belong to the service's account while its operator, who calls this, is root.
package enum LocalPublisher {
    /// The publisher's name.
    package static let name = "local"
    /// The key file in the data folder.
    package static let keyFile = "publisher.key"

    /// The data folder's key, made with its trust file when there is none. Blocking.
    package static func key(in data: String) throws(ManifestError) -> PublisherKey {
        do {
            let folder = try OpenFile(trusted: data, flags: O_RDONLY | O_DIRECTORY)
            let key = try key(in: folder.descriptor)
            try trust(key, in: folder.descriptor)
            return key
        } catch let error as FileError {
            throw ManifestError(file: keyFile, reason: "cannot be made or read: " + String(cString: strerror(error.code)))
        } catch let error as ManifestError {
            throw error
        } catch {
            throw ManifestError(file: keyFile, reason: "\(error)")
        }
    }

    private static func key(in folder: Int32) throws -> PublisherKey {
        for isLast in [false, true] {
            do {
                return try PublisherKey(OpenFile(keyFile, beneath: folder), label: keyFile)
            } catch let error as FileError where error.code == ENOENT && !isLast {
                do {
                    try PublisherKey.generate(publisher: name).write(keyFile, in: folder)
                } catch let error as FileError where error.code == EEXIST {
                    // Another command made it at the same moment: theirs is read next.
                    continue
                }
            }
        }
        throw FileError(code: ENOENT)
    }

    /// Makes `trust/local.json` say this key, unless it does.
    private static func trust(_ key: PublisherKey, in folder: Int32) throws {
        guard mkdirat(folder, TrustFolders.name, 0o755) == 0 || errno == EEXIST else { throw FileError(code: errno) }
        let trust = try OpenFile(TrustFolders.name, beneath: folder, flags: O_RDONLY | O_DIRECTORY)
        let file = name + ".json"
        let label = "data/trust/\(file)"
        if faccessat(trust.descriptor, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 {
            let bytes = try BoundedRead.file(file, beneath: trust.descriptor, bytesMax: Limits.trustFileBytesMax, label: label)
            if try TrustedPublisher(parsing: bytes, file: label).keys.contains(where: { $0.key == key.publicKey }) { return }
        }
        var publisher = key.trusted
        publisher.description = "Made by this data folder for what is packed on this machine; trusted here alone."
        let bytes = JSONValue.object(publisher.json).serialized([.pretty]) + [UInt8(ascii: "\n")]
        try WholeFile.write(bytes, to: file, in: trust.descriptor)
    }
}
