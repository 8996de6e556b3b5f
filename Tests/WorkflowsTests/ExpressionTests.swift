import JSON
import Testing
import Workflows

@Suite("Expressions")
struct ExpressionTests {
    private static let scope = ExpressionScope(
        [
            "input": [
                "n": 3, "x": 2.5, "name": "Ada", "tags": ["a", "b"], "empty": "", "none": nil, "flag": true, "deep": ["list": [["v": 7]]],
                "or": 1, "e1": [1, 0], "e2": [0.6, 0.8],
            ], "vars": ["big": 9_223_372_036_854_775_807],
        ], clusterLabel: "Python debugging")

    private func value(_ text: String) throws -> JSONValue { try Expression(text).value(in: Self.scope) }

    private func code(_ text: String, type: ExpressionType = .any) -> ExpressionError.Code? {
        do throws(ExpressionError) {
            _ = try Expression(text, type: type).value(in: Self.scope)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        "an expression has the value that its operators say, by their precedence",
        arguments: [
            ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 - 2 - 1", 4), ("-2 * -3", 6), ("8 / 2 / 2", 2), ("7 / 2", 3.5), ("7 % 4", 3), ("-7 % 4", -3),
            ("1e2 + 0.5", 100.5), ("input.n + 1", 4), ("input.x * 2", 5), ("vars.big", 9_223_372_036_854_775_807),
            ("9007199254740993 + 0", 9_007_199_254_740_993), ("'a' + \"b\"", "ab"), (#"'\u00e9\n\'' "#, "é\n'"), ("input.name", "Ada"),
            ("input['name']", "Ada"), ("input.tags[1]", "b"), ("input.deep.list[0].v", 7), ("input.or", 1), ("input.gone.further[3]", .null),
            ("true and not false", true), ("not 1 == 2", true), ("not true or true", true), ("false and 1 / 0 == 1", false),
            ("true or input.gone", true), ("1 < 2 and 2 <= 2 and 3 > 2 and 2 >= 2", true), ("'a' < 'b'", true), ("'Z' < 'a'", true),
            ("1 == 1.0", true),
            ("1 == '1'", false), ("input.none == null", true), ("input.gone == null", true), ("input.empty == null", false),
            ("[1, 'a', true] == [1, 'a', true]", true),
            ("'a' in input.tags", true), ("'c' not in input.tags", true), ("'d' in 'Ada'", true), ("'n' in input", true), ("2 in [1, 2]", true),
            ("len('é')", 1), ("len(input.tags)", 2), ("len(input.deep)", 1), ("len('')", 0), ("contains(input.name, 'da')", true),
            ("contains(input.tags, 'a')", true), ("contains('aaab', 'aab')", true), ("contains('', '')", true),
            ("cosine_similarity(input.e1, input.e2)", 0.6),
            ("cosine_similarity([0, 0], [1, 1])", 0), ("cluster_label_contains('PYTHON')", true), ("cluster_label_contains('rust')", false),
        ] as [(String, JSONValue)])
    func values(text: String, expected: JSONValue) throws {
        let found = try value(text)
        if case .number(let number) = found, case .number(let wanted) = expected, !wanted.isInteger {
            #expect(abs(number.double - wanted.double) < 1e-12)
        } else {
            #expect(found == expected, "\(found.text)")
        }
    }

    @Test("without a cluster no label contains anything")
    func noCluster() throws {
        #expect(try Expression("cluster_label_contains('a')").holds(in: ExpressionScope()) == false)
    }

    @Test(
        "what is not of the language is refused with its kind, before or while it is evaluated",
        arguments: [
            ("", .syntax), ("1 +", .syntax), ("1 2", .syntax), ("(1", .syntax), (")", .syntax), ("a.b", .unknownName), ("input.", .syntax),
            ("input[x]", .syntax),
            ("1 < 2 < 3", .syntax), ("1 == 1 == true", .syntax), ("'open", .syntax), (#"'\q'"#, .syntax), (#"'\ud800'"#, .syntax), ("1a", .syntax),
            ("1e999", .syntax),
            ("&", .syntax), ("input.n = 3", .syntax), ("[input.n]", .syntax), ("[1, 2", .syntax), ("1 not 2", .syntax), ("é", .syntax),
            ("system('ls')", .unknownFunction),
            ("len()", .unknownFunction), ("len(1, 2)", .unknownFunction), ("__class__", .unknownName), ("input.name()", .syntax), ("len(3)", .type),
            ("1 and true", .type),
            ("not 1", .type), ("-'a'", .type), ("1 < 'a'", .type), ("'a' * 2", .type), ("1 in 2", .type), ("[1] + [2]", .type),
            ("contains(1, 2)", .type),
            ("input.name + 1", .type), ("input.flag + 1", .type), ("input.name < input.n", .type), ("input.n and true", .type),
            ("not input.gone", .type),
            ("1 in input.n", .type), ("1 in input.name", .type), ("len(input.none)", .type), ("cosine_similarity([1], [1, 2])", .type),
            ("cosine_similarity(['a'], [1])", .type), ("1 / 0", .arithmetic), ("1 % 0", .arithmetic), ("1e308 * 10", .arithmetic),
        ] as [(String, ExpressionError.Code)])
    func refusals(text: String, expected: ExpressionError.Code) { #expect(code(text) == expected) }

    @Test("a condition is boolean: known from the text when it is compiled, else when it is asked")
    func conditions() throws {
        #expect(code("1 + 1", type: .boolean) == .type)
        #expect(code("input.n > 2", type: .boolean) == nil)
        #expect(throws: ExpressionError.self) { try Expression("input.n", type: .boolean).holds(in: Self.scope) }
        #expect(try Expression("input.flag", type: .boolean).holds(in: Self.scope))
    }

    @Test("integers are exact up to 64 bits and go over to binary64 there, never around")
    func overflow() throws {
        #expect(try value("9223372036854775807 + 1") == JSONValue(9.223372036854775808e18))
        #expect(try value("-9223372036854775807 - 1") == JSONValue(Int64.min))
        #expect(try value("(-9223372036854775807 - 1) / -1") == JSONValue(9.223372036854775808e18))
        #expect(try value("(-9223372036854775807 - 1) % -1") == 0)
    }

    @Test("length, depth, parts and cost are bounded, and the bounds themselves are reached (WF-4)")
    func limits() throws {
        let bytes = WorkflowLimits.expressionBytesMax
        #expect(code("1" + String(repeating: " ", count: bytes - 1)) == nil)
        #expect(code("1" + String(repeating: " ", count: bytes)) == .limit)
        func nested(_ depth: Int) -> String { String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth) }
        #expect(code(nested(WorkflowLimits.expressionDepthMax - 1)) == nil)
        #expect(code(nested(WorkflowLimits.expressionDepthMax)) == .limit)
        #expect(code(String(repeating: "not ", count: 400) + "true") == .limit)
        #expect(code(String(repeating: "-", count: 900) + "1") == .limit)
        func chain(_ count: Int) -> String { Array(repeating: "1", count: count).joined(separator: "+") }
        #expect(code(chain(128)) == nil)
        #expect(code(chain(129)) == .limit)
    }

    @Test("a cheap text over dear values ends with a limit, soon (WF-4)")
    func cost() throws {
        let numbers: JSONValue = .array((0..<60_000).map { JSONValue($0) })
        let twins: JSONValue = .array(Array(repeating: numbers, count: 50))
        let text = JSONValue.string(String(repeating: "a", count: 200_000))
        let scope = ExpressionScope([
            "input": ["list": numbers, "twins": twins, "text": text, "part": .string(String(repeating: "a", count: 5_000) + "b")]
        ])
        func code(_ text: String) -> ExpressionError.Code? {
            do throws(ExpressionError) {
                _ = try Expression(text).value(in: scope)
                return nil
            } catch {
                return error.code
            }
        }
        let began = ContinuousClock.now
        #expect(code("60001 in input.list") == nil)
        #expect(code("60001 in input.list and true or 60001 in input.list") == .limit)
        #expect(code("[1] in input.twins or input.list in input.twins") == nil)
        #expect(code("input.list == input.list and input.twins == input.twins") == .limit)
        #expect(code("contains(input.text, input.part)") == .limit)
        #expect(code("input.text + input.text") == .limit)
        #expect(code("cosine_similarity(input.list, input.list)") == .limit)
        #expect(ContinuousClock.now - began < .seconds(5))
    }

    @Test("any bytes are an expression or a refusal with a place inside them (API-13)")
    func noise() {
        var random = SystemRandomNumberGenerator()
        let words = [
            "input", ".n", "[0]", "(", ")", "and", "or", "not", "in", "len(", "1", "'a'", "+", "-", "==", "<", ",", " ", "\"", "\\", "é", "[", "]",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ")
            do throws(ExpressionError) {
                _ = try Expression(text).value(in: Self.scope)
            } catch {
                #expect((0...text.utf8.count).contains(error.offset))
            }
        }
    }
}

@Suite("Templates")
struct TemplateTests {
    private static let scope = ExpressionScope(["input": ["a": "x", "n": 3, "list": [1, 2], "evil": "${vars.secret}"], "vars": ["secret": "s"]])

    @Test(
        "a place alone keeps its type, one inside a text is written out, and what is filled in is not filled in again",
        arguments: [
            ("${input.n}", 3), ("${input.list}", [1, 2]), ("<${input.a}>", "<x>"), ("n=${input.n}, ${input.list}", "n=3, [1,2]"),
            ("${input.evil}", "${vars.secret}"),
            ("-${input.evil}", "-${vars.secret}"), ("$${input.a}", "${input.a}"), ("plain $ { }", "plain $ { }"), ("${input.gone}", .null), ("", ""),
            (["k": ["${input.a}", 1, nil]], ["k": ["x", 1, nil]]), ("${input.n + 1}", 4),
        ] as [(JSONValue, JSONValue)])
    func fill(template: JSONValue, expected: JSONValue) throws { #expect(try Template(template).value(in: Self.scope) == expected) }

    @Test("a place without an end, or with nothing in it, is refused when it is compiled", arguments: ["${input.a", "${}", "a ${ b", "${other.x}"])
    func refusals(text: String) { #expect(throws: ExpressionError.self) { try Template(.string(text)) } }

    @Test("what is filled in is bounded (WF-6)")
    func bounded() throws {
        let template = try Template(.string(String(repeating: "${input.a}", count: 50)))
        let scope = ExpressionScope(["input": ["a": .string(String(repeating: "x", count: 1000))]])
        #expect(throws: ExpressionError.self) { try template.value(in: scope, bytesMax: 10_000) }
        #expect(try template.value(in: scope).stringValue?.count == 50_000)
    }
}
