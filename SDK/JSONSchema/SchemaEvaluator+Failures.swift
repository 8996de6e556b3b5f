import JSON

/// What to say about a failure; turned into a sentence only when failures are listed.
enum FailureText {
    case plain(String)
    case type(UInt8)
    case pattern
    case format(FormatKind)
    case count(String, UInt32)
    case bound(String, Int32)
    case missing(Int32)
    case choice(Int32)
    case key(String, Int)
}

extension FailureText: ExpressibleByStringLiteral {
    init(stringLiteral value: StaticString) { self = .plain("\(value)") }
}

extension SchemaEvaluator {
    /// Notes a failure when failures are listed; always false, so that callers can return it.
    @inline(__always)
    @discardableResult
    mutating func fail(_ schema: Int32, _ at: Int, _ keyword: StaticString, _ text: @autoclosure () -> FailureText) -> Bool {
        guard isCollecting else { return false }
        note(schema, at, keyword, text())
        return false
    }

    @inline(never)
    private mutating func note(_ schema: Int32, _ at: Int, _ keyword: StaticString, _ text: FailureText) {
        guard failures.count < failuresMax, limit == nil else { return }
        let name = "\(keyword)"
        let path = program.locations[Int(schema)] + (name.isEmpty ? "" : "/" + name)
        let failure = SchemaFailure(instancePath: tape.pointer(to: at), keyword: name, schemaPath: path, message: sentence(text, at))
        if !failures.contains(failure) { failures.append(failure) }
    }

    private func sentence(_ text: FailureText, _ at: Int) -> String {
        switch text {
        case .plain(let text): return text
        case .type(let types):
            let names = TypeMask.names.filter { types & $0.1 == $0.1 && !($0.0 == "integer" && types & TypeMask.number != 0) }.map(\.0)
            return "is \(tape.typeName(at)), not \(names.joined(separator: " or "))"
        case .pattern: return "does not match the pattern"
        case .format(let format): return "is no \(format.rawValue)"
        case .count(let text, let count): return text + " \(count)"
        case .bound(let text, let decimal): return text + " " + program.decimals[Int(decimal)].text
        case .missing(let slot): return "the member \(quoted(program.slots[slot])) is missing"
        case .choice(let rule): return choiceText(program.choices[rule])
        case .key(let text, let key): return text + " " + JSONValue.string(String(tape.text(key).prefix(80))).text
        }
    }

    private func quoted(_ slot: PropertySlot) -> String {
        let bytes = UnsafeBufferPointer(start: program.keyBytes.base + Int(slot.keyOffset), count: Int(slot.keyLength))
        return JSONValue.string(String(decoding: bytes, as: UTF8.self)).text
    }

    private func choiceText(_ rule: ChoiceRule) -> String {
        let values = JSONDocument(constants: program.constants[Int(rule.constants)]).value()
        let text = rule.isConst ? values[0]?.text ?? "" : values.text
        let shown = text.utf8.count > 200 ? String(text.prefix(200)) + "…" : text
        return rule.isConst ? "is not \(shown)" : "is none of \(shown)"
    }
}

extension JSONDecimal {
    /// The value as a short literal.
    var text: String {
        let digits = isZero ? "0" : String(decoding: digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
        let sign = isNegative ? "-" : ""
        if exponent == 0 { return sign + digits }
        if exponent > 0 && exponent <= 20 { return sign + digits + String(repeating: "0", count: exponent) }
        if exponent < 0 && -exponent < digits.utf8.count {
            return sign + digits.dropLast(-exponent) + "." + digits.suffix(-exponent)
        }
        if exponent < 0 && exponent >= -20 { return sign + "0." + String(repeating: "0", count: -exponent - digits.utf8.count) + digits }
        return sign + digits + "e\(exponent)"
    }
}
