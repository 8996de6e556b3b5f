import Artifacts
import JSON
import Testing

@testable import Chat

@Suite("Price tables")
struct PriceTests {
    private static func table(_ models: JSONValue, currency: String = "EUR") -> JSONValue {
        ["kind": "policy.prices", "currency": .string(currency), "models": models]
    }

    private static func price(_ model: String, _ input: JSONValue, _ output: JSONValue) -> JSONValue {
        ["model": .string(model), "input_micros_per_million": input, "output_micros_per_million": output]
    }

    @Test("a reply costs what its tokens cost together, rounded up to the micro-unit, and no number overflows (CHAT-8)")
    func rounding() {
        let price = PriceTable.Price(input: 150_000, output: 600_000)
        for (tokensIn, tokensOut, micros) in [
            (0, 0, 0), (1, 0, 1), (6, 0, 1), (7, 0, 2), (0, 1, 1), (0, 5, 3), (3, 1, 2), (1_000_000, 1_000_000, 750_000),
        ] {
            #expect(price.cost(tokensIn: tokensIn, tokensOut: tokensOut) == Int64(micros), "\(tokensIn) \(tokensOut)")
        }
        let dear = PriceTable.Price(input: .max, output: .max)
        #expect(dear.cost(tokensIn: .max, tokensOut: .max) == .max)
        #expect(dear.cost(tokensIn: 1_000_000, tokensOut: 0) == .max && dear.cost(tokensIn: 1_000_000, tokensOut: 1) == .max)
        #expect(price.cost(tokensIn: -5, tokensOut: -5) == 0)
        // What may be in a table, for as many tokens as are believed of a reply and every round of a turn, is far from the end.
        let most = PriceTable.Price(input: ChatLimits.priceMicrosMax, output: ChatLimits.priceMicrosMax)
        let reply = most.cost(tokensIn: ChatLimits.tokensCountedMax, tokensOut: ChatLimits.tokensCountedMax)
        #expect(reply == 200_000_000_000_000 && !reply.multipliedReportingOverflow(by: Int64(ChatLimits.roundsMax + 1)).overflow)
    }

    @Test("the first entry that names a model is its price; a model that none names costs nothing")
    func first() throws {
        let table = try PriceTable(Self.table([Self.price("openai/gpt-4o-mini", 1, 2), Self.price("openai/*", 3, 4), Self.price("*", 5, 6)]))
        #expect(table.currency == "EUR")
        #expect(table.price(of: "openai/gpt-4o-mini") == .init(input: 1, output: 2) && table.price(of: "openai/o1") == .init(input: 3, output: 4))
        #expect(table.price(of: "extractive") == .init(input: 5, output: 6))
        #expect(try PriceTable(Self.table([])).price(of: "openai/o1") == .free)
        let seed = try #require(PriceTable.kind.seeds.first)
        #expect(seed.name == "default" && PriceTable.check(seed.schema) == [])
        #expect(try PriceTable(seed.schema).price(of: "extractive") == .free)
    }

    @Test(
        "a table that is none is refused with every place",
        arguments: [
            ("[]", [""]), (#"{"kind":"policy.prices"}"#, ["/currency", "/models"]), (#"{"currency":"usd","models":[],"x":1}"#, ["/x", "/currency"]),
            (#"{"currency":"USD","models":[7]}"#, ["/models/0"]),
            (
                #"{"currency":"USD","models":[{"model":"","input_micros_per_million":-1,"output_micros_per_million":1.5,"a/b":1}]}"#,
                ["/models/0/a~1b", "/models/0/model", "/models/0/input_micros_per_million", "/models/0/output_micros_per_million"]
            ),
            (
                #"{"currency":"USD","models":[{"model":"x","input_micros_per_million":1000000000001,"output_micros_per_million":null}]}"#,
                ["/models/0/input_micros_per_million", "/models/0/output_micros_per_million"]
            ),
        ])
    func refused(text: String, places: [String]) throws {
        let value = try JSONValue(parsing: text)
        #expect(PriceTable.check(value).map(\.pointer) == places)
        #expect(throws: PriceTableError.self) { try PriceTable(value) }
    }

    @Test("a table has an end")
    func long() {
        #expect(PriceTable.check(Self.table(.array(Array(repeating: Self.price("x", 1, 1), count: 513)))).map(\.pointer) == ["/models"])
    }
}
