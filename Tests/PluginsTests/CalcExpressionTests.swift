import CalcPlugin
import Testing

@Suite struct CalcExpressionTests {
    private static func shown(_ expression: String, precision: Int = 20) -> String {
        do {
            let outcome = try Calculator().evaluate(expression, precision: precision)
            return [outcome.isExact ? outcome.value : "~" + outcome.value, outcome.unit].filter { !$0.isEmpty }.joined(separator: " ")
        } catch {
            return "\(error.code)" + (error.position.map { " \($0)" } ?? "")
        }
    }

    @Test(
        "numbers are computed exactly",
        arguments: [
            ("0.1 + 0.2", "0.3"), ("1/3 + 1/6", "0.5"), ("1/3", "1/3"), ("-2^2", "-4"), ("2^-3", "0.125"), ("2^3^2", "512"), ("0^0", "1"),
            ("7 // 2", "3"), ("-7 // 2", "-4"), ("-7 % 3", "2"), ("7 mod -3", "-2"), ("10 % 3", "1"), ("1e3 + 1_000", "2000"),
            ("0xff + 0b11 + 0o7", "265"), ("1.5e-3", "0.0015"), ("3 − 5", "-2"), ("6 ÷ 4 × 2", "3"),
            ("30!", "265252859812191058636308480000000"), ("3^100", "515377520732011331036461129765621272702107522001"),
            ("choose(100, 50)", "100891344545564193334812497256"), ("lcm(1,2,3,4,5,6,7,8,9,10)", "2520"), ("gcd(1071, 462)", "21"),
            ("sqrt(2.25)", "1.5"), ("sqrt(1/9)", "1/3"), ("27^(1/3)", "3"), ("(-27)^(1/3)", "-3"), ("cbrt(-8)", "-2"), ("4^(3/2)", "8"),
            ("round(2.5)", "3"), ("round(-2.5)", "-3"), ("round(1234.567, -2)", "1200"), ("round(2.345, 2)", "2.35"), ("floor(-1.5)", "-2"),
            ("ceil(-1.5)", "-1"), ("trunc(-1.5)", "-1"), ("abs(-3/4)", "0.75"), ("min(3, 1, 2)", "1"), ("max(1/3, 0.3)", "1/3"),
            ("mean(1, 2, 4)", "7/3"), ("median(5, 1, 3, 2)", "2.5"), ("log(1000)", "3"), ("log2(1/8)", "-3"), ("log(81, 3)", "4"),
            ("sin(30 deg)", "0.5"), ("cos(60 deg)", "0.5"), ("tan(45 deg)", "1"), ("sin(1 turn)", "0"), ("exp(0)", "1"), ("ln(1)", "0"),
            ("200 + 10%", "220"), ("200 - 10%", "180"), ("10% of 50", "5"), ("50%", "0.5"), ("percent(3, 4)", "75"),
            ("percent_change(80, 100)", "25"),
        ])
    func exact(expression: String, expected: String) {
        #expect(Self.shown(expression) == expected)
    }

    @Test(
        "what cannot be exact says so and is right to the stated digits",
        arguments: [
            ("sqrt(2)", "~1.4142135623730950488"), ("pi", "~3.1415926535897932385"), ("e", "~2.7182818284590452354"),
            ("sin(1)", "~0.84147098480789650665"), ("cos(1)", "~0.54030230586813971740"), ("tan(1)", "~1.5574077246549022305"),
            ("ln(10)", "~2.3025850929940456840"), ("exp(10)", "~22026.465794806716517"), ("2^0.1", "~1.0717734625362931642"),
            ("log(7, 3)", "~1.7712437491614222601"), ("1.0000001^1000000000", "~2.6881037012649238105e43"), ("e^(-50)", "~1.928749847963917783e-22"),
            ("sin(1e20)", "~-0.64525128526578084421"),
        ])
    func approximate(expression: String, expected: String) {
        // Trailing zeros are not shown.
        #expect(Self.shown(expression) == String(expected.reversed().drop { $0 == "0" }.reversed()))
    }

    @Test(
        "units carry through, convert and are checked",
        arguments: [
            ("1 mi in km", "1.609344 km"), ("5 km / 20 min", "0.25 km/min"), ("90 km / 1.5 h in km/h", "60 km/h"), ("100 km/h in m/s", "250/9 m/s"),
            ("20 degC in degF", "68 degF"), ("-40 degF in degC", "-40 degC"), ("0 K in degC", "-273.15 degC"), ("20 degC - 5 degC", "15 K"),
            ("20 °C + 5 delta_degC in °C", "25 °C"), ("1 GiB in MB", "1073.741824 MB"), ("100 Mbit/s * 1 h in GB", "45 GB"),
            ("1 MB in bit", "8000000 bit"),
            ("60 W * 2 h in kWh", "0.12 kWh"), ("1 kWh in J", "3600000 J"), ("5 ft in in", "60 in"), ("12 in in cm", "30.48 cm"),
            ("2 m * 3 m", "6 m^2"), ("6 m^2 / 2 m", "3 m"), ("5 km / 2 m", "2500"), ("sqrt(9 m^2)", "3 m"), ("1 acre in m^2", "4046.8564224 m^2"),
            ("1 gal in L", "3.785411784 L"), ("1 lb in g", "453.59237 g"), ("1 nmi in m", "1852 m"), ("1 atm in Pa", "101325 Pa"),
            ("1 ly in km", "9460730472580.8 km"), ("1 h in min", "60 min"), ("1 wk in h", "168 h"), ("180 deg in turn", "0.5 turn"),
            ("3 km + 200 m", "3.2 km"), ("max(1 km, 999 m)", "1 km"), ("round(5.678 km, 1)", "5.7 km"), ("72 kph in m/s", "20 m/s"),
            ("760 Torr in atm", "1 atm"), ("2 kg * 9.5 m/s^2 in N", "19 N"), ("1/4 in percent", "25 percent"), ("491.67 degR in degF", "32 degF"),
            ("5 km^2 in ha", "500 ha"), ("1 hp in W", "745.69987158227022 W"), ("3 µs in ns", "3000 ns"),
        ])
    func units(expression: String, expected: String) {
        #expect(Self.shown(expression) == expected)
    }

    @Test(
        "a fault is named with its code and place",
        arguments: [
            ("", "syntax 0"), ("1 +", "syntax 3"), ("3 + * 4", "syntax 4"), ("(1 + 2", "syntax 6"), ("1,000", "syntax 1"), ("2(3)", "syntax 1"),
            ("1/2 m", "syntax 1"), ("1..2", "syntax 2"), ("1 $ 2", "syntax 2"), ("foo + 1", "unknownName 0"), ("2 + frob(1)", "unknownName 4"),
            ("1/0", "divisionByZero 1"), ("5 // 0", "divisionByZero 2"), ("0^-1", "divisionByZero 1"), ("5 km + 3 s", "dimension 5"),
            ("5 km in s", "dimension 8"), ("2 ^ (1 m)", "dimension 2"), ("sqrt(2 m)", "dimension 0"), ("sqrt(-1)", "domain 0"), ("ln(0)", "domain 0"),
            ("(-2)^0.5", "domain 4"), ("20 degC + 5 degC", "domain 8"), ("2 * 20 degC * 3", "domain 2"), ("degC", "domain 0"), ("(-1)!", "domain 4"),
            ("1.5!", "domain 3"), ("gcd(1.5, 2)", "domain 0"), ("tan(90 deg)", "domain 0"), ("sqrt()", "argument 0"), ("sqrt(1,2)", "argument 0"),
        ])
    func faults(expression: String, expected: String) {
        #expect(Self.shown(expression) == expected)
    }

    @Test("steps show each operation")
    func steps() throws {
        let outcome = try Calculator().evaluate("(1 + 2) * 3 km in m", steps: true)
        #expect(outcome.steps == ["1 + 2 = 3", "3 * 3 km = 9 km", "9 km in m = 9000 m"])
    }

    @Test("a conversion and its inverse give the value back, exactly", arguments: ["km/h", "mph", "kn", "ft/s", "m/s"])
    func inverse(unit: String) throws {
        for other in ["km/h", "mph", "kn", "ft/s", "m/s"] {
            let there = try Calculator().convert("7/3", from: unit, to: other)
            #expect(there.isExact)
            #expect(try Calculator().convert(there.value, from: other, to: unit).value == "7/3")
        }
    }

    @Test("every listed unit can be looked up by every one of its names")
    func catalog() {
        let entries = Calculator().units(matching: "", countMax: 1000)
        #expect(entries.count > 100)
        for entry in entries {
            for name in entry.names { #expect(UnitCatalog.standard.unit(name)?.factor == entry.unit.factor, "\(name)") }
        }
    }
}

@Suite struct CalcHostileTests {
    private static func code(_ expression: String) -> CalcError.Code? {
        do {
            _ = try Calculator().evaluate(expression, precision: 200, steps: true)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        "huge powers, factorials and numbers are refused before they are computed",
        arguments: [
            "10^10^10", "9^9^9^9", "2^(10^30)", "99999!", "(((1500!)!)!)!", "1e99999", "1e5000 * 1e5000", "exp(100000)", "choose(10^9, 5*10^8)",
            "m^20 * m",
            "(1 m)^1000000", "sin(1e40)", "10^5001", "2^20000 - 1", "1.000001^(10^12)",
        ])
    func tooLarge(expression: String) {
        #expect(Self.code(expression) == .tooLarge)
    }

    @Test("nesting, length and number of parts are bounded")
    func shape() {
        #expect(Self.code(String(repeating: "(", count: 3000) + "1" + String(repeating: ")", count: 3000)) == .tooLarge)
        #expect(Self.code(String(repeating: "(", count: 2000) + "1" + String(repeating: ")", count: 2000)) == .tooLarge)
        #expect(Self.code(String(repeating: "-", count: 2000) + "1") == .tooLarge)
        #expect(Self.code(String(repeating: "2^", count: 2000) + "1") == .tooLarge)
        #expect(Self.code(String(repeating: "abs(", count: 1000) + "1") == .tooLarge)
        #expect(Self.code("1" + String(repeating: "!", count: 50)) == .tooLarge)
        #expect(Self.code("1" + String(repeating: "%", count: 50)) == .tooLarge)
        #expect(Self.code("1 m" + String(repeating: " in m", count: 50)) == .tooLarge)
        #expect(Self.code(String(repeating: "1+", count: 5000) + "1") == .tooLarge)
        #expect(Self.code(String(repeating: "1+", count: 1500) + "1") == .tooLarge)
        #expect(Self.code(String(repeating: "1+", count: 400) + "1") == nil)
        #expect(Self.code("max(" + String(repeating: "1,", count: 300) + "1)") == .tooLarge)
        #expect(Self.code("sqrt(2)" + String(repeating: "*sin(1)*ln(3)*exp(1/7)", count: 70)) == .tooCostly)
    }

    @Test("random text ends in a value or an error, never in a trap", arguments: 1...60 as ClosedRange<UInt64>)
    func noise(seed: UInt64) {
        let pieces = [
            "1", "2.5", "0", "-", "+", "*", "/", "//", "%", "^", "(", ")", ",", "!", " in ", " to ", "km", "m", "s", "degC", "K", "sqrt(", "min(",
            "round(", "pi", "e",
            "1e3", "0x1f", "°C", "²", " of ", "kB", "percent", "log(", "gcd(", "rad", "deg", "sin(", "½", "\u{0}", "é",
        ]
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let expression = (0..<Int(generator.next() % 14)).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            do {
                let outcome = try Calculator().evaluate(expression, precision: 12)
                #expect(!outcome.value.isEmpty, "seed \(seed): \(expression)")
            } catch {
                #expect(!error.message.isEmpty, "seed \(seed): \(expression)")
            }
        }
    }

    @Test("addition and multiplication of written expressions obey their laws", arguments: 1...20 as ClosedRange<UInt64>)
    func laws(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func number() -> String { "(\(Int(generator.next() % 2001) - 1000).\(generator.next() % 1000)/\(1 + generator.next() % 50))" }
        let (a, b, c) = (number(), number(), number())
        let calculator = Calculator()
        #expect(try calculator.evaluate("\(a)*(\(b)+\(c))").value == calculator.evaluate("\(a)*\(b)+\(a)*\(c)").value, "seed \(seed)")
        #expect(
            try calculator.evaluate("(\(a)+\(b))^3").value == calculator.evaluate("\(a)^3+3*\(a)^2*\(b)+3*\(a)*\(b)^2+\(b)^3").value, "seed \(seed)")
        #expect(try calculator.evaluate("(\(a) // 7) * 7 + \(a) % 7").value == calculator.evaluate(a).value, "seed \(seed)")
    }
}
