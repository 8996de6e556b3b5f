package import JSON

/// What the system gives every tenant of a kind.
package struct ArtifactSeed: Sendable, Hashable {
    /// Its name, by which the host finds it: `default`.
    package let name: String
    package let description: String
    /// The definition; an object with `kind`.
    package let schema: JSONValue

    package init(name: String, description: String, schema: JSONValue) {
        (self.name, self.description, self.schema) = (name, description, schema)
    }
}

/// A kind of definition: how it is checked, and what of it every tenant begins with. Each feature gives its own.
package struct ArtifactKind: Sendable {
    /// `schema.kind`, such as `workflow.chat`; the part before the point is the type.
    package let kind: String
    /// What is wrong with a definition; nothing when it can be used. Bounded: it runs inside a transaction.
    package let check: @Sendable (JSONValue) -> [ArtifactProblem]
    package let seeds: [ArtifactSeed]

    package init(_ kind: String, seeds: [ArtifactSeed] = [], check: @escaping @Sendable (JSONValue) -> [ArtifactProblem]) {
        (self.kind, self.seeds, self.check) = (kind, seeds, check)
    }
}

/// The kinds that this host knows.
package struct ArtifactKinds: Sendable {
    private let kinds: [String: ArtifactKind]

    /// - Precondition: every kind has a type before its point, is there once, and its seeds pass its own check.
    package init(_ kinds: [ArtifactKind] = []) {
        var found: [String: ArtifactKind] = [:]
        for kind in kinds {
            precondition(Self.type(of: kind.kind) != nil && found[kind.kind] == nil, "\(kind.kind) is no kind, or is there twice")
            for seed in kind.seeds {
                let problems = kind.check(seed.schema)
                precondition(seed.schema["kind"]?.stringValue == kind.kind && problems.isEmpty, "the seed \(seed.name) of \(kind.kind): \(problems)")
            }
            found[kind.kind] = kind
        }
        self.kinds = found
    }

    /// Every seed with its kind, in a fixed order.
    var seeds: [(kind: ArtifactKind, seed: ArtifactSeed)] {
        kinds.values.sorted { $0.kind < $1.kind }.flatMap { kind in kind.seeds.map { (kind, $0) } }
    }

    /// The type that a kind belongs to; nil where it has none.
    static func type(of kind: String) -> ArtifactType? {
        let parts = kind.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, kind.utf8.count <= 64, let name = parts.last, name.first?.isLetter == true,
            name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        else { return nil }
        return ArtifactType(rawValue: String(parts[0]))
    }

    /// The kind of a definition of that type.
    ///
    /// Workflows, policies and agents act, so theirs has to be one that this host knows; of the other types a kind that nobody here knows is a document like any other.
    /// - Throws: `.definition` with every fault that was found, at most `ArtifactLimits.problemsMax`.
    func kind(of schema: JSONValue, type: ArtifactType) throws(ArtifactError) -> String {
        guard let object = schema.objectValue, let kind = object["kind"]?.stringValue, let found = Self.type(of: kind) else {
            throw .definition([ArtifactProblem("/kind", "has to be the kind of the definition, such as `\(example(type))`")])
        }
        guard found == type else {
            throw .definition([ArtifactProblem("/kind", "is one of the type `\(found.rawValue)`, not of `\(type.rawValue)`")])
        }
        guard let known = kinds[kind] else {
            guard [.workflow, .policy, .agent].contains(type) else { return kind }
            let names = kinds.keys.filter { Self.type(of: $0) == type }.sorted().map { "`\($0)`" }.joined(separator: ", ")
            throw .definition([ArtifactProblem("/kind", "is none that this host knows; of this type it knows \(names.isEmpty ? "none" : names)")])
        }
        let problems = known.check(schema)
        guard problems.isEmpty else { throw .definition(Array(problems.prefix(ArtifactLimits.problemsMax))) }
        return kind
    }

    private func example(_ type: ArtifactType) -> String {
        kinds.keys.sorted().first { Self.type(of: $0) == type } ?? "\(type.rawValue).note"
    }
}
