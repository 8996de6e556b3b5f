/// The state of one patch being applied to a copy of a document.
struct JSONPatchRun {
    var document: JSONValue
    let limits: JSONPatch.Limits
    /// The operation under way.
    var index = 0
    /// How many values the document and what was brought into it count together; copies of copies would else grow without bound.
    private var valueCount = 0
    /// How many bytes those values are about, written out.
    private var byteCount = 0

    init(document: JSONValue, limits: JSONPatch.Limits) {
        self.document = document
        self.limits = limits
    }

    private func failure(_ code: JSONPatchError.Code, _ message: String) -> JSONPatchError {
        JSONPatchError(code: code, operation: index, message: message)
    }

    private func missing(_ path: JSONPointer) -> JSONPatchError { failure(.pathNotFound, "nothing is at '\(path)'") }

    mutating func perform(_ operation: JSONPatch.Operation) throws(JSONPatchError) {
        switch operation {
        case .add(let path, let value):
            try charge(value, at: path.tokens.count)
            try add(value, at: path)
        case .remove(let path): _ = try remove(at: path)
        case .replace(let path, let value):
            try charge(value, at: path.tokens.count)
            guard document[path] != nil else { throw missing(path) }
            try change(path) { place, _ in place = value }
        case .move(let from, let path): try move(from, to: path)
        case .copy(let from, let path):
            guard let value = document[from] else { throw missing(from) }
            try charge(value, at: path.tokens.count)
            try add(value, at: path)
        case .test(let path, let value):
            guard let found = document[path] else { throw missing(path) }
            guard found == value else { throw failure(.testFailed, "the value at '\(path)' is another one") }
        }
    }

    /// Counts a value that comes to lie `depth` levels down; throws when there are too many or it reaches too deep.
    mutating func charge(_ value: JSONValue, at depth: Int) throws(JSONPatchError) {
        valueCount += 1
        guard valueCount <= limits.valuesMax else { throw failure(.tooLarge, "the result has more than \(limits.valuesMax) values") }
        try charge(bytes: 2)
        switch value {
        case .string(let text): try charge(bytes: text.utf8.count)
        case .number(let number): try charge(bytes: number.literal.utf8.count)
        case .array(let elements):
            guard depth < limits.depthMax else { throw failure(.tooLarge, "the result has more than \(limits.depthMax) levels") }
            for element in elements { try charge(element, at: depth + 1) }
        case .object(let object):
            guard depth < limits.depthMax else { throw failure(.tooLarge, "the result has more than \(limits.depthMax) levels") }
            for (name, member) in object {
                try charge(bytes: name.utf8.count + 3)
                try charge(member, at: depth + 1)
            }
        default: break
        }
    }

    private mutating func charge(bytes: Int) throws(JSONPatchError) {
        byteCount += bytes
        guard byteCount <= limits.bytesMax else { throw failure(.tooLarge, "the result has more than \(limits.bytesMax) bytes") }
    }

    private mutating func move(_ from: JSONPointer, to path: JSONPointer) throws(JSONPatchError) {
        guard let value = document[from] else { throw missing(from) }
        if from == path { return }
        guard !path.isInside(from) else { throw failure(.invalidPatch, "a value cannot be moved into itself") }
        if path.tokens.count > from.tokens.count { try charge(value, at: path.tokens.count) }
        _ = try remove(at: from)
        try add(value, at: path)
    }

    private mutating func add(_ value: JSONValue, at path: JSONPointer) throws(JSONPatchError) {
        guard let last = path.tokens.last else {
            document = value
            return
        }
        let parent = JSONPointer(tokens: path.tokens.dropLast())
        var error: JSONPatchError?
        try change(parent) { container, run in
            switch container {
            case .object(var object):
                container = .null
                object[last] = value
                container = .object(object)
            case .array(var elements):
                guard let place = last == "-" ? elements.count : JSONPointer.index(last), place <= elements.count else {
                    error = run.missing(path)
                    return
                }
                container = .null
                elements.insert(value, at: place)
                container = .array(elements)
            default: error = run.missing(path)
            }
        }
        if let error { throw error }
    }

    private mutating func remove(at path: JSONPointer) throws(JSONPatchError) -> JSONValue {
        guard let last = path.tokens.last else { throw failure(.invalidPatch, "the whole document cannot be removed") }
        let parent = JSONPointer(tokens: path.tokens.dropLast())
        var removed: JSONValue?
        try change(parent) { container, _ in
            switch container {
            case .object(var object):
                container = .null
                removed = object.removeValue(forKey: last)
                container = .object(object)
            case .array(var elements):
                guard let place = JSONPointer.index(last), place < elements.count else { return }
                container = .null
                removed = elements.remove(at: place)
                container = .array(elements)
            default: break
            }
        }
        guard let removed else { throw missing(path) }
        return removed
    }

    /// Calls `body` with the value at `path` held uniquely, so that only the containers on the way are ever copied.
    private mutating func change(_ path: JSONPointer, _ body: (inout JSONValue, JSONPatchRun) -> Void) throws(JSONPatchError) {
        let run = JSONPatchRun(document: .null, limits: limits, index: index)
        guard JSONPatchRun.descend(&document, path.tokens[...], { body(&$0, run) }) else { throw missing(path) }
    }

    private init(document: JSONValue, limits: JSONPatch.Limits, index: Int) {
        self.init(document: document, limits: limits)
        self.index = index
    }

    private static func descend(_ value: inout JSONValue, _ tokens: ArraySlice<String>, _ body: (inout JSONValue) -> Void) -> Bool {
        guard let token = tokens.first else {
            body(&value)
            return true
        }
        switch value {
        case .object(var object):
            guard var member = object[token] else { return false }
            value = .null
            object[token] = .some(.null)
            let found = descend(&member, tokens.dropFirst(), body)
            object[token] = member
            value = .object(object)
            return found
        case .array(var elements):
            guard let index = JSONPointer.index(token), index < elements.count else { return false }
            value = .null
            let found = descend(&elements[index], tokens.dropFirst(), body)
            value = .array(elements)
            return found
        default: return false
        }
    }
}
