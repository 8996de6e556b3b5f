import Config
import Glibc
import JSON
import JSONSchema
import Testing

@Suite struct RuntimeSettingsTests {
    @Test("every setting of the database has a range or its words, and its default is within; values outside are refused (CFG-5, LIM-5)")
    func ranges() throws {
        let schema = try CompiledSchema(RuntimeSettings.changeSchema())
        #expect(Set(RuntimeSettings.all.map(\.name)).count == RuntimeSettings.all.count)
        for setting in RuntimeSettings.all {
            #expect(setting.admits(setting.fallback), "\(setting.name)")
            func both(_ value: JSONValue) -> [Bool] { [setting.admits(value), schema.validate([setting.name: value]).isEmpty] }
            switch setting.kind {
            case .integer(let range), .milliseconds(let range), .bytes(let range):
                #expect(range.lowerBound > 0, "0 would mean never, or for ever: \(setting.name)")
                for good in [range.lowerBound, range.upperBound] { #expect(both(JSONValue(good)) == [true, true], "\(setting.name)") }
                for bad in [0, -1, range.upperBound + 1] { #expect(both(JSONValue(bad)) == [false, false], "\(setting.name) \(bad)") }
                #expect(setting.unit != nil)
            case .choice, .text: #expect(both("") == [false, false])
            default: Issue.record("\(setting.name) has a kind that the database does not keep")
            }
            #expect(both([]) == [false, false] && schema.validate([setting.name: .null]).isEmpty)
        }
        #expect(!schema.validate(["rates.unknown": 1]).isEmpty)
    }

    @Test("the database goes before limen.json, that before the table; a plan's own before the host's, and what is out of range counts for nothing")
    func precedence() throws {
        let values = RuntimeValues(
            configured: ["rates.reads_per_minute": 700, "rates.chat_per_minute": 70],
            host: ["rates.reads_per_minute": 800, "rates.tools_per_minute": 0],
            plans: ["team": ["rates.reads_per_minute": 900, "storage.upload_bytes": 4096], "empty": [:]])
        #expect(values.integer("rates.reads_per_minute") == 800 && values.integer("rates.reads_per_minute", plan: "free") == 800)
        #expect(values.integer("rates.reads_per_minute", plan: "team") == 900 && values.integer("rates.reads_per_minute", plan: "gone") == 800)
        #expect(values.integer("rates.chat_per_minute", plan: "team") == 70 && values.integer("rates.voice_per_minute", plan: "team") == 20)
        #expect(values.integer("rates.tools_per_minute") == 120, "0 is no rate")
        #expect(values.integer("storage.upload_bytes", plan: "paid") == 200 << 20 && values.integer("storage.upload_bytes", plan: "free") == 25 << 20)
        #expect(values.planNames == ["empty", "free", "paid", "team"])
        #expect(values.integer("rates.login_per_minute", plan: "team") == 10, "a host's setting has no plan")
    }

    @Test("deploy/configuration.md is what the code says of every setting and variable (CFG-5)")
    func document() {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let isSame = text("/\(root)/deploy/configuration.md") == ConfigurationReference.document()
        #expect(isSame, "run: limen config reference > deploy/configuration.md")
    }

    private func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        let count = max(0, read(descriptor, &bytes, bytes.count))
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    @Test("what limen.json says of settings of the database is said under names that exist (CFG-5)")
    func names() throws {
        let configured = try Configuration.load(file: nil, environment: ["LIMEN_LIMITS_RATES_CHAT_PER_MINUTE": "7"]).runtime
        #expect(configured["rates.chat_per_minute"] == 7)
        for (name, value) in configured { #expect(RuntimeSettings.named(name)?.admits(value) == true, "\(name)") }
        // What is in both has one default.
        for (name, value) in try Configuration.load(file: nil).runtime { #expect(RuntimeSettings.named(name)?.fallback == value, "\(name)") }
        let text = RuntimeSettings.markdown()
        for setting in RuntimeSettings.all { #expect(text.contains("| `\(setting.name)` |")) }
    }
}
