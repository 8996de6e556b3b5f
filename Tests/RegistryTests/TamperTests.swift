import Crypto
import Glibc
import JSON
import Registry
import Testing

/// What becomes of a bundle on the way in: nil when it is taken.
private func refusal(_ workshop: Workshop) -> ManifestError? {
    do {
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        _ = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust)
        return nil
    } catch {
        return error as? ManifestError ?? ManifestError(file: "?", reason: "\(error)")
    }
}

private func verification(_ workshop: Workshop) -> ManifestError? {
    do {
        _ = try BundleSigning.verify(workshop.bundles + "/demo-1.0.0", trust: workshop.trust)
        return nil
    } catch {
        return error
    }
}

@Suite("Registry: a bundle is taken as it was signed, or not at all")
struct TamperTests {
    private static let files: [String: [UInt8]] = [
        "data/words.txt": Array("alpha\nbeta\n".utf8), "data/deep/er/one.bin": [0], "data/deep/empty": [], "README.md": Array("# Demo\n".utf8),
    ]

    private func workshop() throws -> Workshop {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle(files: Self.files))
        return workshop
    }

    @Test("one flipped bit, in any file at any of many places, is refused naming the file")
    func flips() throws {
        let workshop = try workshop()
        #expect(refusal(workshop) == nil && verification(workshop) == nil)
        let folder = workshop.bundles + "/demo-1.0.0"
        var tried = 0
        for file in ["plugin.json", "SIGNATURE", "lib/libdemo.so", "README.md", "data/words.txt", "data/deep/er/one.bin"] {
            let good = try readFile("\(folder)/\(file)")
            let step = max(1, good.count / 97)
            for offset in Array(stride(from: 0, to: good.count, by: step)) + [good.count - 1] {
                var bad = good
                bad[offset] ^= 1 << UInt8(offset % 8)
                try writeFile("\(folder)/\(file)", bad)
                removeTree(workshop.store)
                for found in [refusal(workshop), verification(workshop)] {
                    // A signature and what it signs accuse each other: both names are in the sentence.
                    #expect(found?.description.contains(file) == true, "\(file) at \(offset): \(found?.description ?? "taken")")
                }
                tried += 1
            }
            try writeFile("\(folder)/\(file)", good)
        }
        #expect(tried > 300)
        #expect(names(in: workshop.store).isEmpty)
        #expect(refusal(workshop) == nil)
    }

    @Test(
        "a byte more or less, in any file, is refused naming the file", arguments: ["plugin.json", "SIGNATURE", "lib/libdemo.so", "data/words.txt"])
    func lengths(file: String) throws {
        let workshop = try workshop()
        let path = "\(workshop.bundles)/demo-1.0.0/\(file)"
        let good = try readFile(path)
        for bad in [good + [10], good + [0], [32] + good, Array(good.dropLast()), Array(good.dropFirst()), []] {
            try writeFile(path, bad)
            removeTree(workshop.store)
            #expect(refusal(workshop)?.description.contains(file) == true)
        }
    }

    /// What is done to the folder, and the file that the refusal names.
    static let changes: [(String, String, @Sendable (String) throws -> Void)] = [
        ("added file", "data/extra", { try writeFile($0 + "/data/extra", []) }),
        ("added folder", "data/more", { mkdir($0 + "/data/more", 0o755) }),
        ("added top folder", "etc", { mkdir($0 + "/etc", 0o755) }),
        ("second signature", "SIGNATURE.old", { try writeFile($0 + "/SIGNATURE.old", readFile($0 + "/SIGNATURE")) }),
        ("removed file", "data~1words.txt", { unlink($0 + "/data/words.txt") }),
        ("removed empty file", "data~1deep~1empty", { unlink($0 + "/data/deep/empty") }),
        ("removed signature", "SIGNATURE", { unlink($0 + "/SIGNATURE") }),
        ("removed plugin.json", "plugin.json", { unlink($0 + "/plugin.json") }),
        ("renamed file", "data/Words.txt", { rename($0 + "/data/words.txt", $0 + "/data/Words.txt") }),
        ("renamed folder", "data/dee/", { rename($0 + "/data/deep", $0 + "/data/dee") }),
        (
            "two files in each other's place", "README.md",
            {
                rename($0 + "/README.md", $0 + "/x"); rename($0 + "/data/words.txt", $0 + "/README.md"); rename($0 + "/x", $0 + "/data/words.txt")
            }
        ),
        ("set-user-ID", "lib/libdemo.so", { chmod($0 + "/lib/libdemo.so", 0o4755) }),
        ("set-group-ID", "SIGNATURE", { chmod($0 + "/SIGNATURE", 0o2755) }),
        (
            "signature is a link", "SIGNATURE",
            {
                rename($0 + "/SIGNATURE", $0 + "/../S"); symlink("../S", $0 + "/SIGNATURE")
            }
        ),
        (
            "link to a file of the bundle", "data/words.txt",
            {
                unlink($0 + "/data/words.txt"); symlink("../README.md", $0 + "/data/words.txt")
            }
        ),
    ]

    @Test("what is added, removed, renamed, linked or given a mode is refused naming the file", arguments: 0..<changes.count)
    func changed(index: Int) throws {
        let (what, file, change) = Self.changes[index]
        let workshop = try workshop()
        try change(workshop.bundles + "/demo-1.0.0")
        for found in [refusal(workshop), verification(workshop)] {
            #expect(found?.description.contains(file) == true, "\(what): \(found?.description ?? "taken")")
        }
        #expect(names(in: workshop.store).isEmpty, "\(what)")
    }

    @Test("modes of the source do not matter and never reach the store: every file is there read-only")
    func modes() throws {
        let workshop = try workshop()
        chmod(workshop.bundles + "/demo-1.0.0/lib/libdemo.so", 0o777)
        #expect(refusal(workshop) == nil)
        let stored = try #require(names(in: workshop.store).first)
        var status = stat()
        #expect(stat("\(workshop.store)/\(stored)/lib/libdemo.so", &status) == 0 && status.st_mode & 0o7777 == 0o444)
        #expect(try readFile("\(workshop.store)/\(stored)/SIGNATURE") == readFile(workshop.bundles + "/demo-1.0.0/SIGNATURE"))
    }

    @Test("the stored copy's signature is checked like every other file of it, on the copy's own descriptors")
    func storedSignature() throws {
        let workshop = try workshop()
        #expect(refusal(workshop) == nil)
        let copy = try #require(names(in: workshop.store).first.map { "\(workshop.store)/\($0)" })
        chmod(copy, 0o755)
        try writeFile(copy + "/SIGNATURE", [1])
        #expect(refusal(workshop) == nil)
        #expect(try readFile(copy + "/SIGNATURE") == readFile(workshop.bundles + "/demo-1.0.0/SIGNATURE"))
    }

    @Test("a plugin.json that says the same in other words is refused: one text is signed, and one is taken")
    func otherText() throws {
        let workshop = try workshop()
        let folder = workshop.bundles + "/demo-1.0.0"
        let pretty = try JSONValue(parsing: readFile(folder + "/plugin.json")).serialized([.pretty])
        try writeFile(folder + "/plugin.json", pretty)
        #expect(refusal(workshop)?.description.contains("plugin.json") == true)
        // Even when the publisher signed those very bytes.
        try writeFile(folder + "/SIGNATURE", BundleSignature(signing: pretty, with: workshop.key).bytes)
        #expect(refusal(workshop)?.description.contains("canonical") == true)
    }
}
