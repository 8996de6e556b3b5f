internal import Crypto
internal import JSON
internal import JSONSchema

extension Manifest {
    /// Whether a file asks (plugin.json) or grants (manifests/NAME.json).
    package enum Role: Sendable, Hashable {
        /// plugin.json: `files` is required, `bundle` and `enabled` have no meaning.
        case asked
        /// manifests/NAME.json: mounts need their source, `files` has no place.
        case granted
    }

    /// Reads, validates and decodes a manifest's bytes.
    ///
    /// Bounded before it is parsed; duplicate keys, deep nesting and unknown members are refused. `file` names it in problems.
    package init(parsing bytes: [UInt8], file: String, role: Role) throws(ManifestError) {
        let document = try Self.document(bytes, file: file)
        let reader = try ManifestReader(document, ManifestSchema.compiled(), file: file)
        do {
            try self.init(reader)
        } catch {
            throw ManifestError([error])
        }
        let problems = ManifestCheck(manifest: self, file: file, role: role).problems()
        guard problems.isEmpty else { throw ManifestError(problems) }
    }

    private static func document(_ bytes: [UInt8], file: String) throws(ManifestError) -> JSONDocument {
        guard bytes.count <= Limits.manifestBytesMax else {
            throw ManifestError(file: file, reason: "is longer than \(Limits.manifestBytesMax) bytes")
        }
        var limits = JSONLimits()
        limits.bytesMax = Limits.manifestBytesMax
        limits.depthMax = Limits.manifestDepthMax
        do {
            return try JSONDocument(parsing: bytes, limits: limits)
        } catch {
            throw ManifestError(file: file, reason: "is not acceptable JSON at byte \(error.offset): \(error.message)")
        }
    }
}
