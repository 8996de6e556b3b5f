/// A natural number of any size: 64-bit limbs, the least significant first, never a zero at the end.
package struct Natural: Hashable, Sendable {
    package private(set) var limbs: [UInt64]

    package static let zero = Natural(0)
    package static let one = Natural(1)

    package init(_ value: UInt64) {
        limbs = value == 0 ? [] : [value]
    }

    /// Takes limbs that may end in zeros.
    package init(limbs: [UInt64]) {
        self.limbs = limbs
        while self.limbs.last == 0 { self.limbs.removeLast() }
    }

    package var isZero: Bool { limbs.isEmpty }
    package var isOne: Bool { limbs.count == 1 && limbs[0] == 1 }
    package var isEven: Bool { limbs.isEmpty || limbs[0] & 1 == 0 }

    /// The number of significant bits; 0 for zero.
    package var bitWidth: Int {
        guard let last = limbs.last else { return 0 }
        return limbs.count * 64 - last.leadingZeroBitCount
    }

    /// The value where it fits one limb.
    package var small: UInt64? {
        limbs.isEmpty ? 0 : limbs.count == 1 ? limbs[0] : nil
    }

    /// At most one more than the number of decimal digits, never less than it.
    package var decimalDigitsMax: Int { bitWidth * 30103 / 100_000 + 1 }
}

extension Natural: Comparable {
    package static func < (left: Natural, right: Natural) -> Bool {
        if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
        for index in left.limbs.indices.reversed() where left.limbs[index] != right.limbs[index] {
            return left.limbs[index] < right.limbs[index]
        }
        return false
    }
}

extension Natural {
    package static func + (left: Natural, right: Natural) -> Natural {
        let (long, short) = left.limbs.count >= right.limbs.count ? (left.limbs, right.limbs) : (right.limbs, left.limbs)
        var sum = long
        var carry: UInt64 = 0
        for index in long.indices {
            let addend = index < short.count ? short[index] : 0
            if index >= short.count && carry == 0 { break }
            let (partial, overflowed) = long[index].addingReportingOverflow(addend)
            let (total, overflowedAgain) = partial.addingReportingOverflow(carry)
            sum[index] = total
            carry = (overflowed ? 1 : 0) + (overflowedAgain ? 1 : 0)
        }
        if carry != 0 { sum.append(carry) }
        return Natural(limbs: sum)
    }

    /// The difference; `right` is at most `left`.
    package static func - (left: Natural, right: Natural) -> Natural {
        precondition(left >= right, "a natural number has no negative difference")
        var difference = left.limbs
        var borrow: UInt64 = 0
        for index in difference.indices {
            if index >= right.limbs.count && borrow == 0 { break }
            let subtrahend = index < right.limbs.count ? right.limbs[index] : 0
            let (partial, underflowed) = difference[index].subtractingReportingOverflow(subtrahend)
            let (total, underflowedAgain) = partial.subtractingReportingOverflow(borrow)
            difference[index] = total
            borrow = (underflowed ? 1 : 0) + (underflowedAgain ? 1 : 0)
        }
        return Natural(limbs: difference)
    }

    package static func * (left: Natural, right: Natural) -> Natural {
        if left.isZero || right.isZero { return .zero }
        var product = [UInt64](repeating: 0, count: left.limbs.count + right.limbs.count)
        for (offset, factor) in left.limbs.enumerated() where factor != 0 {
            var carry: UInt64 = 0
            for (index, limb) in right.limbs.enumerated() {
                let wide = factor.multipliedFullWidth(by: limb)
                let (partial, overflowed) = wide.low.addingReportingOverflow(product[offset + index])
                let (total, overflowedAgain) = partial.addingReportingOverflow(carry)
                product[offset + index] = total
                carry = wide.high &+ (overflowed ? 1 : 0) &+ (overflowedAgain ? 1 : 0)
            }
            product[offset + right.limbs.count] = carry
        }
        return Natural(limbs: product)
    }

    /// The number times 2 to the power `bits`.
    package func shiftedLeft(_ bits: Int) -> Natural {
        if isZero || bits == 0 { return self }
        let (words, rest) = bits.quotientAndRemainder(dividingBy: 64)
        var shifted = [UInt64](repeating: 0, count: words)
        shifted.reserveCapacity(words + limbs.count + 1)
        var carry: UInt64 = 0
        for limb in limbs {
            shifted.append(rest == 0 ? limb : limb << UInt64(rest) | carry)
            carry = rest == 0 ? 0 : limb >> UInt64(64 - rest)
        }
        shifted.append(carry)
        return Natural(limbs: shifted)
    }

    /// The number divided by 2 to the power `bits`, rounded down.
    package func shiftedRight(_ bits: Int) -> Natural {
        let (words, rest) = bits.quotientAndRemainder(dividingBy: 64)
        guard words < limbs.count else { return .zero }
        var shifted: [UInt64] = []
        shifted.reserveCapacity(limbs.count - words)
        for index in words..<limbs.count {
            let above = index + 1 < limbs.count ? limbs[index + 1] : 0
            shifted.append(rest == 0 ? limbs[index] : limbs[index] >> UInt64(rest) | above << UInt64(64 - rest))
        }
        return Natural(limbs: shifted)
    }
}
