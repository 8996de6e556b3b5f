import JSON
import JSONSchema
import TestKit
import Testing

@Suite("The public JSON Schema suite, draft 2020-12")
struct SuiteTests {
    static let tests = "json-schema/tests/draft2020-12"

    static let remotes: [String: JSONValue] = {
        var resources: [String: JSONValue] = [:]
        for file in Conformance.files("json-schema/remotes") {
            guard let bytes = Conformance.read("json-schema/remotes/\(file)") else { continue }
            // A remote that cannot be read makes the tests that need it fail.
            resources["http://localhost:1234/\(file)"] = try? JSONValue(parsing: bytes)
        }
        return resources
    }()

    /// What one file of the suite came to.
    struct Count {
        var passed = 0
        var failed: [String] = []
    }

    static func run(_ file: String, assertsFormat: Bool = false) throws -> Count {
        var count = Count()
        let bytes = try #require(Conformance.read("\(tests)/\(file)"))
        let groups = try #require(try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 24)).arrayValue)
        for group in groups {
            let name = "\(file): \(group["description"]?.stringValue ?? "")"
            let cases = group["tests"]?.arrayValue ?? []
            do throws(SchemaError) {
                let schema = try CompiledSchema(
                    group["schema"] ?? .null, options: SchemaOptions(resources: remotes, assertsFormat: assertsFormat))
                for test in cases { check(test, schema, name, &count) }
            } catch {
                count.failed += cases.map { "\(name) / \($0["description"]?.stringValue ?? ""): \(error)" }
            }
        }
        return count
    }

    private static func check(_ test: JSONValue, _ schema: CompiledSchema, _ name: String, _ count: inout Count) {
        let failures = schema.validate(test["data"] ?? .null)
        if failures.isEmpty == (test["valid"] == true) {
            count.passed += 1
        } else {
            count.failed.append("\(name) / \(test["description"]?.stringValue ?? ""): \(failures.map(\.description))")
        }
    }

    @Test(
        "every required case of draft 2020-12 holds (TOOL-5)",
        .enabled(if: Conformance.exists(tests), "the conformance folder is not there; set LIMEN_CONFORMANCE"))
    func required() throws {
        var passed = 0, failed: [String] = []
        for file in Conformance.list(Self.tests) where file.hasSuffix(".json") {
            let count = try Self.run(file)
            passed += count.passed
            failed += count.failed
        }
        print("JSON Schema suite: \(passed) cases hold, \(failed.count) do not")
        for line in failed { Issue.record("\(line)") }
        #expect(passed > 1000)
    }

    @Test(
        "every optional case that is there holds, formats asserted (TOOL-5)",
        .enabled(if: Conformance.exists(tests + "/optional"), "the suite's optional folder is not there"))
    func optional() throws {
        let skipped: Set<String> = ["cross-draft.json"]
        var passed = 0, failed: [String] = []
        for file in Conformance.files(Self.tests + "/optional") where !skipped.contains(file) {
            let count = try Self.run("optional/" + file, assertsFormat: file.hasPrefix("format/"))
            passed += count.passed
            failed += count.failed
        }
        print("JSON Schema suite, optional: \(passed) cases hold, \(failed.count) do not; skipped \(skipped.sorted())")
        for line in failed { Issue.record("\(line)") }
    }
}
