import Crypto
import Glibc
import JSON
import Registry
import Testing

@Suite("Registry: trusted publishers")
struct TrustTests {
    /// The first problem of a bundle on its way in; nil when it is taken.
    private func refusal(_ workshop: Workshop) -> String? {
        do {
            let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
            _ = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("the trust schema for people is the schema of the program")
    func schemaFile() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let file = try readFile(root + "/manifests/schema/trust.schema.json")
        #expect(try JSONValue(parsing: file) == JSONValue(parsing: Array(TrustSchema.text.utf8)))
    }

    private static let key = String(repeating: "A", count: 42) + "E"

    /// A trust file with one mistake, and the pointer that names it.
    static let bad: [(String, String)] = [
        ("", "{"), ("", "[]"), ("", #"{"name":"tests"}"#), ("/name", #"{"name":"../x","keys":[{"public_key":"\#(key)"}]}"#),
        ("/keys", #"{"name":"tests","keys":[]}"#), ("/keys/0", #"{"name":"tests","keys":[{}]}"#),
        ("/keys/0/public_key", #"{"name":"tests","keys":[{"public_key":"AAAA"}]}"#),
        ("/keys/0/public_key", #"{"name":"tests","keys":[{"public_key":"\#(String(repeating: "A", count: 43))"}]}"#),
        ("/keys/0/public_key", #"{"name":"tests","keys":[{"public_key":"\#(String(repeating: "_", count: 42))8"}]}"#),
        ("/keys/0/public_key", #"{"name":"tests","keys":[{"public_key":"\#(String(repeating: "A", count: 42))F"}]}"#),
        ("/keys/1/public_key", #"{"name":"tests","keys":[{"public_key":"\#(key)"},{"public_key":"\#(key)"}]}"#),
        ("/keys/0/not_after", #"{"name":"tests","keys":[{"public_key":"\#(key)","not_after":"2027-02-30T00:00:00Z"}]}"#),
        ("/keys/0/not_after", #"{"name":"tests","keys":[{"public_key":"\#(key)","not_after":"tomorrow"}]}"#),
        (
            "/keys/0/not_after",
            #"{"name":"tests","keys":[{"public_key":"\#(key)","not_before":"2027-01-01T00:00:00Z","not_after":"2026-01-01T00:00:00Z"}]}"#
        ),
        ("/plugins/0", #"{"name":"tests","plugins":["*x"],"keys":[{"public_key":"\#(key)"}]}"#),
        ("/plugins", #"{"name":"tests","plugins":[],"keys":[{"public_key":"\#(key)"}]}"#),
        ("/surprise", #"{"name":"tests","surprise":1,"keys":[{"public_key":"\#(key)"}]}"#),
        ("/name", #"{"name":"other","keys":[{"public_key":"\#(key)"}]}"#),
    ]

    @Test("a trust file that is wrong is refused with file, pointer and reason, and trusts nobody", arguments: 0..<bad.count)
    func malformed(index: Int) throws {
        let (pointer, text) = Self.bad[index]
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle())
        try writeFile(workshop.trustFolders.manifests + "/tests.json", Array(text.utf8))
        let trust = workshop.trust
        #expect(trust.publishers.isEmpty)
        let problem = try #require(trust.problems.first)
        #expect(problem.file == "trust/tests.json" && problem.pointer.hasPrefix(pointer) && !problem.reason.isEmpty, "\(problem)")
        #expect(refusal(workshop)?.contains("trust/tests.json") == true, "the refusal of a bundle names the file to be mended")
    }

    @Test("an unsigned bundle, another publisher's, a stranger's, and one with an older or unknown kind of signature are refused")
    func signatures() throws {
        let workshop = try Workshop()
        let stranger = try PublisherKey.generate(publisher: "tests")
        try workshop.grant(workshop.bundle(signer: stranger))
        #expect(refusal(workshop)?.contains("is not one of the trusted keys of \"tests\"") == true)
        let unknown = try PublisherKey.generate(publisher: "nobody")
        try workshop.grant(workshop.bundle(signer: unknown) { $0["publisher"] = "nobody" })
        #expect(refusal(workshop)?.contains("\"nobody\" (\(unknown.publicKey.fingerprint)) is not trusted here") == true)
        // Trusted, but not as the one that plugin.json names.
        try TrustFolders.write(unknown.trusted, in: workshop.trustFolders.manifests)
        try workshop.grant(workshop.bundle(signer: unknown))
        #expect(refusal(workshop)?.contains("plugin.json#/publisher: is \"tests\"; SIGNATURE is by \"nobody\"") == true)
        try workshop.grant(workshop.bundle())
        #expect(refusal(workshop) == nil)
        let path = workshop.bundles + "/demo-1.0.0/SIGNATURE"
        let good = try #require(try JSONValue(parsing: readFile(path)).objectValue)
        for (member, value) in [("limen_signature", JSONValue(0)), ("limen_signature", JSONValue(2)), ("algorithm", "none"), ("algorithm", "ed448")] {
            var other = good
            other[member] = value
            try writeFile(path, JSONValue.object(other).serialized([.sortedKeys]))
            #expect(refusal(workshop)?.contains("SIGNATURE#/\(member): is not") == true)
        }
        var more = good
        more["comment"] = "x"
        try writeFile(path, JSONValue.object(more).serialized([.sortedKeys]))
        #expect(refusal(workshop)?.contains("SIGNATURE") == true)
        unlink(path)
        #expect(refusal(workshop)?.contains("is not signed") == true)
    }

    @Test("an older signature of the same publisher does not fit a newer plugin.json, nor the other way round")
    func downgrade() throws {
        let workshop = try Workshop()
        let path = workshop.bundles + "/demo-1.0.0"
        try workshop.bundle()
        let (oldManifest, oldSignature) = (try readFile(path + "/plugin.json"), try readFile(path + "/SIGNATURE"))
        try workshop.grant(workshop.bundle { $0["description"] = "Newer." })
        try writeFile(path + "/SIGNATURE", oldSignature)
        #expect(refusal(workshop)?.contains("does not match SIGNATURE") == true)
        // The older pair is whole again, and still not what the grant pins.
        try writeFile(path + "/plugin.json", oldManifest)
        let pinned = String(repeating: "0", count: 64)
        try workshop.grant(#require(try JSONValue(parsing: oldManifest).objectValue)) { $0["bundle_sha256"] = .string(pinned) }
        #expect(refusal(workshop)?.contains("/bundle_sha256") == true)
    }

    @Test("a key counts between its dates only, never once revoked, and for the plugins it may sign")
    func limits() throws {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle())
        let noon = Moment(seconds: 1_795_255_200)
        func refusal(_ change: (inout TrustedPublisher) throws -> Void) throws -> String? {
            var publisher = workshop.key.trusted
            try change(&publisher)
            let trust = TrustSet([try TrustedPublisher(parsing: JSONValue.object(publisher.json).serialized(), file: "t")], at: noon)
            switch trust.verdict(on: workshop.key.signer, plugin: "demo") {
            case .trusted: return nil
            case .refused(let reason), .undecided(let reason): return reason
            }
        }
        let (before, after) = (Moment(seconds: noon.seconds - 1), Moment(seconds: noon.seconds + 1))
        #expect(
            try refusal {
                $0.keys[0].notBefore = noon; $0.keys[0].notAfter = noon
            } == nil)
        #expect(try refusal { $0.keys[0].notAfter = before }?.contains("expired at \(before)") == true)
        #expect(try refusal { $0.keys[0].notBefore = after }?.contains("not valid before \(after)") == true)
        #expect(try refusal { $0.keys[0].revoked = "the laptop was stolen" }?.contains("revoked: the laptop was stolen") == true)
        #expect(try refusal { $0.plugins = ["demo"] } == nil)
        #expect(try refusal { $0.plugins = ["dem*", "x"] } == nil)
        #expect(try refusal { $0.plugins = ["*"] } == nil)
        #expect(try refusal { $0.plugins = ["dem", "demon*"] }?.contains("not for \"demo\"") == true)
        #expect(try refusal { $0.keys.insert(TrustedKey(try Self.other()), at: 0) } == nil, "old and new key side by side")
    }

    private static func other() throws -> PublicKey { try PublisherKey.generate(publisher: "x").publicKey }

    @Test("a name of the data folder's own publisher cannot be taken by a file of the operator's folder")
    func shadowing() throws {
        let workshop = try Workshop()
        let local = try LocalPublisher.key(in: workshop.root)
        #expect(workshop.trust.publishers["local"]?.keys.map(\.key) == [local.publicKey])
        let impostor = try PublisherKey.generate(publisher: "local")
        try TrustFolders.write(impostor.trusted, in: workshop.trustFolders.manifests)
        #expect(workshop.trust.publishers["local"]?.keys.map(\.key) == [local.publicKey])
        #expect(workshop.trust.problems.contains { $0.file == "trust/local.json" && $0.pointer == "/name" })
        #expect(throws: ManifestError.self) { try workshop.trustFolders.add(impostor.trusted) }
    }

    @Test("a data folder's key is made once, for its owner's eyes only, and is read only while that is so")
    func localKey() throws {
        let workshop = try Workshop()
        let key = try LocalPublisher.key(in: workshop.root)
        #expect(try LocalPublisher.key(in: workshop.root).publicKey == key.publicKey)
        let path = workshop.root + "/publisher.key"
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(!"\(key)".contains("private") && !"\(key)".isEmpty)
        chmod(path, 0o640)
        #expect(throws: ManifestError.self) { try LocalPublisher.key(in: workshop.root) }
        chmod(path, 0o600)
        rename(path, workshop.root + "/moved")
        symlink("moved", path)
        #expect(throws: ManifestError.self) { try LocalPublisher.key(in: workshop.root) }
        unlink(path)
        // A new key replaces the trust in the old one.
        let second = try LocalPublisher.key(in: workshop.root)
        #expect(workshop.trust.publishers["local"]?.keys.map(\.key) == [second.publicKey])
    }

    @Test(
        "a key file that is no key is refused, and the refusal does not quote it",
        arguments: ["", "{", "[]", #"{"limen_key":1}"#, #"{"limen_key":1,"publisher":"a","private_key":"c2VjcmV0"}"#])
    func malformedKey(text: String) throws {
        let workshop = try Workshop()
        let path = workshop.root + "/a.key"
        try writeFile(path, Array(text.utf8), mode: 0o600)
        let error = #expect(throws: ManifestError.self) { try PublisherKey(reading: path) }
        #expect(error?.description.contains("c2VjcmV0") == false)
    }

    @Test("a bundle is signed only as it is listed, and only under the publisher it names")
    func signing() throws {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle(files: ["data/words.txt": [1]]))
        let folder = workshop.bundles + "/demo-1.0.0"
        let pretty = try JSONValue(parsing: readFile(folder + "/plugin.json")).serialized([.pretty])
        try writeFile(folder + "/plugin.json", pretty)
        unlink(folder + "/SIGNATURE")
        let other = try PublisherKey.generate(publisher: "other")
        #expect(throws: ManifestError.self) { try BundleSigning.sign(folder, with: other) }
        try writeFile(folder + "/data/words.txt", [2])
        #expect(throws: ManifestError.self) { try BundleSigning.sign(folder, with: workshop.key) }
        #expect(access(folder + "/SIGNATURE", F_OK) != 0)
        try writeFile(folder + "/data/words.txt", [1])
        try BundleSigning.sign(folder, with: workshop.key)
        #expect(refusal(workshop) == nil)
    }

    // MARK: Withdrawal

    @Test("when trust is withdrawn, the next reload stops the plugin and says why; when it is given again, the plugin is back")
    func withdrawal() async throws {
        let workshop = try Workshop()
        let registry = try workshop.registry()
        defer { registry.shutdown() }
        try workshop.grant(workshop.bundle())
        #expect(await registry.reload().map(\.action) == [.loaded])
        #expect(registry.snapshot().plugins["demo"]?.bundle.signer == workshop.key.signer)
        var publisher = workshop.key.trusted
        publisher.keys[0].revoked = "lost"
        try workshop.trustFolders.add(publisher)
        let outcomes = await registry.reload()
        #expect(outcomes.map(\.action) == [.refused] && outcomes[0].problems[0].reason.contains("revoked: lost"))
        #expect(registry.snapshot().plugins.isEmpty && registry.snapshot().tool("demo.shout") == nil)
        #expect(registry.snapshot().refused["demo.json"]?.reason.contains("SIGNATURE") == true)
        try workshop.trustFolders.add(workshop.key.trusted)
        #expect(await registry.reload().map(\.action) == [.loaded])
        #expect(try workshop.trustFolders.remove("tests"))
        #expect(await registry.reload().map(\.action) == [.refused])
        #expect(try !workshop.trustFolders.remove("tests"))
    }

    @Test("a trust file that was spoiled by an edit stops nothing that runs, takes nothing new, and is named at every reload")
    func spoiledEdit() async throws {
        let workshop = try Workshop()
        let registry = try workshop.registry()
        defer { registry.shutdown() }
        try workshop.grant(workshop.bundle())
        _ = await registry.reload()
        try writeFile(workshop.trustFolders.manifests + "/tests.json", Array("{".utf8))
        let outcomes = await registry.reload()
        #expect(outcomes.map(\.action) == [.unchanged, .keptOld])
        #expect(outcomes.last?.problems.first?.file == "trust/tests.json")
        #expect(registry.snapshot().plugins["demo"]?.state == .enabled)
        await #expect(throws: ManifestError.self) { try await registry.install(bundleAt: workshop.bundles + "/demo-1.0.0", by: "u1") }
    }
}
