internal import Crypto
internal import IO
internal import JSON
internal import Store

extension Registry {
    /// Removes what a crash left half-written in the store, and every verified copy that no version refers to: not the one in force, not the one
    /// before it, not one on trial, not one whose calls still run (`inUse`, paths). Answers the names of the copies that went.
    ///
    /// Only the service calls it: it alone knows which versions still run.
    package func cleanStore(inUse: Set<String>, removesLeftovers: Bool = false) async throws(ManifestError) -> [String] {
        let granted: [GrantedBundle]
        do {
            granted = try await states?.history.newestBundles() ?? []
        } catch {
            throw ManifestError(file: "store", reason: "is not cleaned, because the history could not be read: \(error)")
        }
        let snapshot = snapshot()
        let keepsHistory = states != nil
        return try await onPool { [bundles, folder] () throws(ManifestError) in
            if removesLeftovers { try bundles.removeLeftovers() }
            // Without a history nobody knows what was in force before.
            guard keepsHistory else { return [] }
            var digests = Set((Array(snapshot.plugins.values) + Array(snapshot.canaries.values)).map(\.bundle.digest.hex))
            let files = try folder.files()
            for bundle in granted where files.contains(ManifestFolder.file(bundle.plugin, .stable)) { digests.insert(bundle.digest) }
            for file in files {
                if let pinned = try Self.pin(file, folder) { digests.insert(pinned) }
            }
            return try bundles.removeUnused(keepingDigests: digests, paths: inUse)
        }
    }

    /// The digest that a manifest file names, in order or not.
    private static func pin(_ file: String, _ folder: ManifestFolder) throws(ManifestError) -> String? {
        let bytes: [UInt8]
        do {
            bytes = try folder.read(file)
        } catch {
            // Gone or unreadable: it names nothing, and the reload says what is wrong with it.
            return nil
        }
        // try?: a file that is not JSON names nothing.
        return (try? JSONValue(parsing: bytes))?["bundle_sha256"]?.stringValue
    }
}
