internal import Crypto
package import JSON
internal import JSONSchema

/// One key of a trusted publisher with its limits.
package struct TrustedKey: Sendable, Hashable {
    /// The key.
    package let key: PublicKey
    /// Not trusted before.
    package var notBefore: Moment?
    /// Not trusted after.
    package var notAfter: Moment?
    /// Why it is revoked; nil while it is not.
    package var revoked: String?
    /// For people.
    package var note: String?

    /// A key, by default without limits.
    package init(_ key: PublicKey, notBefore: Moment? = nil, notAfter: Moment? = nil, revoked: String? = nil, note: String? = nil) {
        self.key = key
        (self.notBefore, self.notAfter, self.revoked, self.note) = (notBefore, notAfter, revoked, note)
    }

    /// Why the key does not count at a moment; nil when it does.
    package func refusal(at now: Moment) -> String? {
        if let revoked { return "is revoked: \(revoked)" }
        if let notBefore, now < notBefore { return "is not valid before \(notBefore)" }
        if let notAfter, notAfter < now { return "expired at \(notAfter)" }
        return nil
    }
}

/// A publisher whose bundles are taken: the content of `manifests/trust/NAME.json`.
package struct TrustedPublisher: Sendable, Hashable {
    /// As plugin.json names it.
    package let name: String
    /// For people; may be empty.
    package var description: String
    /// Exact plugin names, or beginnings followed by a star; nil allows any.
    package var plugins: [String]?
    /// At least one.
    package var keys: [TrustedKey]

    /// A publisher with its keys.
    package init(name: String, description: String = "", plugins: [String]? = nil, keys: [TrustedKey]) {
        self.name = name
        self.description = description
        (self.plugins, self.keys) = (plugins, keys)
    }

    /// Reads, validates and decodes a trust file's bytes; `file` names it in problems.
    package init(parsing bytes: [UInt8], file: String) throws(ManifestError) {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: bytes, limits: JSONLimits(bytesMax: Limits.trustFileBytesMax))
        } catch {
            throw ManifestError(file: file, reason: "is not acceptable JSON at byte \(error.offset): \(error.message)")
        }
        let reader = try ManifestReader(document, TrustSchema.compiled(), file: file)
        do {
            try self.init(reader)
        } catch {
            throw ManifestError([error])
        }
    }

    private init(_ reader: ManifestReader) throws(ManifestProblem) {
        name = try reader.string("name")
        description = try reader.optionalString("description") ?? ""
        plugins = reader.object["plugins"] == nil ? nil : try reader.strings("plugins", default: [])
        var keys: [TrustedKey] = []
        for item in try reader.objects("keys") {
            let key = try TrustedKey(item)
            guard !keys.contains(where: { $0.key == key.key }) else { throw item.problem("public_key", "stands twice") }
            keys.append(key)
        }
        self.keys = keys
    }

    /// Whether it may sign a plugin of that name.
    package func maySign(_ plugin: String) -> Bool {
        guard let plugins else { return true }
        return plugins.contains { pattern in
            pattern.hasSuffix("*") ? plugin.hasPrefix(pattern.dropLast()) : plugin == pattern
        }
    }

    /// The trust file's content.
    package var json: JSONObject {
        var object: JSONObject = ["name": .string(name)]
        if !description.isEmpty { object["description"] = .string(description) }
        if let plugins { object["plugins"] = .array(plugins.map { .string($0) }) }
        object["keys"] = .array(keys.map { .object($0.json) })
        return object
    }
}

extension TrustedKey {
    fileprivate init(_ reader: ManifestReader) throws(ManifestProblem) {
        do {
            key = try PublicKey(text: reader.string("public_key"))
        } catch let error as CryptoError {
            throw reader.problem("public_key", "is \(error.operation)")
        } catch let error as ManifestProblem {
            throw error
        } catch {
            throw reader.problem("public_key", "\(error)")
        }
        notBefore = try Self.moment(reader, "not_before")
        notAfter = try Self.moment(reader, "not_after")
        revoked = try reader.optionalString("revoked")
        note = try reader.optionalString("note")
        if let notBefore, let notAfter, notAfter < notBefore { throw reader.problem("not_after", "is before not_before") }
    }

    private static func moment(_ reader: ManifestReader, _ name: String) throws(ManifestProblem) -> Moment? {
        guard let text = try reader.optionalString(name) else { return nil }
        guard let moment = Moment(text) else { throw reader.problem(name, "is no moment, such as 2027-01-31T00:00:00Z") }
        return moment
    }

    fileprivate var json: JSONObject {
        var object: JSONObject = ["public_key": .string(key.text)]
        if let notBefore { object["not_before"] = .string(notBefore.description) }
        if let notAfter { object["not_after"] = .string(notAfter.description) }
        if let revoked { object["revoked"] = .string(revoked) }
        if let note { object["note"] = .string(note) }
        return object
    }
}
