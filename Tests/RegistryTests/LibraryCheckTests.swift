import Glibc
import Registry
import Testing

/// The reason for which a library is refused; nil when it is accepted.
private func refusal(_ bytes: [UInt8], bundled: Set<String> = [], isEntry: Bool = true) -> String? {
    do {
        try LibraryCheck.check(bytes, bundled: bundled, isEntry: isEntry)
        return nil
    } catch {
        return error.reason
    }
}

private func refusal(bundled: Set<String> = [], _ change: (inout ELFBuilder) -> Void) -> String? {
    var builder = ELFBuilder()
    change(&builder)
    return refusal(builder.bytes(), bundled: bundled)
}

@Suite struct LibraryCheckTests {
    @Test("a plain library that exports the entry function is accepted")
    func accepted() {
        #expect(refusal(ELFBuilder().bytes()) == nil)
        #expect(refusal { $0.needed = ["libc.so.6", "libm.so.6", "libswiftCore.so"] } == nil)
        #expect(refusal(bundled: ["libmine.so"]) { $0.needed = ["libmine.so"] } == nil)
        #expect(refusal { $0.runpath = "$ORIGIN:$ORIGIN/sub" } == nil)
    }

    @Test("what is not a loadable library gets a clear refusal: text, truncated, wrong class, machine or kind")
    func wrongFiles() {
        #expect(refusal(Array("#!/bin/sh\n".utf8)) == "is not an ELF file")
        #expect(refusal([]) == "is not an ELF file")
        #expect(refusal(Array(ELFBuilder().bytes().prefix(20))) == "is a truncated ELF file")
        #expect(refusal(Array(ELFBuilder().bytes().dropLast(20))) == "is a truncated ELF file")
        #expect(refusal { $0.bits = 1 }?.contains("32-bit") == true)
        #expect(refusal { $0.endianness = 2 }?.contains("big-endian") == true)
        #expect(refusal { $0.machine = 40 }?.contains("machine 40") == true)
        #expect(refusal { $0.type = 2 }?.contains("ET_DYN") == true)
    }

    @Test("a library without the entry function, or with one that nobody can see, is refused")
    func entry() {
        #expect(refusal { $0.symbol = "limen_plugin_entrx" }?.contains("limen_plugin_entry") == true)
        #expect(refusal { $0.symbolSection = 0 }?.contains("limen_plugin_entry") == true)
        #expect(refusal { $0.symbolInfo = 0x02 }?.contains("limen_plugin_entry") == true)
        #expect(refusal { $0.symbolInfo = 0x11 }?.contains("limen_plugin_entry") == true)
        #expect(refusal { $0.symbolVisibility = 2 }?.contains("limen_plugin_entry") == true)
        #expect(refusal { $0.hashBuckets = 0 }?.contains("limen_plugin_entry") == true)
    }

    @Test(
        "a library that needs another than the runtime's and its own is refused by name",
        arguments: ["libssl.so.3", "libcurl.so.4", "/tmp/evil.so", "../evil.so", "libc.so.6\u{1}", ""])
    func needed(name: String) {
        #expect(refusal { $0.needed = [name] }?.hasPrefix("needs ") == true)
    }

    @Test(
        "search paths outside the bundle are refused",
        arguments: ["/tmp", "", "$ORIGIN:/tmp", "$ORIGIN/../../x", "$ORIGINx", "lib", "$LIB", "${ORIGIN}:", "$ORIGIN/a/../.."])
    func runpaths(path: String) {
        #expect(refusal { $0.runpath = path }?.hasPrefix("searches ") == true)
    }

    @Test("executable stacks, writable code, text relocations and audit libraries are refused")
    func hardening() {
        #expect(refusal { $0.stackFlags = 7 }?.contains("executable stack") == true)
        #expect(refusal { $0.stackFlags = nil }?.contains("executable stack") == true)
        #expect(refusal { $0.loadFlags = 7 }?.contains("writable and executable") == true)
        #expect(refusal { $0.extra = [(22, 0)] }?.contains("text relocations") == true)
        #expect(refusal { $0.extra = [(30, 4)] }?.contains("text relocations") == true)
        for tag: Int64 in [0x6fff_fefb, 0x6fff_fefc, 0x7fff_fffd, 0x7fff_ffff] {
            #expect(refusal { $0.extra = [(tag, 1)] }?.contains("audit or filter") == true)
        }
    }

    @Test("no truncation and no flipped byte of a library makes the checker trap or loop")
    func fuzz() {
        let bytes = ELFBuilder().bytes()
        for count in 0..<bytes.count { _ = refusal(Array(bytes.prefix(count))) }
        var generator = SystemRandomNumberGenerator()
        for round in 0..<4000 {
            var changed = bytes
            for _ in 0...(round % 4) {
                changed[Int.random(in: 4..<bytes.count, using: &generator)] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0
            }
            _ = refusal(changed)
        }
    }

    @Test("symbols of a real library are found through its GNU hash table")
    func realLibrary() throws {
        let paths: [String] = ["/lib/x86_64-linux-gnu/libz.so.1", "/lib/aarch64-linux-gnu/libz.so.1"]
        let path = try #require(paths.first { (path: String) in access(path, R_OK) == 0 })
        let bytes = try readFile(path)
        let image = try ELFImage(parsing: bytes)
        #expect(try image.exportsFunction("deflate"))
        #expect(try image.exportsFunction("zlibVersion"))
        #expect(try !image.exportsFunction("malloc"))
        #expect(try !image.exportsFunction("limen_plugin_entry"))
        #expect(refusal(bytes, isEntry: false) == nil)
    }
}
