import Config
import Glibc
import JSON
import Registry

/// Whom the temporary folder of an author's command trusts: for packed bundles, whom the caller's data folder trusts and the caller;
/// for sources, a key that lives as long as the command and is written nowhere.
enum WorkshopTrust {
    /// Shows the caller's trusted publishers to the inner process. What the caller cannot read is not trusted.
    static func copy(_ arguments: Arguments, to workshop: String) throws {
        let account = Account.current()
        let settings = try Settings.load(arguments)
        for (source, target) in [(settings.data, "data"), (settings.manifests, "manifests")] {
            let folder = "\(workshop)/\(target)/\(TrustFolders.name)"
            try account.makeFolder(folder, mode: 0o755)
            for name in Folder.names(in: "\(source)/\(TrustFolders.name)") where name.hasSuffix(".json") {
                try File.copy("\(source)/\(TrustFolders.name)/\(name)", to: "\(folder)/\(name)", for: account)
            }
        }
        guard let own = try PublisherKeys.authorIfAny() else { return }
        let isKnown = ["data", "manifests"].contains { Path.exists("\(workshop)/\($0)/\(TrustFolders.name)/\(own.name).json") }
        if !isKnown {
            let file = "\(workshop)/data/\(TrustFolders.name)/\(own.name).json"
            try File.write(JSONValue.object(own.json).serialized(), to: file)
        }
    }
}

extension Workshop {
    /// The publisher of sources whose plugin.json names none.
    static let publisher = "workshop"

    /// Whom this command trusts.
    var trust: TrustFolders { TrustFolders(data: "\(path)/data", manifests: "\(path)/manifests") }

    /// Packs what was staged from sources and signs it, one key a publisher; a bundle that was packed before is left as it is, signature and all.
    func pack(_ engine: Engine) async throws {
        var keys: [String: PublisherKey] = [:]
        for bundle in bundles where try !Bundler(bundle).isPacked {
            try await engine.pack(bundle, publisher: Self.publisher)
            let publisher = try Bundler(bundle).asked["publisher"]?.stringValue ?? Self.publisher
            let key = try keys[publisher] ?? .generate(publisher: publisher)
            try BundleSigning.sign(bundle, with: key)
            if keys.updateValue(key, forKey: publisher) == nil { try TrustFolders.write(key.trusted, in: trust.data) }
        }
    }
}
