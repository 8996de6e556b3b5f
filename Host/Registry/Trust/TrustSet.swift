/// What is to be thought of a signature whose bytes are in order.
package enum TrustVerdict: Sendable, Hashable {
    /// The bundle may be taken.
    case trusted
    /// It may not, and why; what runs of it is stopped.
    case refused(String)
    /// The trust file cannot be read, and why: nothing new is taken, what runs goes on until the file is mended.
    case undecided(String)
}

/// The trusted publishers at one moment: immutable, read from the folders once for each reload or command.
package struct TrustSet: Sendable {
    /// Publishers by name.
    package let publishers: [String: TrustedPublisher]
    /// Trust files that were refused, with file, pointer and reason.
    package let problems: [ManifestProblem]
    /// The moment that validity is judged at.
    package let moment: Moment
    /// Why a publisher's file was refused, by the name that the file has.
    private let unreadable: [String: String]
    /// Why a whole folder could not be read.
    private let unreadableFolder: String?

    init(
        publishers: [String: TrustedPublisher], problems: [ManifestProblem], unreadable: [String: String], unreadableFolder: String?, moment: Moment
    ) {
        (self.publishers, self.problems, self.moment) = (publishers, problems, moment)
        (self.unreadable, self.unreadableFolder) = (unreadable, unreadableFolder)
    }

    /// A set of known publishers, for commands that were given their trust file.
    package init(_ publishers: [TrustedPublisher], at moment: Moment = .now()) {
        let byName = Dictionary(publishers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(publishers: byName, problems: [], unreadable: [:], unreadableFolder: nil, moment: moment)
    }

    /// The same set with one more publisher, unless its name is taken.
    package func adding(_ publisher: TrustedPublisher) -> TrustSet {
        TrustSet(
            publishers: publishers.merging([publisher.name: publisher]) { known, _ in known }, problems: problems, unreadable: unreadable,
            unreadableFolder: unreadableFolder, moment: moment)
    }

    /// Whether a publisher's key may sign a plugin now.
    package func verdict(on signer: BundleSigner, plugin: String) -> TrustVerdict {
        guard let publisher = publishers[signer.publisher] else {
            if let reason = unreadable[signer.publisher] ?? unreadableFolder { return .undecided(reason) }
            return .refused(
                "\"\(signer.publisher)\" (\(signer.key)) is not trusted here; `limen plugin trust add FILE` trusts a publisher")
        }
        guard let key = publisher.keys.first(where: { $0.key == signer.key }) else {
            return .refused("the key \(signer.key) is not one of the trusted keys of \"\(signer.publisher)\"")
        }
        if let reason = key.refusal(at: moment) { return .refused("the key \(signer.key) of \"\(signer.publisher)\" \(reason)") }
        guard publisher.maySign(plugin) else {
            return .refused("\"\(signer.publisher)\" is trusted for \(publisher.plugins?.joined(separator: ", ") ?? ""), not for \"\(plugin)\"")
        }
        return .trusted
    }
}
