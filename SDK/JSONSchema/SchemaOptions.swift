public import JSON

/// How a schema is compiled and how much work checking against it may take.
public struct SchemaOptions: Sendable {
    /// Other schemas that references may lead to, by absolute URI; nothing is ever fetched.
    public var resources: [String: JSONValue]
    /// Whether `format` is checked; it only is a remark otherwise, unless the dialect's vocabulary says that it asserts.
    public var assertsFormat: Bool
    /// Whether the schema is checked against the metaschema of its dialect first.
    public var checksMetaschema: Bool
    /// Bounds on compiling and checking.
    public var limits: SchemaLimits

    /// Makes options; what is not given has the default of the house.
    public init(
        resources: [String: JSONValue] = [:], assertsFormat: Bool = false, checksMetaschema: Bool = true, limits: SchemaLimits = .init()
    ) {
        self.resources = resources
        self.assertsFormat = assertsFormat
        self.checksMetaschema = checksMetaschema
        self.limits = limits
    }
}

/// Bounds on compiling and checking, so that neither a hostile schema nor a hostile instance costs more than a moment.
public struct SchemaLimits: Sendable, Hashable {
    /// The most subschemas one schema may count, those it refers to included.
    public var subschemasMax = 100_000
    /// The most schema levels that compiling or checking may be inside at once.
    public var depthMax = 700
    /// The most steps (subschemas entered, members and elements visited) that one check may take.
    public var stepsMax = 5_000_000
    /// The most different regular expressions one schema may have.
    public var patternsMax = 1000
    /// The most bytes one regular expression may have.
    public var patternBytesMax = 16_384
    /// The most matching steps one regular expression may take on one string.
    public var matchStepsMax = 100_000
    /// The most milliseconds that all backtracking regular expressions of one check may take together.
    public var matchMillisecondsMax = 500

    /// Makes the default limits.
    public init() {}
}

/// Why a schema cannot be used.
public struct SchemaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the schema the fault is: a JSON Pointer, after the URI and `#` when it is in another document.
    public let path: String
    /// The fault in a sentence, without the path.
    public let message: String

    /// Path and message in one line.
    public var description: String { "\(path.isEmpty ? "/" : path): \(message)" }
}

/// One place where an instance breaks a schema.
public struct SchemaFailure: Sendable, Hashable, CustomStringConvertible {
    /// The JSON Pointer to the part of the instance at fault.
    public let instancePath: String
    /// The keyword that does not hold; empty for the schema `false`, `limit` when a bound on work was reached.
    public let keyword: String
    /// Where the keyword stands: a JSON Pointer, after the URI and `#` when it is in another document.
    public let schemaPath: String
    /// The failure in a sentence.
    public let message: String

    /// Path and message in one line.
    public var description: String { "\(instancePath.isEmpty ? "/" : instancePath): \(message) (\(schemaPath))" }

    /// The failure as the API shows it.
    public var json: JSONValue {
        ["instance_path": .string(instancePath), "keyword": .string(keyword), "schema_path": .string(schemaPath), "message": .string(message)]
    }
}
