import Crypto
import Glibc
import JSON
import Registry
import Testing

/// Installs what a workshop holds; the problems, or none.
private func problems(_ workshop: Workshop) -> [ManifestProblem] {
    do {
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        _ = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust)
        return []
    } catch {
        return (error as? ManifestError)?.problems ?? [ManifestProblem(file: "?", reason: "\(error)")]
    }
}

@Suite struct BundleAttackTests {
    @Test("a good bundle is copied read-only, byte for byte, and its inodes are recorded as they are")
    func good() throws {
        let workshop = try Workshop()
        let asked = try workshop.bundle(files: ["data/words.txt": Array("a\nb\n".utf8), "README.md": []])
        try workshop.grant(asked)
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        let bundle = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust).bundle
        #expect(bundle.files.map(\.path) == ["README.md", "SIGNATURE", "data/words.txt", "lib/libdemo.so", "plugin.json"])
        for file in bundle.files {
            var status = stat()
            #expect(stat("\(bundle.path)/\(file.path)", &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o444)
            #expect(UInt64(status.st_ino) == file.inode && UInt64(status.st_dev) == file.device && UInt64(status.st_size) == file.size)
            #expect(Int64(status.st_ctim.tv_sec) == file.changeSeconds && UInt32(status.st_ctim.tv_nsec) == file.changeNanoseconds)
            #expect(SHA256.hash(try readFile("\(bundle.path)/\(file.path)")) == file.sha256)
        }
        var folder = stat()
        #expect(fstat(bundle.directory.descriptor, &folder) == 0)
        #expect(UInt64(folder.st_ino) == bundle.inode && folder.st_mode & 0o7777 == 0o555)
        #expect(names(in: workshop.store) == ["demo-1.0.0-\(bundle.digest.hex)"])
        // A second install finds the same inodes: nothing was copied anew.
        #expect(try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust).bundle.files == bundle.files)
    }

    /// What an attacker does to a good bundle, and a word of the refusal.
    static let attacks: [(String, String, @Sendable (String) throws -> Void)] = [
        (
            "swapped library", "SHA-256",
            {
                try writeFile(
                    $0 + "/lib/libdemo.so",
                    {
                        var b = ELFBuilder(); b.padding = [1]; return b
                    }().bytes())
            }
        ),
        ("tampered data", "SHA-256", { try writeFile($0 + "/data/words.txt", Array("evil".utf8)) }),
        ("extra file", "not listed", { try writeFile($0 + "/data/extra", [1]) }),
        ("extra library", "not listed", { try writeFile($0 + "/lib/libevil.so", ELFBuilder().bytes()) }),
        ("hidden file", "unsafe name", { try writeFile($0 + "/.hidden", [1]) }),
        ("name with a newline", "unsafe name", { try writeFile($0 + "/data/a\nb", [1]) }),
        ("name with a backslash", "unsafe name", { try writeFile($0 + "/data/a\\b", [1]) }),
        ("missing file", "missing", { unlink($0 + "/data/words.txt") }),
        ("missing library", "missing", { unlink($0 + "/lib/libdemo.so") }),
        ("no plugin.json", "No such file", { unlink($0 + "/plugin.json") }),
        (
            "library is a link", "symbolic link",
            {
                unlink($0 + "/lib/libdemo.so"); symlink("/lib/x86_64-linux-gnu/libz.so.1", $0 + "/lib/libdemo.so")
            }
        ),
        (
            "folder is a link", "symbolic link",
            {
                rename($0 + "/data", $0 + "/../elsewhere"); symlink("../elsewhere", $0 + "/data")
            }
        ),
        (
            "plugin.json is a link", "symbolic link",
            {
                rename($0 + "/plugin.json", $0 + "/../p.json"); symlink("../p.json", $0 + "/plugin.json")
            }
        ),
        (
            "a pipe", "neither a file nor a folder",
            {
                unlink($0 + "/data/words.txt"); mkfifo($0 + "/data/words.txt", 0o644)
            }
        ),
        ("set-user-ID file", "set-user-ID", { chmod($0 + "/data/words.txt", 0o4755) }),
        ("10,000 files", "more than", { folder in for index in 0..<10_000 { try writeFile("\(folder)/data/f\(index)", []) } }),
        (
            "deep folders", "deeper",
            {
                var path = $0; for _ in 0..<12 { path += "/d"; mkdir(path, 0o755) }
            }
        ),
        ("many folders", "more than", { folder in for index in 0..<200 { mkdir("\(folder)/d\(index)", 0o755) } }),
        (
            "plugin.json is a folder", "",
            {
                unlink($0 + "/plugin.json"); mkdir($0 + "/plugin.json", 0o755)
            }
        ),
    ]

    @Test("a bundle that was touched is refused with the reason, and nothing of it is left in the store", arguments: 0..<attacks.count)
    func attacked(index: Int) throws {
        let (what, word, attack) = Self.attacks[index]
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle(files: ["data/words.txt": Array("a\nb\n".utf8)]))
        try attack(workshop.bundles + "/demo-1.0.0")
        let found = problems(workshop)
        #expect(found.contains { $0.reason.contains(word) }, "\(what): \(found)")
        #expect(names(in: workshop.store).isEmpty, "\(what)")
        #expect(found.allSatisfy { !$0.description.contains(workshop.root) }, "a refusal shows a host path: \(found)")
    }

    @Test(
        "a library that cannot be loaded is refused at once with its reason",
        arguments: [
            ("text file", Array("not a library".utf8), "is not an ELF file"),
            ("truncated", Array(ELFBuilder().bytes().prefix(100)), "truncated"),
            (
                "32-bit",
                {
                    var b = ELFBuilder(); b.bits = 1; return b
                }().bytes(), "32-bit"
            ),
            (
                "wrong machine",
                {
                    var b = ELFBuilder(); b.machine = 8; return b
                }().bytes(), "machine 8"
            ),
            (
                "no entry symbol",
                {
                    var b = ELFBuilder(); b.symbol = "main"; return b
                }().bytes(), "limen_plugin_entry"
            ),
            (
                "foreign library",
                {
                    var b = ELFBuilder(); b.needed = ["libssl.so.3"]; return b
                }().bytes(), "libssl.so.3"
            ),
        ])
    func libraries(what: String, library: [UInt8], word: String) throws {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle(library: library))
        let found = problems(workshop)
        #expect(found.contains { $0.file == "lib/libdemo.so" && $0.reason.contains(word) }, "\(what): \(found)")
    }

    @Test("every library of the bundle is checked, not only the one that is named")
    func secondLibrary() throws {
        let workshop = try Workshop()
        var other = ELFBuilder()
        other.needed = ["libcurl.so.4"]
        try workshop.grant(workshop.bundle(files: ["lib/libother.so": other.bytes()]))
        #expect(problems(workshop).contains { $0.file == "lib/libother.so" })
    }

    @Test(
        "a manifest's bundle path never leaves the bundle folders",
        arguments: ["../outside", "/etc", "a/../../outside", "link", "link/demo-1.0.0", "."])
    func traversal(path: String) throws {
        let workshop = try Workshop()
        let asked = try workshop.bundle()
        rename(workshop.bundles + "/demo-1.0.0", workshop.root + "/outside")
        symlink(workshop.root + "/outside", workshop.bundles + "/link")
        try workshop.grant(asked) { $0["bundle"] = .string(path) }
        #expect(problems(workshop).contains { $0.pointer == "/bundle" })
        #expect(names(in: workshop.store).isEmpty)
    }

    @Test("a stored copy that was changed is found on its own descriptors and replaced by a verified one")
    func damagedCopy() throws {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle())
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        let first = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust).bundle
        let library = "\(first.path)/lib/libdemo.so"
        chmod("\(first.path)/lib", 0o755)
        try writeFile(
            library,
            {
                var b = ELFBuilder(); b.padding = [9]; return b
            }().bytes())
        let second = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust).bundle
        #expect(second.file("lib/libdemo.so")?.sha256 == first.file("lib/libdemo.so")?.sha256)
        #expect(SHA256.hash(try readFile(library)) == manifest.librarySHA256)
        #expect(second.inode != first.inode)
    }

    @Test("a swap of the stored library after the check changes what was recorded, so the jail sees it")
    func swapAfterCheck() throws {
        let workshop = try Workshop()
        try workshop.grant(workshop.bundle())
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        let bundle = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust).bundle
        let record = try #require(bundle.file("lib/libdemo.so"))
        let path = "\(bundle.path)/lib/libdemo.so"
        // Written in place, with the size and the modification time restored: the change time cannot be.
        let original = try readFile(path)
        chmod(path, 0o644)
        let descriptor = open(path, O_WRONLY)
        var same = original
        same[same.count - 1] ^= 1
        #expect(pwrite(descriptor, same, same.count, 0) == same.count)
        close(descriptor)
        chmod(path, 0o444)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(UInt64(status.st_ino) == record.inode && UInt64(status.st_size) == record.size)
        #expect(Int64(status.st_ctim.tv_sec) != record.changeSeconds || UInt32(status.st_ctim.tv_nsec) != record.changeNanoseconds)
    }

    @Test("what a crash left half-written is removed")
    func leftovers() throws {
        let workshop = try Workshop()
        mkdir(workshop.store, 0o755)
        mkdir(workshop.store + "/.new-x", 0o700)
        mkdir(workshop.store + "/.new-x/lib", 0o555)
        try workshop.bundleStore.removeLeftovers()
        #expect(names(in: workshop.store).isEmpty)
    }
}
