import Glibc
import JSON

extension SchemaEvaluator {
    @inline(__always)
    mutating func checkNumber(_ rule: Int32, _ schema: Int32, _ at: Int) -> Bool {
        let rule = program.numbers.base + Int(rule)
        var isValid = true
        if rule.pointee.minimum.isPresent, compare(at, rule.pointee.minimum) < 0 {
            isValid = fail(schema, at, "minimum", .bound("is less than", rule.pointee.minimum.decimal))
        }
        if rule.pointee.maximum.isPresent, compare(at, rule.pointee.maximum) > 0 {
            isValid = fail(schema, at, "maximum", .bound("is more than", rule.pointee.maximum.decimal))
        }
        if rule.pointee.exclusiveMinimum.isPresent, compare(at, rule.pointee.exclusiveMinimum) <= 0 {
            isValid = fail(schema, at, "exclusiveMinimum", .bound("is not more than", rule.pointee.exclusiveMinimum.decimal))
        }
        if rule.pointee.exclusiveMaximum.isPresent, compare(at, rule.pointee.exclusiveMaximum) >= 0 {
            isValid = fail(schema, at, "exclusiveMaximum", .bound("is not less than", rule.pointee.exclusiveMaximum.decimal))
        }
        if rule.pointee.multipleOf.isPresent, !isMultiple(at, rule.pointee.multipleOf) {
            isValid = fail(schema, at, "multipleOf", .bound("is no multiple of", rule.pointee.multipleOf.decimal))
        }
        return isValid
    }

    /// Below, at or above zero as the number at `at` is less than, equal to or more than the bound, exactly.
    @inline(__always)
    private mutating func compare(_ at: Int, _ bound: NumberBound) -> Int {
        let node = tape.nodes[at]
        if node.isSmall, bound.isSmall {
            let mantissa = node.isNegative ? -Int64(node.extra) : Int64(node.extra)
            let difference = Int32(node.scale) &- bound.scale
            if difference == 0 || bound.mantissa == 0 || mantissa == 0 {
                return mantissa < bound.mantissa ? -1 : mantissa > bound.mantissa ? 1 : 0
            }
            if difference > -18, difference < 18 {
                let left = difference > 0 ? Int128(mantissa) * powerOfTen(difference) : Int128(mantissa)
                let right = difference < 0 ? Int128(bound.mantissa) * powerOfTen(-difference) : Int128(bound.mantissa)
                return left < right ? -1 : left > right ? 1 : 0
            }
        }
        return compareExactly(at, bound)
    }

    private func powerOfTen(_ exponent: Int32) -> Int128 {
        var power: Int128 = 1
        for _ in 0..<exponent { power *= 10 }
        return power
    }

    @inline(never)
    private mutating func compareExactly(_ at: Int, _ bound: NumberBound) -> Int {
        let value = tape.decimal(at), other = program.decimals[Int(bound.decimal)]
        _ = charge(value.digits.count / 16)
        return value < other ? -1 : value == other ? 0 : 1
    }

    private mutating func isMultiple(_ at: Int, _ bound: NumberBound) -> Bool {
        let node = tape.nodes[at]
        if node.isSmall, bound.isSmall, bound.mantissa < 1 << 30 {
            let difference = Int32(node.scale) &- bound.scale
            if difference >= 0, difference < 9 { return Int64(node.extra) * Int64(powerOfTen(difference)) % bound.mantissa == 0 }
            if difference < 0, difference > -9 { return Int64(node.extra) % (bound.mantissa * Int64(powerOfTen(-difference))) == 0 }
        }
        let value = tape.decimal(at), divisor = program.decimals[Int(bound.decimal)]
        _ = charge(value.digits.count * divisor.digits.count / 16)
        return value.isMultiple(of: divisor)
    }

    @inline(__always)
    mutating func checkString(_ index: Int32, _ schema: Int32, _ at: Int) -> Bool {
        let rule = program.strings.base + Int(index)
        let node = tape.nodes[at]
        var isValid = true
        if rule.pointee.lengthMin > 0 || rule.pointee.lengthMax < .max {
            let length = node.isKey ? tape.scalarCount(node) : node.extra
            if length < rule.pointee.lengthMin {
                isValid = fail(schema, at, "minLength", .count("has fewer characters than", rule.pointee.lengthMin))
            }
            if length > rule.pointee.lengthMax {
                isValid = fail(schema, at, "maxLength", .count("has more characters than", rule.pointee.lengthMax))
            }
        }
        if rule.pointee.pattern >= 0, isValid || isCollecting, !matches(rule.pointee.pattern, node) {
            isValid = fail(schema, at, "pattern", .pattern)
        }
        if let format = rule.pointee.format, isValid || isCollecting {
            let bytes = UnsafeBufferPointer(start: tape.bytes(node), count: Int(node.length))
            guard charge(bytes.count / 64) else { return false }
            if !format.matches(bytes) { isValid = fail(schema, at, "format", .format(format)) }
        }
        return isValid
    }

    /// Whether the pattern is found in a string or key; reaching a limit counts as not found and ends the check.
    @inline(__always)
    mutating func matches(_ pattern: Int32, _ node: JSONNode) -> Bool {
        let matcher = program.matchers.base + Int(pattern)
        if matcher.pointee.isLinear {
            stepsLeft &-= Int(node.length >> 6)
            return matcher.pointee.runAutomaton(tape.bytes(node), Int(node.length))
        }
        return backtrack(matcher.pointee, node)
    }

    @inline(never)
    private mutating func backtrack(_ matcher: PatternMatcher, _ node: JSONNode) -> Bool {
        guard matchNanosecondsLeft > 0, charge(1 + Int(node.length >> 4)) else {
            giveUp("the regular expressions take too long")
            return false
        }
        let start = SchemaEvaluator.now()
        let outcome = matcher.runPCRE(tape.bytes(node), Int(node.length))
        matchNanosecondsLeft -= SchemaEvaluator.now() - start
        if outcome == .limit { giveUp("a regular expression takes too many steps") }
        return outcome == .found
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    @inline(__always)
    mutating func checkChoice(_ index: Int32, _ schema: Int32, _ at: Int) -> Bool {
        var rule = index, isValid = true
        while rule >= 0 {
            let choice = program.choices.base + Int(rule)
            if !isChosen(choice, at) {
                if choice.pointee.isConst {
                    fail(schema, at, "const", .choice(rule))
                } else {
                    fail(schema, at, "enum", .choice(rule))
                }
                isValid = false
            }
            rule = choice.pointee.next
        }
        return isValid
    }

    @inline(__always)
    private mutating func isChosen(_ choice: UnsafeMutablePointer<ChoiceRule>, _ at: Int) -> Bool {
        let node = tape.nodes[at]
        if node.isText {
            guard choice.pointee.slotMask >= 0 else { return false }
            let bytes = tape.bytes(node)
            let hash = node.isKey ? node.extra : tape.hash(bytes, Int(node.length))
            return findSlot(choice.pointee.firstSlot, choice.pointee.slotMask, hash, bytes, node.length) != nil
        }
        let constants = TapeView(program.constants[Int(choice.pointee.constants)])
        for place in 0..<choice.pointee.otherCount {
            guard charge(1) else { return false }
            var comparison = TapeComparison(left: tape, right: constants, stepsLeft: stepsLeft)
            let isEqual = comparison.isEqual(at, Int(program.indices[choice.pointee.firstOther + place]))
            stepsLeft = comparison.stepsLeft
            if isEqual { return true }
        }
        return false
    }

    /// The slot of a key in an open-addressed table, or nil.
    @inline(__always)
    func findSlot(_ first: Int32, _ mask: Int32, _ hash: UInt32, _ bytes: UnsafePointer<UInt8>, _ length: UInt32)
        -> UnsafeMutablePointer<PropertySlot>?
    {
        var place = Int32(truncatingIfNeeded: hash) & mask
        while true {
            // SAFETY: place is masked to the table, which is at most half full, so that the walk ends.
            let slot = program.slots.base + Int(first &+ place)
            guard slot.pointee.isUsed else { return nil }
            if slot.pointee.hash == hash, slot.pointee.keyLength == length,
                isSameMemory(program.keyBytes.base + Int(slot.pointee.keyOffset), bytes, Int(length))
            {
                return slot
            }
            place = (place &+ 1) & mask
        }
    }
}
