import Glibc
import JSON
import LimenPlugin
import PluginHarness
import Testing

/// The runtime probe as real shared libraries, loaded by `dlopen` beside this process's own runtime.
@Suite(.timeLimit(.minutes(3))) struct LinkModeTests {
    static let modes = ["libruntimeprobe.so", "libruntimeprobe-dynamic.so"]

    private func path(_ library: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        try #require(count > 0)
        let executable = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Some toolchains run the bundle in a helper of their own: then the build folder is where the sources' is.
        let beside = executable.split(separator: "/").dropLast().joined(separator: "/")
        let top = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let places: [String] = ["/\(beside)/\(library)", "/\(top)/.build/debug/\(library)"]
        let found = places.first { access($0, R_OK) == 0 }
        return try #require(found, "\(library) is not built")
    }

    @Test("actors, groups, async let, sleep, casts, generics and Codable work inside a library of either link mode", arguments: modes)
    func probesInside(_ library: String) async throws {
        let harness = try PluginHarness(library: path(library))
        #expect(harness.description["name"] == "runtimeprobe")
        for (tool, input, output) in probes {
            let outcome = await harness.call(tool, input)
            #expect(try outcome.output == JSONValue(parsing: output), "\(library) \(tool)")
        }
    }

    @Test("a library under mixed load from fifty callers answers every call", arguments: modes)
    func load(_ library: String) async throws {
        let harness = try PluginHarness(library: path(library))
        try await withThrowingTaskGroup(of: JSONValue.self) { group in
            for _ in 0..<50 { group.addTask { try await harness.call("mixed", ["count": 4]).output } }
            for try await output in group { #expect(output == ["sum": 616]) }
        }
    }

    @Test("a bundled library exports its entry symbol and nothing else", arguments: modes + ["libtext.so", "libsysprobe.so", "libmarkdown.so"])
    func exports(_ library: String) throws {
        let handle = try #require(dlopen(path(library), RTLD_NOW | RTLD_LOCAL))
        #expect(dlsym(handle, "limen_plugin_entry") != nil)
        for hidden in ["swift_retain", "cmark_render_html", "pcre2_match_8", "$s11LimenPlugin6PluginVMa"] {
            if library.contains("dynamic"), hidden == "swift_retain" { continue }  // of the runtime that it needs
            #expect(dlsym(handle, hidden) == nil, "\(library) shows \(hidden)")
        }
    }
}
