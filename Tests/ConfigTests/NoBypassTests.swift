import Config
import Glibc
import Testing

@Suite struct NoBypassTests {
    /// Swift and C sources of what is shipped.
    static let sources: [String] = {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        return ["Host", "SDK", "Sandbox", "Plugins"].flatMap { files(in: root + "/" + $0) }
    }()

    private static func files(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name.hasPrefix(".") { continue }
            let path = folder + "/" + name
            if entry.pointee.d_type == UInt8(DT_DIR) {
                found += files(in: path)
            } else if name.hasSuffix(".swift") || name.hasSuffix(".c") || name.hasSuffix(".h") {
                found.append(path)
            }
        }
        return found
    }

    private static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "no source names a switch that turns a check off (AUTH-11)",
        arguments: [
            "DEV_MODE", "DEVMODE", "DEV_BYPASS", "AUTH_BYPASS", "BYPASS_AUTH", "SKIP_AUTH", "NO_AUTH", "DISABLE_AUTH", "ALLOW_ANONYMOUS",
            "INSECURE_SKIP", "SKIP_VERIFY", "NO_SANDBOX", "DISABLE_SANDBOX", "SKIP_SANDBOX", "UNSAFE_MODE",
        ])
    func switches(word: String) {
        #expect(Self.sources.count > 20, "the sources were not found")
        for path in Self.sources {
            let text = Self.text(path).uppercased()
            for spelling in [word, word.split(separator: "_").joined(), word.split(separator: "_").joined(separator: "-")] {
                #expect(!text.contains(spelling), "\(path) names \(spelling)")
            }
        }
    }

    @Test(
        "a variable that would be a bypass is refused at start, not passed over (AUTH-11)",
        arguments: ["LIMEN_DEV_MODE", "LIMEN_AUTH_DISABLED", "LIMEN_SANDBOX_DISABLED", "LIMEN_INSECURE", "LIMEN_"])
    func variables(name: String) {
        for text in ["1", "true", "", "0"] {
            #expect(throws: ConfigurationError.self) { try Configuration.load(file: nil, environment: [name: text]) }
        }
    }
}
