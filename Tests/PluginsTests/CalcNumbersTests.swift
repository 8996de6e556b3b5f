import CalcPlugin
import Testing

/// A small deterministic generator, so that a failure can be repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

@Suite struct CalcNumbersTests {
    private static func natural(_ limbs: Int, _ generator: inout SeededGenerator) -> Natural {
        Natural(
            limbs: (0..<limbs).map { _ in
                // Edge limbs are where long division goes wrong.
                switch generator.next() % 5 {
                case 0: 0
                case 1: .max
                case 2: 1 << 63
                default: generator.next()
                }
            })
    }

    @Test("a quotient times its divisor plus the remainder gives the number back", arguments: 1...40 as ClosedRange<UInt64>)
    func division(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            let a = Self.natural(Int(generator.next() % 12), &generator)
            let b = Self.natural(1 + Int(generator.next() % 8), &generator)
            guard !b.isZero else { continue }
            let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
            #expect(remainder < b, "seed \(seed)")
            #expect(quotient * b + remainder == a, "seed \(seed)")
        }
    }

    @Test("sums, differences, shifts and decimal texts agree with each other", arguments: 1...20 as ClosedRange<UInt64>)
    func identities(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let a = Self.natural(9, &generator)
        let b = Self.natural(5, &generator)
        let c = Self.natural(3, &generator)
        #expect((a + b) - b == a)
        #expect(a * (b + c) == a * b + a * c)
        #expect(a.shiftedLeft(77).shiftedRight(77) == a)
        #expect(Natural(digits: a.decimalText.utf8.map { $0 - 48 }, base: 10) == a)
        let root = a.root(2)
        #expect(root * root <= a && a < (root + .one) * (root + .one))
        if !a.isZero && !b.isZero {
            let common = Natural.gcd(a * c, b * c)
            #expect(c.isZero || (a * c).quotientAndRemainder(dividingBy: common).remainder.isZero)
        }
    }

    @Test("fractions obey the field's laws", arguments: 1...20 as ClosedRange<UInt64>)
    func field(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func fraction() -> Rational {
            Rational(BigInteger(negative: generator.next() % 2 == 0, Natural(generator.next() % 1000)), Natural(1 + generator.next() % 997))
        }
        let (a, b, c) = (fraction(), fraction(), fraction())
        #expect(a + b == b + a)
        #expect((a + b) + c == a + (b + c))
        #expect(a * (b + c) == a * b + a * c)
        #expect(a - a == .zero)
        if !a.isZero { #expect(a / a == .one) }
        #expect(Rational(a.floor) <= a && a < Rational(a.floor) + .one)
    }

    @Test("pi, e and ln 2 are right to a hundred digits")
    func constants() {
        #expect(
            Elementary.pi(digits: 100).approximateText(significantDigits: 100)
                == "3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342117068")
        #expect(
            Elementary.exp(.one, digits: 100).approximateText(significantDigits: 100)
                == "2.718281828459045235360287471352662497757247093699959574966967627724076630353547594571382178525166427")
        #expect(Elementary.ln2(digits: 40).approximateText(significantDigits: 40) == "0.6931471805599453094172321214581765680755")
    }
}
