internal import JSON
internal import JSONSchema

/// Reads the members of one JSON object that the schema has already accepted, with defaults, and names the pointer if it disagrees.
struct ManifestReader {
    /// The file, for problems.
    let file: String
    /// Where `object` stands in it.
    let pointer: String
    /// The members.
    let object: JSONObject

    init(file: String, pointer: String, object: JSONObject) { (self.file, self.pointer, self.object) = (file, pointer, object) }

    /// A whole file, after it was compared with its schema.
    /// - Throws: `ManifestError` with a problem for every place that is not as the schema says.
    init(_ document: JSONDocument, _ schema: CompiledSchema, file: String) throws(ManifestError) {
        let failures = schema.validate(document, failuresMax: Limits.problemsMax)
        guard failures.isEmpty else {
            throw ManifestError(failures.map { ManifestProblem(file: file, pointer: $0.instancePath, reason: $0.message) })
        }
        guard let object = document.value().objectValue else { throw ManifestError(file: file, reason: "must be an object") }
        self.init(file: file, pointer: "", object: object)
    }

    /// A problem at a member, or at this object when `key` is nil.
    func problem(_ key: String?, _ reason: String) -> ManifestProblem {
        ManifestProblem(file: file, pointer: key.map { pointer + "/" + Self.escaped($0) } ?? pointer, reason: reason)
    }

    /// A required member of any type.
    func value(_ key: String) throws(ManifestProblem) -> JSONValue {
        guard let value = object[key] else { throw problem(key, "is required") }
        return value
    }

    /// A required string.
    func string(_ key: String) throws(ManifestProblem) -> String {
        guard let text = try value(key).stringValue else { throw problem(key, "must be a string") }
        return text
    }

    /// A string, or nil when absent.
    func optionalString(_ key: String) throws(ManifestProblem) -> String? {
        object[key] == nil ? nil : try string(key)
    }

    /// An integer, or the default when absent.
    func integer(_ key: String, default fallback: Int) throws(ManifestProblem) -> Int {
        guard let value = object[key] else { return fallback }
        guard let number = value.intValue else { throw problem(key, "must be an integer") }
        return number
    }

    /// A boolean, or the default when absent.
    func bool(_ key: String, default fallback: Bool) throws(ManifestProblem) -> Bool {
        guard let value = object[key] else { return fallback }
        guard let flag = value.boolValue else { throw problem(key, "must be true or false") }
        return flag
    }

    /// One of an enumeration's raw values; without a default it is required.
    func choice<Choice: RawRepresentable>(_ key: String, default fallback: Choice?) throws(ManifestProblem) -> Choice
    where Choice.RawValue == String {
        if object[key] == nil, let fallback { return fallback }
        guard let choice = Choice(rawValue: try string(key)) else { throw problem(key, "is not one of the values allowed here") }
        return choice
    }

    /// Strings, or the default when absent.
    func strings(_ key: String, default fallback: [String]) throws(ManifestProblem) -> [String] {
        guard let value = object[key] else { return fallback }
        guard let items = value.arrayValue else { throw problem(key, "must be an array") }
        var texts: [String] = []
        for (index, item) in items.enumerated() {
            guard let text = item.stringValue else { throw problem(key, "item \(index) must be a string") }
            texts.append(text)
        }
        return texts
    }

    /// Integers, or the default when absent.
    func integers(_ key: String, default fallback: [Int]) throws(ManifestProblem) -> [Int] {
        guard let value = object[key] else { return fallback }
        guard let items = value.arrayValue else { throw problem(key, "must be an array") }
        var numbers: [Int] = []
        for (index, item) in items.enumerated() {
            guard let number = item.intValue else { throw problem(key, "item \(index) must be an integer") }
            numbers.append(number)
        }
        return numbers
    }

    /// A reader of a nested object; an empty one when absent.
    func nested(_ key: String) throws(ManifestProblem) -> ManifestReader {
        let value = object[key] ?? .object([:])
        guard let object = value.objectValue else { throw problem(key, "must be an object") }
        return ManifestReader(file: file, pointer: pointer + "/" + Self.escaped(key), object: object)
    }

    /// Readers of an array of objects; none when absent.
    func objects(_ key: String) throws(ManifestProblem) -> [ManifestReader] {
        guard let value = object[key] else { return [] }
        guard let items = value.arrayValue else { throw problem(key, "must be an array") }
        var readers: [ManifestReader] = []
        for (index, item) in items.enumerated() {
            guard let object = item.objectValue else { throw problem(key, "item \(index) must be an object") }
            readers.append(ManifestReader(file: file, pointer: "\(pointer)/\(Self.escaped(key))/\(index)", object: object))
        }
        return readers
    }

    /// A reference token of RFC 6901.
    static func escaped(_ key: String) -> String {
        var text = ""
        for character in key.unicodeScalars {
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
