import JSON

extension SchemaKeywordCompiler {
    mutating func numberRule(_ schema: JSONObject) throws(SchemaError) -> Int32 {
        var rule = NumberRule()
        rule.minimum = try bound(schema, "minimum")
        rule.maximum = try bound(schema, "maximum")
        rule.exclusiveMinimum = try bound(schema, "exclusiveMinimum")
        rule.exclusiveMaximum = try bound(schema, "exclusiveMaximum")
        rule.multipleOf = try bound(schema, "multipleOf")
        let bounds = [rule.minimum, rule.maximum, rule.exclusiveMinimum, rule.exclusiveMaximum, rule.multipleOf]
        guard bounds.contains(where: \.isPresent) else { return -1 }
        if rule.multipleOf.isPresent {
            let divisor = compiler.parts.decimals[Int(rule.multipleOf.decimal)]
            guard !divisor.isZero, !divisor.isNegative else { throw fault("multipleOf", "multipleOf is not above zero") }
        }
        compiler.parts.numbers.append(rule)
        return Int32(compiler.parts.numbers.count - 1)
    }

    private mutating func bound(_ schema: JSONObject, _ keyword: String) throws(SchemaError) -> NumberBound {
        guard let value = schema[keyword] else { return NumberBound() }
        guard case .number(let number) = value else { throw fault(keyword, "\(keyword) is no number") }
        let decimal = JSONDecimal(number.literal)
        var bound = NumberBound(isPresent: true, decimal: Int32(compiler.parts.decimals.count))
        compiler.parts.decimals.append(decimal)
        if decimal.digits.count <= 17, let scale = Int32(exactly: decimal.exponent) {
            let magnitude = decimal.digits.reduce(0 as Int64) { $0 * 10 + Int64($1) }
            bound.mantissa = decimal.isNegative ? -magnitude : magnitude
            bound.scale = scale
            bound.isSmall = true
        }
        return bound
    }

    mutating func stringRule(_ schema: JSONObject) throws(SchemaError) -> Int32 {
        var rule = StringRule()
        if dialect.validation {
            rule.lengthMin = try count(schema, "minLength") ?? 0
            rule.lengthMax = try count(schema, "maxLength") ?? .max
            if let pattern = schema["pattern"] {
                guard case .string(let text) = pattern else { throw fault("pattern", "pattern is no string") }
                rule.pattern = try matcher(text, "pattern")
            }
        }
        if let format = schema["format"] {
            guard case .string(let name) = format else { throw fault("format", "format is no string") }
            if compiler.options.assertsFormat || dialect.assertsFormat { rule.format = FormatKind(rawValue: name) }
        }
        guard rule.lengthMin > 0 || rule.lengthMax < .max || rule.pattern >= 0 || rule.format != nil else { return -1 }
        compiler.parts.strings.append(rule)
        return Int32(compiler.parts.strings.count - 1)
    }

    private func matcher(_ pattern: String, _ keyword: String) throws(SchemaError) -> Int32 {
        do throws(RegexError) { return Int32(try compiler.patterns.add(pattern)) } catch {
            throw fault(keyword, "the pattern \(pattern.prefix(80)): \(error.message)")
        }
    }

    mutating func arrayRule(_ schema: JSONObject) throws(SchemaError) -> Int32 {
        var rule = ArrayRule(), isNeeded = false
        if dialect.validation {
            rule.countMin = try count(schema, "minItems") ?? 0
            rule.countMax = try count(schema, "maxItems") ?? .max
            rule.isUnique = schema["uniqueItems"] == true
            rule.containsMin = try count(schema, "minContains") ?? 1
            rule.containsMax = try count(schema, "maxContains") ?? .max
            isNeeded = rule.countMin > 0 || rule.countMax < .max || rule.isUnique
        }
        if dialect.applicator {
            if let (first, count) = try children(schema, "prefixItems") { (rule.firstPrefix, rule.prefixCount) = (first, count) }
            rule.items = try child(schema, "items") ?? -1
            rule.contains = try child(schema, "contains") ?? -1
            isNeeded = isNeeded || rule.prefixCount > 0 || rule.items >= 0 || rule.contains >= 0
        }
        guard isNeeded else { return -1 }
        compiler.parts.arrays.append(rule)
        return Int32(compiler.parts.arrays.count - 1)
    }

    mutating func objectRule(_ schema: JSONObject) throws(SchemaError) -> Int32 {
        var rule = ObjectRule(), isNeeded = false
        if dialect.validation {
            rule.countMin = try count(schema, "minProperties") ?? 0
            rule.countMax = try count(schema, "maxProperties") ?? .max
            try dependencies(schema, &rule)
            isNeeded = rule.countMin > 0 || rule.countMax < .max || rule.dependencyCount > 0
        }
        if dialect.applicator {
            rule.additional = try child(schema, "additionalProperties") ?? -1
            rule.names = try child(schema, "propertyNames") ?? -1
            try patternProperties(schema, &rule)
            isNeeded = isNeeded || rule.additional >= 0 || rule.names >= 0 || rule.patternCount > 0
        }
        try properties(schema, &rule)
        guard isNeeded || rule.slotMask >= 0 else { return -1 }
        compiler.parts.objects.append(rule)
        return Int32(compiler.parts.objects.count - 1)
    }

    private mutating func properties(_ schema: JSONObject, _ rule: inout ObjectRule) throws(SchemaError) {
        var entries: [PropertySlot] = []
        var required = dialect.validation ? try names(schema["required"], "required") : JSONObject()
        for (key, index) in dialect.applicator ? try members(schema, "properties") : [] {
            var slot = slot(key)
            slot.schema = index
            slot.isRequired = required.removeValue(forKey: key) != nil
            entries.append(slot)
        }
        for key in required.keys {
            var slot = slot(key)
            slot.isRequired = true
            entries.append(slot)
        }
        guard !entries.isEmpty else { return }
        rule.requiredCount = Int32(entries.count { $0.isRequired })
        (rule.firstSlot, rule.slotMask) = compiler.parts.table(entries)
    }

    private mutating func slot(_ key: String) -> PropertySlot {
        let text = compiler.parts.text(key)
        return PropertySlot(hash: text.hash, keyOffset: text.offset, keyLength: text.length)
    }

    /// An array of strings as the keys of an object, each once.
    private func names(_ value: JSONValue?, _ keyword: String) throws(SchemaError) -> JSONObject {
        guard let value else { return JSONObject() }
        guard case .array(let elements) = value else { throw fault(keyword, "\(keyword) is no array") }
        var names = JSONObject()
        for element in elements {
            guard case .string(let name) = element else { throw fault(keyword, "\(keyword) holds a value that is no string") }
            names[name] = .bool(true)
        }
        return names
    }

    private mutating func patternProperties(_ schema: JSONObject, _ rule: inout ObjectRule) throws(SchemaError) {
        var found: [PatternProperty] = []
        for (pattern, index) in try members(schema, "patternProperties") {
            found.append(PatternProperty(pattern: try matcher(pattern, "patternProperties"), schema: index))
        }
        rule.firstPattern = Int32(compiler.parts.patternProperties.count)
        rule.patternCount = Int32(found.count)
        compiler.parts.patternProperties += found
    }

    private mutating func dependencies(_ schema: JSONObject, _ rule: inout ObjectRule) throws(SchemaError) {
        guard let value = schema["dependentRequired"] else { return }
        guard case .object(let object) = value else { throw fault("dependentRequired", "dependentRequired is no object") }
        var found: [DependencyRule] = []
        for (key, needed) in object {
            let keys = try names(needed, "dependentRequired").keys.map { keyIndex($0) }
            found.append(DependencyRule(trigger: keyIndex(key), first: Int32(compiler.parts.indices.count), count: Int32(keys.count)))
            compiler.parts.indices += keys
        }
        rule.firstDependency = Int32(compiler.parts.dependencies.count)
        rule.dependencyCount = Int32(found.count)
        compiler.parts.dependencies += found
    }

    mutating func choice(_ schema: JSONObject) throws(SchemaError) -> Int32 {
        var rules: [Int32] = []
        if let value = schema["enum"] {
            guard case .array(let values) = value else { throw fault("enum", "enum is no array") }
            rules.append(try addChoice(values, isConst: false))
        }
        if let value = schema["const"] {
            rules.append(try addChoice([value], isConst: true))
            // Both keywords in one schema: the second rule follows the first and is found through its link.
            if rules.count == 2 { compiler.parts.choices[Int(rules[0])].next = rules[1] }
        }
        return rules.first ?? -1
    }

    private mutating func addChoice(_ values: [JSONValue], isConst: Bool) throws(SchemaError) -> Int32 {
        let keyword = isConst ? "const" : "enum"
        var rule = ChoiceRule(isConst: isConst)
        let document: JSONDocument
        do throws(JSONError) { document = try JSONDocument(.array(values)) } catch { throw fault(keyword, error.message) }
        rule.constants = Int32(compiler.parts.constants.count)
        compiler.parts.constants.append(document.tape)
        var strings: [PropertySlot] = [], others: [Int32] = []
        for (value, node) in zip(values, document.children(of: 0)) {
            if case .string(let text) = value { strings.append(slot(text)) } else { others.append(Int32(node)) }
        }
        rule.firstOther = Int32(compiler.parts.indices.count)
        rule.otherCount = Int32(others.count)
        compiler.parts.indices += others
        if !strings.isEmpty { (rule.firstSlot, rule.slotMask) = compiler.parts.table(strings) }
        compiler.parts.choices.append(rule)
        return Int32(compiler.parts.choices.count - 1)
    }
}
