import JSON

extension SchemaEvaluator {
    /// Applies the schemas that look at the same instance.
    mutating func checkSteps(_ schema: UnsafeMutablePointer<SchemaNode>, _ index: Int32, _ at: Int, tracks: Bool) -> Bool {
        var isValid = true
        for place in 0..<schema.pointee.stepCount {
            let step = program.steps[schema.pointee.firstStep &+ place]
            if !perform(step, index, at, tracks) {
                isValid = false
                if !isCollecting { return false }
            }
        }
        return isValid
    }

    private mutating func perform(_ step: SchemaStep, _ index: Int32, _ at: Int, _ tracks: Bool) -> Bool {
        switch step.kind {
        case .reference: return check(step.a, at, tracks: tracks)
        case .dynamicReference: return check(dynamicTarget(step), at, tracks: tracks)
        case .allOf:
            var isValid = true
            for place in 0..<step.b where !check(program.indices[step.a &+ place], at, tracks: tracks) {
                isValid = false
                if !isCollecting { return false }
            }
            return isValid
        case .anyOf: return checkAny(step, index, at, tracks)
        case .oneOf: return checkOne(step, index, at, tracks)
        case .not:
            // What a negated schema evaluated never counts.
            guard quietly(step.a, at, tracks: false), limit == nil else { return limit == nil }
            return fail(index, at, "not", "is what it must not be")
        case .conditional:
            let branch = quietly(step.a, at, tracks: tracks) ? step.b : step.c
            return limit == nil && (branch < 0 || check(branch, at, tracks: tracks))
        case .dependent:
            guard tape.nodes[at].isObject, member(step.b, of: at) != nil else { return limit == nil }
            return check(step.a, at, tracks: tracks)
        }
    }

    /// Checks without listing failures.
    private mutating func quietly(_ schema: Int32, _ at: Int, tracks: Bool) -> Bool {
        let wasCollecting = isCollecting
        isCollecting = false
        defer { isCollecting = wasCollecting }
        return check(schema, at, tracks: tracks)
    }

    private mutating func checkAny(_ step: SchemaStep, _ index: Int32, _ at: Int, _ tracks: Bool) -> Bool {
        var isValid = false
        for place in 0..<step.b where quietly(program.indices[step.a &+ place], at, tracks: tracks) {
            isValid = true
            // Every matching branch counts as evaluating when that is asked for.
            if !tracks { return true }
        }
        if isValid || !isCollecting { return isValid }
        fail(index, at, "anyOf", .count("is valid against none of the alternatives, of which there are", UInt32(clamping: step.b)))
        listBranches(step, at)
        return false
    }

    private mutating func checkOne(_ step: SchemaStep, _ index: Int32, _ at: Int, _ tracks: Bool) -> Bool {
        var count = 0
        for place in 0..<step.b where quietly(program.indices[step.a &+ place], at, tracks: tracks) {
            count += 1
            if count > 1, !isCollecting { return false }
        }
        guard count != 1 else { return true }
        guard isCollecting else { return false }
        if count > 1 { return fail(index, at, "oneOf", .count("is valid against more than one alternative, namely", UInt32(count))) }
        fail(index, at, "oneOf", .count("is valid against none of the alternatives, of which there are", UInt32(clamping: step.b)))
        listBranches(step, at)
        return false
    }

    /// Lists why each alternative fails.
    private mutating func listBranches(_ step: SchemaStep, _ at: Int) {
        for place in 0..<step.b where failures.count < failuresMax {
            _ = check(program.indices[step.a + place], at, tracks: false)
        }
    }

    /// The outermost schema in scope that has the dynamic anchor.
    private func dynamicTarget(_ step: SchemaStep) -> Int32 {
        for resource in scope {
            let target = program.dynamicTargets[step.b &* Int32(program.resourceCount) &+ resource]
            if target >= 0 { return target }
        }
        return step.a
    }

    /// Applies `unevaluatedItems` or `unevaluatedProperties` to the children that nothing noted since `mark`.
    mutating func checkUnevaluated(_ schema: UnsafeMutablePointer<SchemaNode>, _ index: Int32, _ at: Int, from mark: Int, tracks: Bool) -> Bool {
        let node = tape.nodes[at]
        let isObject = node.isObject
        let rest = isObject ? schema.pointee.unevaluatedProperties : schema.pointee.unevaluatedItems
        guard rest >= 0 else { return true }
        guard charge(evaluated.count - mark + Int(node.length)) else { return false }
        let known = Set(evaluated[mark...])
        var isValid = true
        var child = at + 1
        while child < Int(node.extra) {
            if isObject { child += 1 }
            defer { child = tape.next(after: child) }
            if known.contains(Int32(truncatingIfNeeded: child)) { continue }
            if tracks { evaluated.append(Int32(truncatingIfNeeded: child)) }
            if schemas[Int(rest)].isFalse {
                isValid =
                    isObject
                    ? fail(index, child, "unevaluatedProperties", .key("no member is allowed here that is named", child - 1))
                    : fail(index, child, "unevaluatedItems", "no further element is allowed")
            } else if !check(rest, child, tracks: false) {
                isValid = false
            }
            if !isValid, !isCollecting { return false }
        }
        return isValid
    }
}
