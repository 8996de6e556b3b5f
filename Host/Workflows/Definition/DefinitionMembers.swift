import JSON

/// The members of one object of a definition, taken one by one; what nobody takes is unknown.
struct Members {
    let pointer: JSONPointer
    private var left: JSONObject

    /// Nil, and a problem, for what is no object.
    init?(_ value: JSONValue, _ pointer: JSONPointer, _ reader: inout DefinitionReader) {
        guard case .object(let members) = value else {
            reader.report(pointer, "has to be an object")
            return nil
        }
        (self.pointer, left) = (pointer, members)
    }

    mutating func take(_ name: String) -> JSONValue? { left.removeValue(forKey: name) }

    /// Reports what was not taken.
    func refuseOthers(_ reader: inout DefinitionReader) {
        for name in left.keys { reader.report(pointer.appending(name), "is no member that can stand here") }
    }

    mutating func text(_ name: String, _ reader: inout DefinitionReader, isRequired: Bool = false) -> String? {
        guard let value = take(name) else {
            if isRequired { reader.report(pointer.appending(name), "is missing") }
            return nil
        }
        guard let text = value.stringValue else {
            reader.report(pointer.appending(name), "has to be a text")
            return nil
        }
        return text
    }

    /// The id of a node, or the name of a variable: letters, digits and `_`, so that expressions can name it, no digit first.
    mutating func name(_ name: String, _ reader: inout DefinitionReader, isRequired: Bool = false) -> String? {
        guard let text = text(name, &reader, isRequired: isRequired) else { return nil }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let isName = text.utf8.enumerated().allSatisfy { index, byte in
            letters.contains(byte | 0x20) && byte != UInt8(ascii: "@") || byte == UInt8(ascii: "_")
                || index > 0 && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard isName, (1...WorkflowLimits.nameBytesMax).contains(text.utf8.count) else {
            reader.report(
                pointer.appending(name), "has to have letters, digits and `_`, no digit first, at most \(WorkflowLimits.nameBytesMax) of them")
            return nil
        }
        return text
    }

    mutating func integer(_ name: String, _ range: ClosedRange<Int>, _ reader: inout DefinitionReader) -> Int? {
        guard let value = take(name) else { return nil }
        guard let number = value.intValue, range.contains(number) else {
            reader.report(pointer.appending(name), "has to be an integer of \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func list(_ name: String, _ range: ClosedRange<Int>, _ reader: inout DefinitionReader) -> [JSONValue]? {
        guard let items = take(name)?.arrayValue, range.contains(items.count) else {
            reader.report(pointer.appending(name), "has to be a list of \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return items
    }

    /// Where it goes on.
    mutating func target(_ name: String, _ reader: inout DefinitionReader, isRequired: Bool = true) -> DraftTarget? {
        text(name, &reader, isRequired: isRequired).map { DraftTarget(id: $0, pointer: pointer.appending(name)) }
    }

    mutating func condition(_ name: String, _ reader: inout DefinitionReader) -> Expression? {
        guard let text = text(name, &reader, isRequired: true) else { return nil }
        do throws(ExpressionError) {
            return try Expression(text, type: .boolean)
        } catch {
            reader.report(pointer.appending(name), "has a formula that is none: \(error)")
            return nil
        }
    }

    /// A value with places; an empty object where there is none.
    mutating func template(_ name: String, _ reader: inout DefinitionReader) -> Template {
        let value = take(name) ?? [:]
        let place = pointer.appending(name)
        if case .object = value {} else { reader.report(place, "has to be an object") }
        let before = reader.problems.count
        Self.compile(value, place, &reader)
        do throws(ExpressionError) {
            return try Template(value)
        } catch {
            // Its text was reported where it stands.
            if reader.problems.count == before { reader.report(place, "has a formula that is none: \(error)") }
            return .empty
        }
    }

    /// Compiles every text of a value by itself, so that a problem has the text's own place.
    private static func compile(_ value: JSONValue, _ pointer: JSONPointer, _ reader: inout DefinitionReader) {
        switch value {
        case .string:
            do throws(ExpressionError) {
                _ = try Template(value)
            } catch {
                reader.report(pointer, "has a formula that is none: \(error)")
            }
        case .array(let items): for (index, item) in items.enumerated() { compile(item, pointer.appending(index), &reader) }
        case .object(let members): for (name, member) in members { compile(member, pointer.appending(name), &reader) }
        default: break
        }
    }
}
