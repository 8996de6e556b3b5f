internal import Crypto
internal import JSON
package import Store

/// A grant that was worked out and checked, but not written: what an operator decides over.
package struct GrantProposal: Sendable {
    /// What the author asks for.
    package let asked: Manifest
    /// What is granted now; nil for a plugin that is new here.
    package let before: Manifest?
    /// What would be granted.
    package let after: Manifest
    /// The two side by side.
    package let diff: CapabilityDiff
    /// The manifest to be written.
    let object: JSONObject
    /// SHA-256 of the bundle's plugin.json.
    let bundleDigest: SHA256Digest
    /// SHA-256 of the manifest file that `before` was read from; nil when there was none.
    let fileDigest: SHA256Digest?

    /// Whether it is for a share of the calls only.
    package var track: GrantTrack { after.canaryPercent == nil ? .stable : .canary }

    /// The file's name in the manifest folder.
    var file: String { ManifestFolder.file(after.name, track) }

    init(
        asked: Manifest, before: Manifest?, object: JSONObject, bundleDigest: SHA256Digest, fileDigest: SHA256Digest?
    ) throws(ManifestError) {
        let file = ManifestFolder.file(asked.name, object["canary"] == nil ? .stable : .canary)
        after = try Manifest(parsing: JSONValue.object(object).serialized(), file: file, role: .granted)
        let problems = GrantCheck(asked: asked, granted: after, file: file).problems()
        guard problems.isEmpty else { throw ManifestError(problems) }
        (self.asked, self.before, self.object) = (asked, before, object)
        (self.bundleDigest, self.fileDigest) = (bundleDigest, fileDigest)
        diff = CapabilityDiff(before: before, after: after)
    }
}

extension ManifestFolder {
    /// The file that a plugin's grant stands in.
    static func file(_ plugin: String, _ track: GrantTrack) -> String { plugin + (track == .stable ? ".json" : ".canary.json") }
}
