import Glibc
import JSON
import JSONSchema

/// Prints how many documents a second one thread parses, validates and does both with.
@main
struct SchemaBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let schemaText = read(arguments[1]), let instance = read(arguments[2]) else {
            print("usage: schema-benchmark SCHEMA INSTANCE")
            exit(2)
        }
        let schema = try CompiledSchema(JSONValue(parsing: schemaText))
        let document = try JSONDocument(parsing: instance)
        let failures = schema.validate(document)
        print("instance: \(instance.count) bytes, \(document.nodeCount) nodes, \(failures.isEmpty ? "valid" : "\(failures.count) failures")")
        measure("parse") { try JSONDocument(parsing: instance).nodeCount }
        measure("parse to JSONValue") { try JSONDocument(parsing: instance).value().isNull ? 0 : 1 }
        measure("validate a parsed document") { schema.isValid(document) ? 1 : 0 }
        measure("parse and validate") { schema.isValid(try JSONDocument(parsing: instance)) ? 1 : 0 }
        measure("validate, listing failures") { schema.validate(document).count }
        let value = try JSONValue(parsing: schemaText)
        measure("compile the schema") {
            _ = try CompiledSchema(value)
            return 1
        }
    }

    /// The best of five runs of about 0.3 s each.
    static func measure(_ name: String, _ body: () throws -> Int) {
        var best = 0.0, sink = 0
        do {
            for _ in 0..<5 {
                let start = seconds()
                var count = 0
                while seconds() - start < 0.3 {
                    for _ in 0..<50 { sink &+= try body() }
                    count += 50
                }
                best = max(best, Double(count) / (seconds() - start))
            }
            print("\(name): \(Int(best)) a second (\(Int(1e9 / best)) ns)", sink == .min ? " " : "")
        } catch {
            print("\(name): \(error)")
        }
    }

    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
