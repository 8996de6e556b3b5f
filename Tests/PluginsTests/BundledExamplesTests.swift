import CalcPlugin
import Glibc
import JSON
import JSONSchema
import LimenPlugin
import PluginHarness
import TablePlugin
import Testing
import TimePlugin

/// A file of the repository, by its path from the root.
private func repositoryFile(_ path: String) throws -> [UInt8] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(root)/\(path)", "r"), "\(path)")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(count))
}

private struct Bundled: Sendable, CustomTestStringConvertible {
    let folder: String
    let plugin: Plugin
    var testDescription: String { folder }
}

private let fixedNow = Moment(seconds: 1_795_255_769)
private let bundled = [
    Bundled(folder: "Calc", plugin: calcPlugin), Bundled(folder: "Table", plugin: tablePlugin),
    Bundled(folder: "Time", plugin: timePlugin(TimeEnvironment(zones: SystemZones()) { fixedNow })),
]

@Suite struct BundledExamplesTests {
    @Test("every example of plugin.json answers as it says, and input and output meet their schemas", arguments: bundled)
    fileprivate func examples(_ bundled: Bundled) async throws {
        let source = try JSONValue(parsing: repositoryFile("Plugins/\(bundled.folder)/plugin.json"))
        let harness = try PluginHarness { bundled.plugin.serve($0) }
        #expect(source["name"]?.stringValue == bundled.plugin.name)
        #expect(source["version"]?.stringValue == bundled.plugin.version)
        let described = try #require(harness.description["tools"]?.arrayValue)
        let written = try #require(source["tools"]?.arrayValue)
        #expect(described.map { $0["name"]?.stringValue } == written.map { $0["name"]?.stringValue })
        for (tool, examples) in zip(described, written.map { $0["examples"]?.arrayValue ?? [] }) {
            let name = try #require(tool["name"]?.stringValue)
            let input = try CompiledSchema(#require(tool["input_schema"]))
            let output = try CompiledSchema(#require(tool["output_schema"]))
            #expect(!examples.isEmpty, "\(name) has no example")
            for example in examples {
                let given = try #require(example["input"])
                #expect(input.validate(given).isEmpty, "\(name)")
                let answer = try await harness.call(name, given).output
                #expect(output.validate(answer).isEmpty, "\(name): \(answer.text)")
                if let expected = example["output"] { #expect(answer == expected, "\(name): \(answer.text)") }
            }
        }
    }

    @Test(
        "errors reach the caller with a code, a sentence and the place",
        arguments: [
            ("Calc", "evaluate", #"{"expression":"1 + frob(2)"}"#, "unknown_name", "position"),
            ("Calc", "evaluate", #"{"expression":"10^10^10"}"#, "too_large", "position"),
            ("Calc", "convert", #"{"value":"1","from":"km","to":"s"}"#, "dimension_mismatch", "position"),
            ("Table", "query", #"{"data":"a\n1\n","filter":"b > 1"}"#, "unknown_column", "field"),
            ("Table", "query", #"{"data":"a,b\n1\n"}"#, "invalid_data", "line"),
            ("Time", "parse", #"{"text":"2026-02-30"}"#, "out_of_range", "position"),
            ("Time", "convert", #"{"time":"now","to":["Mars/Olympus"]}"#, "unknown_zone", ""),
            (
                "Time", "add", #"{"time":"2026-03-29T02:30:00","duration":"P1D","zone":"Europe/Paris","disambiguation":"reject"}"#,
                "no_such_local_time", ""
            ),
        ])
    func errors(folder: String, tool: String, input: String, code: String, detail: String) async throws {
        let plugin = try #require(bundled.first { $0.folder == folder }).plugin
        let outcome = try await PluginHarness { plugin.serve($0) }.call(tool, JSONValue(parsing: input))
        guard case .failure(let error) = outcome.result else {
            Issue.record("\(tool) answered \(input)")
            return
        }
        #expect(error.code == code && !error.message.isEmpty)
        #expect(detail.isEmpty || error.details[detail] != nil, "\(error.details)")
    }

    @Test("the clock is the one that was given")
    func clock() async throws {
        let plugin = try #require(bundled.last).plugin
        let answer = try await PluginHarness { plugin.serve($0) }.call("now", ["zone": "Asia/Tokyo"]).output
        #expect(answer["time"] == "2026-11-21T19:09:29+09:00")
    }

    @Test("a generated megabyte of CSV goes through the tool and comes back as CSV that reads again")
    func megabyte() async throws {
        var text = "id,city,price\n"
        var row = 0
        while text.utf8.count < 1_040_000 {
            text += "\(row),\"City, \(row % 50)\",\(row % 97).25\n"
            row += 1
        }
        let harness = try PluginHarness { tablePlugin.serve($0) }
        let grouped = try await harness.call(
            "query", ["data": .string(text), "group_by": ["city"], "select": ["city", "count() as n"], "sort": ["city"]]
        ).output
        #expect(grouped["row_count"] == 50 && grouped["rows_read"] == JSONValue(row) && grouped["truncated"] == false)
        let page = try await harness.call("query", ["data": .string(text), "limit": 10_000, "output": "csv", "sort": ["id desc"]]).output
        let csv = try #require(page["csv"]?.stringValue)
        #expect(page["truncated"] == true)
        #expect(try JSONValue(CSVReader.read(Array(csv.utf8)).rowCount) == page["row_count"])
        let described = try await harness.call("describe", ["data": .string(text)]).output
        #expect(described["columns"]?[1]?["distinct"] == 50)
    }

    @Test("the repository's own documents are tables too")
    func documents() async throws {
        let harness = try PluginHarness { tablePlugin.serve($0) }
        let source = try JSONValue(parsing: repositoryFile("Plugins/Time/plugin.json"))
        let tools = try #require(source["tools"])
        let answer = try await harness.call("query", ["data": .string(tools.text), "filter": "contains(examples, 'Tokyo')", "select": ["name"]])
            .output
        #expect(answer["rows"] == [["now"]])
        let package = String(decoding: try repositoryFile("Package.swift"), as: UTF8.self)
        let outcome = await harness.call("query", ["data": .string(package), "format": "csv"])
        guard case .failure(let error) = outcome.result else {
            Issue.record("a program was read as CSV")
            return
        }
        #expect(error.code == "invalid_data")
    }
}
