package import JSON

/// One adapter as a manifest declares it.
package struct AdapterManifest: Sendable, Hashable {
    /// What it adapts.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case modelChat = "model.chat"
        case modelEmbed = "model.embed"
        case modelTrain = "model.train"
        case parserDocument = "parser.document"
        case speechTranscribe = "speech.transcribe"
        case speechSynthesize = "speech.synthesize"
    }

    /// What it adapts.
    package let kind: Kind
    /// Names of the models it serves.
    package let models: [String]

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        kind = try reader.choice("type", default: nil)
        models = try reader.strings("models", default: [])
    }

    /// Whether `other` is the same adapter for the same or fewer models; one that takes any may be granted for some.
    func covers(_ other: AdapterManifest) -> Bool {
        kind == other.kind && (models.isEmpty || !other.models.isEmpty && other.models.allSatisfy(models.contains))
    }

    /// The manifest's form.
    package var json: JSONObject {
        ["type": .string(kind.rawValue), "models": .array(models.map { .string($0) })]
    }
}
