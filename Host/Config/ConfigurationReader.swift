internal import Glibc
internal import JSON
internal import JSONSchema

/// Brings file, variables and command line together: each checked, later ones over earlier ones.
enum ConfigurationReader {
    /// Bytes of limen.json.
    static let fileBytesMax = 256 * 1024

    /// The effective document, defaults filled in.
    static func document(
        file: String?, environment: [String: String], arguments: [String: JSONValue]
    ) throws(ConfigurationError) -> JSONObject {
        let schema: CompiledSchema
        do {
            schema = try CompiledSchema(ConfigurationSchema.json)
        } catch {
            throw ConfigurationError("configuration", "", "its schema does not compile: \(error.message)")
        }
        var document = JSONObject()
        if let file {
            document = try read(file)
            try check(document, schema, source: name(file))
        }
        for (pointer, value) in try variables(environment) { set(value, at: pointer, in: &document) }
        for (pointer, value) in arguments { set(value, at: pointer.split(separator: "/").map(String.init), in: &document) }
        // Once more over the whole, because a variable may break a range or a pair.
        try check(document, schema, source: "configuration")
        for setting in SettingsTable.all {
            if let fallback = setting.fallback, get(setting.path, in: document) == nil { set(fallback, at: setting.path, in: &document) }
        }
        return document
    }

    private static func check(_ document: JSONObject, _ schema: CompiledSchema, source: String) throws(ConfigurationError) {
        let failures = schema.validate(.object(document), failuresMax: 20)
        guard failures.isEmpty else {
            throw ConfigurationError(failures.map { .init(source: source, pointer: $0.instancePath, reason: $0.message) })
        }
    }

    private static func variables(_ environment: [String: String]) throws(ConfigurationError) -> [([String], JSONValue)] {
        var problems: [ConfigurationError.Problem] = []
        var values: [([String], JSONValue)] = []
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("LIMEN_") {
            guard let setting = SettingsTable.all.first(where: { $0.variable == name }) else {
                // A misspelt variable that is passed over would leave the operator with a setting that is not in force.
                problems.append(.init(source: name, pointer: "", reason: "there is no such setting"))
                continue
            }
            guard let value = VariableParser.value(text, as: setting.kind) else {
                problems.append(.init(source: name, pointer: "", reason: "is not \(ConfigurationReference.form(setting.kind))"))
                continue
            }
            values.append((setting.path, value))
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return values
    }

    private static func read(_ file: String) throws(ConfigurationError) -> JSONObject {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ConfigurationError(name(file), "", "cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: fileBytesMax + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw ConfigurationError(name(file), "", "cannot be read: \(String(cString: strerror(errno)))") }
            if got == 0 { break }
            count += got
        }
        guard count <= fileBytesMax else { throw ConfigurationError(name(file), "", "is longer than \(fileBytesMax) bytes") }
        do {
            let value = try JSONValue(parsing: Array(bytes[..<count]))
            guard let object = value.objectValue else { throw ConfigurationError(name(file), "", "must be a JSON object") }
            return object
        } catch let error as JSONError {
            throw ConfigurationError(name(file), "", "is not acceptable JSON at byte \(error.offset): \(error.message)")
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(name(file), "", "\(error)")
        }
    }

    private static func name(_ file: String) -> String { file.split(separator: "/").last.map(String.init) ?? file }

    /// The value at a path; nil when absent.
    static func get(_ path: [String], in document: JSONObject) -> JSONValue? {
        var value = JSONValue.object(document)
        for name in path {
            guard let next = value[name] else { return nil }
            value = next
        }
        return value
    }

    private static func set(_ value: JSONValue, at path: [String], in document: inout JSONObject) {
        guard let first = path.first else { return }
        guard path.count > 1 else {
            document[first] = value
            return
        }
        var child = document[first]?.objectValue ?? JSONObject()
        set(value, at: Array(path.dropFirst()), in: &child)
        document[first] = .object(child)
    }
}
