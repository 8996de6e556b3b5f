import JSON

extension SchemaEvaluator {
    mutating func checkObject(_ index: Int32, _ schema: Int32, _ at: Int, tracks: Bool) -> Bool {
        let rule = program.objects.base + Int(index)
        let node = tape.nodes[at]
        var isValid = true
        if node.length < rule.pointee.countMin {
            isValid = fail(schema, at, "minProperties", .count("has fewer members than", rule.pointee.countMin))
        }
        if node.length > rule.pointee.countMax {
            isValid = fail(schema, at, "maxProperties", .count("has more members than", rule.pointee.countMax))
        }
        guard isValid || isCollecting, charge(Int(node.length)) else { return false }
        var found: Int32 = 0
        var key = at &+ 1
        while key < Int(node.extra) {
            if !checkMember(rule, schema, key, tracks, &found) {
                isValid = false
                if !isCollecting { return false }
            }
            key = tape.next(after: key &+ 1)
        }
        if found < rule.pointee.requiredCount {
            isValid = false
            if isCollecting { noteMissing(rule, schema, at) }
        }
        if rule.pointee.dependencyCount > 0, isValid || isCollecting, !checkDependencies(rule, schema, at) { isValid = false }
        return isValid
    }

    @inline(__always)
    private mutating func checkMember(
        _ rule: UnsafeMutablePointer<ObjectRule>, _ schema: Int32, _ key: Int, _ tracks: Bool, _ found: inout Int32
    ) -> Bool {
        let node = tape.nodes[key]
        var isValid = true, isEvaluated = false
        if rule.pointee.slotMask >= 0,
            let slot = findSlot(rule.pointee.firstSlot, rule.pointee.slotMask, node.extra, tape.bytes(node), node.length)
        {
            if slot.pointee.isRequired { found &+= 1 }
            if slot.pointee.schema >= 0 {
                isEvaluated = true
                isValid = check(slot.pointee.schema, key &+ 1, tracks: false)
                if !isValid, !isCollecting { return false }
            }
        }
        if rule.pointee.patternCount > 0 {
            for place in 0..<rule.pointee.patternCount {
                let entry = program.patternProperties[rule.pointee.firstPattern + place]
                guard charge(1) else { return false }
                guard matches(entry.pattern, node) else { continue }
                isEvaluated = true
                if !check(entry.schema, key &+ 1, tracks: false) {
                    isValid = false
                    if !isCollecting { return false }
                }
            }
        }
        if !isEvaluated, rule.pointee.additional >= 0 {
            isEvaluated = true
            if schemas[Int(rule.pointee.additional)].isFalse {
                isValid = fail(schema, key &+ 1, "additionalProperties", .key("no member is allowed here that is named", key))
            } else if !check(rule.pointee.additional, key &+ 1, tracks: false) {
                isValid = false
            }
        }
        if rule.pointee.names >= 0, isValid || isCollecting, !check(rule.pointee.names, key, tracks: false) { isValid = false }
        if tracks, isEvaluated { evaluated.append(Int32(truncatingIfNeeded: key &+ 1)) }
        return isValid
    }

    @inline(never)
    private mutating func noteMissing(_ rule: UnsafeMutablePointer<ObjectRule>, _ schema: Int32, _ at: Int) {
        var present = Set<UnsafeMutablePointer<PropertySlot>>()
        var key = at + 1
        while key < Int(tape.nodes[at].extra) {
            let node = tape.nodes[key]
            let slot = findSlot(rule.pointee.firstSlot, rule.pointee.slotMask, node.extra, tape.bytes(node), node.length)
            if let slot { present.insert(slot) }
            key = tape.next(after: key + 1)
        }
        for place in 0...rule.pointee.slotMask {
            let slot = program.slots.base + Int(rule.pointee.firstSlot + place)
            if slot.pointee.isUsed, slot.pointee.isRequired, !present.contains(slot) {
                fail(schema, at, "required", .missing(rule.pointee.firstSlot + place))
            }
        }
    }

    private mutating func checkDependencies(_ rule: UnsafeMutablePointer<ObjectRule>, _ schema: Int32, _ at: Int) -> Bool {
        var isValid = true
        for place in 0..<rule.pointee.dependencyCount {
            let dependency = program.dependencies[rule.pointee.firstDependency + place]
            guard let trigger = member(dependency.trigger, of: at) else { continue }
            for needed in 0..<dependency.count where member(program.indices[dependency.first + needed], of: at) == nil {
                isValid = fail(schema, at, "dependentRequired", .key("a member is missing that is needed beside", trigger))
            }
        }
        return isValid
    }

    /// The node of the key of that number in the object at `at`, or nil.
    mutating func member(_ key: Int32, of at: Int) -> Int? {
        let text = program.keys[key]
        guard charge(1 + Int(tape.nodes[at].length) / 8) else { return nil }
        return tape.member(of: at, hash: text.hash, program.keyBytes.base + Int(text.offset), text.length)
    }

    mutating func checkArray(_ index: Int32, _ schema: Int32, _ at: Int, tracks: Bool) -> Bool {
        let rule = program.arrays.base + Int(index)
        let node = tape.nodes[at]
        var isValid = true
        if node.length < rule.pointee.countMin {
            isValid = fail(schema, at, "minItems", .count("has fewer elements than", rule.pointee.countMin))
        }
        if node.length > rule.pointee.countMax {
            isValid = fail(schema, at, "maxItems", .count("has more elements than", rule.pointee.countMax))
        }
        guard isValid || isCollecting, charge(Int(node.length)) else { return false }
        if !checkItems(rule, at, tracks) {
            isValid = false
            if !isCollecting { return false }
        }
        if rule.pointee.isUnique, node.length > 1 {
            var comparison = TapeComparison(left: tape, right: tape, stepsLeft: stepsLeft)
            let repeated = comparison.repeatedElement(of: at)
            stepsLeft = comparison.stepsLeft
            guard charge(0) else { return false }
            if let repeated { isValid = fail(schema, repeated, "uniqueItems", "is an element that the array already has") }
        }
        if rule.pointee.contains >= 0, isValid || isCollecting, !checkContains(rule, schema, at, tracks) { isValid = false }
        return isValid
    }

    @inline(__always)
    private mutating func checkItems(_ rule: UnsafeMutablePointer<ArrayRule>, _ at: Int, _ tracks: Bool) -> Bool {
        guard rule.pointee.prefixCount > 0 || rule.pointee.items >= 0 else { return true }
        let end = Int(tape.nodes[at].extra)
        var isValid = true
        var element = at &+ 1, place: Int32 = 0
        while element < end {
            let item = place < rule.pointee.prefixCount ? program.indices[rule.pointee.firstPrefix &+ place] : rule.pointee.items
            guard item >= 0 else { break }
            if !check(item, element, tracks: false) {
                isValid = false
                if !isCollecting { return false }
            }
            if tracks { evaluated.append(Int32(truncatingIfNeeded: element)) }
            element = tape.next(after: element)
            place &+= 1
        }
        return isValid
    }

    private mutating func checkContains(_ rule: UnsafeMutablePointer<ArrayRule>, _ schema: Int32, _ at: Int, _ tracks: Bool) -> Bool {
        let wasCollecting = isCollecting
        isCollecting = false
        var count: UInt32 = 0
        var element = at + 1
        while element < Int(tape.nodes[at].extra) {
            if check(rule.pointee.contains, element, tracks: false) {
                count += 1
                if tracks { evaluated.append(Int32(truncatingIfNeeded: element)) }
                if !tracks, count >= rule.pointee.containsMin, rule.pointee.containsMax == .max { break }
            }
            element = tape.next(after: element)
        }
        isCollecting = wasCollecting
        if count < rule.pointee.containsMin {
            return rule.pointee.containsMin == 1
                ? fail(schema, at, "contains", "no element is as one has to be")
                : fail(schema, at, "minContains", .count("fewer elements are as asked than", rule.pointee.containsMin))
        }
        if count > rule.pointee.containsMax {
            return fail(schema, at, "maxContains", .count("more elements are as asked than", rule.pointee.containsMax))
        }
        return true
    }
}
