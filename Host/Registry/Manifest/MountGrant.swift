package import JSON

/// A folder of the host that the jail shows read-only (SPEC 2.1 `mounts`).
package struct MountGrant: Sendable, Hashable {
    /// Where the jail shows it: `/mnt/NAME`.
    package let target: String
    /// The host's folder; nil in plugin.json, where the author cannot know it.
    package let source: String?
    /// What the plugin needs it for.
    package let purpose: String

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        target = try reader.string("target")
        source = try reader.optionalString("source")
        purpose = try reader.optionalString("description") ?? ""
    }

    /// The manifest's form.
    package var json: JSONObject {
        var object: JSONObject = ["target": .string(target)]
        if let source { object["source"] = .string(source) }
        if !purpose.isEmpty { object["description"] = .string(purpose) }
        return object
    }
}
