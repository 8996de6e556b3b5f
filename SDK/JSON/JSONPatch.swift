/// Why a JSON Patch could not be read or applied.
public struct JSONPatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of fault; more may be added.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The stable name of the fault, in snake case.
        public let rawValue: String
        /// Makes a code from its stable name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The patch itself is not one that RFC 6902 allows.
        public static let invalidPatch = Code(rawValue: "invalid_patch")
        /// A path leads nowhere in this document.
        public static let pathNotFound = Code(rawValue: "path_not_found")
        /// A `test` found another value.
        public static let testFailed = Code(rawValue: "test_failed")
        /// The patch has too many operations, or its result would be too large or too deep.
        public static let tooLarge = Code(rawValue: "too_large")
    }

    /// The kind of fault.
    public let code: Code
    /// Which operation failed, counted from 0; nil when the patch as a whole is at fault.
    public let operation: Int?
    /// The fault in a sentence.
    public let message: String

    /// The message and the operation in one line.
    public var description: String { operation.map { "operation \($0): \(message)" } ?? message }
}

/// A JSON Patch as RFC 6902 defines it; applying one either makes all of its changes or none.
public struct JSONPatch: Sendable, Hashable {
    /// Bounds on one patch.
    public struct Limits: Sendable, Hashable {
        /// The most operations.
        public var operationsMax: Int
        /// The most values that the document and all that is added or copied into it may count together.
        public var valuesMax: Int
        /// The most containers that may be nested in the result.
        public var depthMax: Int
        /// The most bytes of texts, numbers and names that the document and all that is added or copied into it may have together: a copy costs nothing
        /// until it is written out.
        public var bytesMax: Int

        /// Makes limits; what is not given has the default of the house.
        public init(operationsMax: Int = 1000, valuesMax: Int = 1 << 20, depthMax: Int = 128, bytesMax: Int = 16 << 20) {
            self.operationsMax = operationsMax
            self.valuesMax = valuesMax
            self.depthMax = depthMax
            self.bytesMax = bytesMax
        }
    }

    /// One of the six operations.
    enum Operation: Sendable, Hashable {
        case add(JSONPointer, JSONValue)
        case remove(JSONPointer)
        case replace(JSONPointer, JSONValue)
        case move(from: JSONPointer, JSONPointer)
        case copy(from: JSONPointer, JSONPointer)
        case test(JSONPointer, JSONValue)
    }

    let operations: [Operation]
    let limits: Limits

    /// Reads a patch, an array of operation objects; throws `invalidPatch` or `tooLarge`.
    public init(_ value: JSONValue, limits: Limits = Limits()) throws(JSONPatchError) {
        guard case .array(let elements) = value else {
            throw JSONPatchError(code: .invalidPatch, operation: nil, message: "a JSON Patch is an array of operations")
        }
        guard elements.count <= limits.operationsMax else {
            throw JSONPatchError(code: .tooLarge, operation: nil, message: "a JSON Patch has at most \(limits.operationsMax) operations")
        }
        var operations: [Operation] = []
        for (index, element) in elements.enumerated() { operations.append(try JSONPatch.operation(element, index)) }
        self.operations = operations
        self.limits = limits
    }

    private static func operation(_ element: JSONValue, _ index: Int) throws(JSONPatchError) -> Operation {
        guard case .object(let object) = element else { throw invalid("an operation is an object", index) }
        guard let name = object["op"]?.stringValue else { throw invalid("'op' is missing or no string", index) }
        let path = try pointer(object, "path", index)
        switch name {
        case "add": return .add(path, try operand(object, index))
        case "remove": return .remove(path)
        case "replace": return .replace(path, try operand(object, index))
        case "move": return .move(from: try pointer(object, "from", index), path)
        case "copy": return .copy(from: try pointer(object, "from", index), path)
        case "test": return .test(path, try operand(object, index))
        default: throw invalid("'op' is none of add, remove, replace, move, copy, test", index)
        }
    }

    private static func invalid(_ message: String, _ index: Int) -> JSONPatchError {
        JSONPatchError(code: .invalidPatch, operation: index, message: message)
    }

    private static func operand(_ object: JSONObject, _ index: Int) throws(JSONPatchError) -> JSONValue {
        guard let value = object["value"] else { throw invalid("'value' is missing", index) }
        return value
    }

    private static func pointer(_ object: JSONObject, _ key: String, _ index: Int) throws(JSONPatchError) -> JSONPointer {
        guard let text = object[key]?.stringValue else { throw invalid("'\(key)' is missing or no string", index) }
        do throws(JSONPointerError) { return try JSONPointer(text) } catch { throw invalid("'\(key)': \(error.message)", index) }
    }

    /// The document after all operations; throws at the first that fails, and the document passed in is what it was in any case.
    public func apply(to document: JSONValue) throws(JSONPatchError) -> JSONValue {
        var run = JSONPatchRun(document: document, limits: limits)
        try run.charge(document, at: 0)
        for (index, operation) in operations.enumerated() {
            run.index = index
            try run.perform(operation)
        }
        return run.document
    }
}
