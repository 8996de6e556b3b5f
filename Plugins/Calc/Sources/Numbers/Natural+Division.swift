extension Natural {
    /// The quotient and remainder of a division by a number that is not zero (Knuth, volume 2, algorithm D).
    package func quotientAndRemainder(dividingBy divisor: Natural) -> (quotient: Natural, remainder: Natural) {
        precondition(!divisor.isZero, "division by zero is refused before it gets here")
        if self < divisor { return (.zero, self) }
        if let small = divisor.small {
            let (quotient, remainder) = quotientAndRemainder(dividingBy: small)
            return (quotient, Natural(remainder))
        }
        return longDivision(by: divisor)
    }

    /// The quotient and remainder of a division by one limb that is not zero.
    package func quotientAndRemainder(dividingBy divisor: UInt64) -> (quotient: Natural, remainder: UInt64) {
        var quotient = limbs
        var remainder: UInt64 = 0
        for index in quotient.indices.reversed() {
            (quotient[index], remainder) = divisor.dividingFullWidth((remainder, quotient[index]))
        }
        return (Natural(limbs: quotient), remainder)
    }

    private func longDivision(by divisor: Natural) -> (quotient: Natural, remainder: Natural) {
        let shift = divisor.limbs[divisor.limbs.count - 1].leadingZeroBitCount
        let low = divisor.shiftedLeft(shift).limbs
        var high = shiftedLeft(shift).limbs
        while high.count <= limbs.count { high.append(0) }
        let steps = high.count - low.count
        var quotient = [UInt64](repeating: 0, count: steps)
        for step in (0..<steps).reversed() {
            var digit = Natural.estimate(high, low, step)
            if Natural.subtract(&high, low, times: digit, at: step) {
                digit &-= 1
                Natural.addBack(&high, low, at: step)
            }
            quotient[step] = digit
        }
        return (Natural(limbs: quotient), Natural(limbs: high).shiftedRight(shift))
    }

    /// A quotient digit that is right or one too large.
    private static func estimate(_ high: [UInt64], _ low: [UInt64], _ step: Int) -> UInt64 {
        let count = low.count
        let (first, second, third) = (high[step + count], high[step + count - 1], high[step + count - 2])
        var digit: UInt64
        var rest: UInt64
        var overflowed = false
        if first >= low[count - 1] {
            digit = .max
            (rest, overflowed) = second.addingReportingOverflow(low[count - 1])
        } else {
            (digit, rest) = low[count - 1].dividingFullWidth((first, second))
        }
        while !overflowed {
            let product = digit.multipliedFullWidth(by: low[count - 2])
            guard product.high > rest || (product.high == rest && product.low > third) else { break }
            digit &-= 1
            (rest, overflowed) = rest.addingReportingOverflow(low[count - 1])
        }
        return digit
    }

    /// Subtracts; true if the result went below zero.
    private static func subtract(_ high: inout [UInt64], _ low: [UInt64], times digit: UInt64, at step: Int) -> Bool {
        var carry: UInt64 = 0
        var borrow: UInt64 = 0
        for index in low.indices {
            let product = digit.multipliedFullWidth(by: low[index])
            let (part, overflowed) = product.low.addingReportingOverflow(carry)
            carry = product.high &+ (overflowed ? 1 : 0)
            let (once, underflowed) = high[step + index].subtractingReportingOverflow(part)
            let (twice, underflowedAgain) = once.subtractingReportingOverflow(borrow)
            high[step + index] = twice
            borrow = (underflowed ? 1 : 0) + (underflowedAgain ? 1 : 0)
        }
        let (once, underflowed) = high[step + low.count].subtractingReportingOverflow(carry)
        let (twice, underflowedAgain) = once.subtractingReportingOverflow(borrow)
        high[step + low.count] = twice
        return underflowed || underflowedAgain
    }

    private static func addBack(_ high: inout [UInt64], _ low: [UInt64], at step: Int) {
        var carry: UInt64 = 0
        for index in low.indices {
            let (once, overflowed) = high[step + index].addingReportingOverflow(low[index])
            let (twice, overflowedAgain) = once.addingReportingOverflow(carry)
            high[step + index] = twice
            carry = (overflowed ? 1 : 0) + (overflowedAgain ? 1 : 0)
        }
        high[step + low.count] &+= carry
    }
}

extension Natural {
    /// The greatest common divisor; the other number when one is zero.
    package static func gcd(_ left: Natural, _ right: Natural) -> Natural {
        var (larger, smaller) = left >= right ? (left, right) : (right, left)
        while !smaller.isZero {
            if let a = larger.small, let b = smaller.small { return Natural(gcd(a, b)) }
            (larger, smaller) = (smaller, larger.quotientAndRemainder(dividingBy: smaller).remainder)
        }
        return larger
    }

    private static func gcd(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var (larger, smaller) = (left, right)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        return larger
    }

    /// The number to a power; the caller has bounded the size of the result.
    package func power(_ exponent: Int) -> Natural {
        var (result, base, rest) = (Natural.one, self, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result = result * base }
            rest >>= 1
            if rest > 0 { base = base * base }
        }
        return result
    }

    /// The root of `degree` (at least 1), rounded down (Newton's method from above).
    package func root(_ degree: Int) -> Natural {
        if isZero || isOne || degree == 1 { return self }
        if degree >= bitWidth { return .one }
        let divisor = Natural(UInt64(degree))
        let weight = Natural(UInt64(degree - 1))
        var guess = Natural.one.shiftedLeft((bitWidth + degree - 1) / degree)
        while true {
            let rest = quotientAndRemainder(dividingBy: guess.power(degree - 1)).quotient
            let next = (guess * weight + rest).quotientAndRemainder(dividingBy: divisor).quotient
            if next >= guess { return guess }
            guess = next
        }
    }
}
