import TablePlugin
import Testing

private let sales = """
    id,city,price,qty,active,note
    1,Rome,10.10,3,true,first
    2,Oslo,0.20,10,false,"a ""quoted"" note"
    3,Rome,,1,true,
    4,Lima,99.99,2,true,"two
    lines"
    5,Oslo,0.10,5,false,""

    """

@Suite struct TableQueryTests {
    private func run(_ data: String = sales, _ change: (inout Query) -> Void) throws -> [[String]] {
        var query = Query()
        change(&query)
        return try QueryRunner.run(query, over: CSVReader.read(Array(data.utf8))).rows.map { $0.map { $0.isNull ? "∅" : $0.shown } }
    }

    @Test(
        "a filter keeps the rows for which it holds, and null is not true",
        arguments: [
            ("price > 1", ["1", "4"]), ("price <= 0.2", ["2", "5"]), ("price is null", ["3"]), ("price is not null and active", ["1", "4"]),
            ("city in ('Rome', 'Lima')", ["1", "3", "4"]), ("city not in ('Rome', 'Lima')", ["2", "5"]), ("not active", ["2", "5"]),
            ("price > 1 or qty = 1", ["1", "3", "4"]), ("price * qty = 2", ["2"]), ("price + 0.2 = 0.3", ["5"]), ("contains(note, 'quoted')", ["2"]),
            ("starts_with(city, 'O') and qty % 2 = 1", ["5"]), ("ends_with(lower(city), 'ME')", []), ("len(note) = 5", ["1"]), ("note = ''", ["5"]),
            ("coalesce(price, 0) = 0", ["3"]), ("if(active, qty, -qty) < 0", ["2", "5"]), ("id / 2 = 1.5", ["3"]), ("-id < -4", ["5"]),
            ("`id` = 1", ["1"]),
            ("\"city\" = upper('rome')", []), ("substr(city, 2, 2) = 'sl'", ["2", "5"]), ("round(price) = 100", ["4"]),
            ("number('7') = 7 and id = 1", ["1"]),
            ("city <> 'Rome'", ["2", "4", "5"]), ("null", []), ("price > null", []), ("false and price / 0 > 1", []),
            ("trim('  x ') = 'x' and id == 2", ["2"]),
            ("replace(city, 'o', '0') = 'R0me'", ["1", "3"]), ("concat(city, id) = 'Lima4'", ["4"]),
            ("floor(price) = 99 and ceil(price) = 100", ["4"]),
        ] as [(String, [String])])
    func filter(expression: String, expected: [String]) throws {
        #expect(
            try run {
                $0.filter = expression; $0.select = ["id"]
            }.map { $0[0] } == expected)
    }

    @Test("groups sum exactly, skip nulls and can be sorted by any alias")
    func groups() throws {
        let rows = try run {
            $0.groupBy = ["city"]
            $0.select = [
                "city", "count() as n", "count(price) as priced", "sum(price * qty) as total", "avg(price) as mean", "count_distinct(active) as d",
            ]
            $0.sort = ["total desc", "city"]
        }
        #expect(
            rows == [["Lima", "1", "1", "199.98", "99.99", "1"], ["Rome", "2", "1", "30.3", "10.1", "1"], ["Oslo", "2", "2", "2.5", "0.15", "1"]])
    }

    @Test("aggregates without a group key make one row, also of no rows")
    func whole() throws {
        #expect(try run { $0.select = ["sum(qty)", "min(price)", "max(city)", "first(id)", "last(id)"] } == [["21", "0.1", "Rome", "1", "5"]])
        #expect(
            try run {
                $0.filter = "false"; $0.select = ["count()", "sum(qty)", "avg(qty)"]
            } == [["0", "0", "∅"]])
        #expect(
            try run {
                $0.filter = "false"; $0.groupBy = ["city"]
            } == [])
    }

    @Test("having keeps groups, and a computed key may be selected by name or by expression")
    func having() throws {
        #expect(
            try run {
                $0.groupBy = ["city"]; $0.having = "count() > 1 and sum(qty) > 5"; $0.select = ["city"]
            } == [["Oslo"]])
        #expect(
            try run {
                $0.groupBy = ["qty > 2 as many"]; $0.select = ["many", "count()"]; $0.sort = ["many"]
            } == [["false", "2"], ["true", "3"]])
        #expect(
            try run {
                $0.groupBy = ["len(city)"]; $0.select = ["len(city) * 2 as x", "count()"]
            } == [["8", "5"]])
    }

    @Test("sorting is stable, by several keys, nulls last unless told otherwise")
    func sorting() throws {
        #expect(
            try run {
                $0.sort = ["city", "id desc"]; $0.select = ["id"]
            }.map { $0[0] } == ["4", "5", "2", "3", "1"])
        #expect(
            try run {
                $0.sort = ["price"]; $0.select = ["id"]
            }.map { $0[0] } == ["5", "2", "1", "4", "3"])
        #expect(
            try run {
                $0.sort = ["price desc"]; $0.select = ["id"]
            }.map { $0[0] } == ["4", "1", "2", "5", "3"])
        #expect(
            try run {
                $0.sort = ["price nulls first"]; $0.select = ["id"]
            }.map { $0[0] } == ["3", "5", "2", "1", "4"])
        #expect(
            try run {
                $0.sort = ["active"]; $0.select = ["id"]
            }.map { $0[0] } == ["2", "5", "1", "3", "4"])
    }

    @Test("limit and offset cut the result and say so")
    func paging() throws {
        var query = Query()
        (query.limit, query.offset, query.select) = (2, 1, ["id"])
        let table = try CSVReader.read(Array(sales.utf8))
        let result = try QueryRunner.run(query, over: table)
        #expect(result.rows.map { $0[0].shown } == ["2", "3"])
        #expect(result.isTruncated && result.rowsFound == 5 && result.rowsRead == 5)
        query.offset = 3
        #expect(try !QueryRunner.run(query, over: table).isTruncated)
        query.offset = 100
        #expect(try QueryRunner.run(query, over: table).rows.isEmpty)
        #expect(
            try run {
                $0.select = ["city"]; $0.distinct = true; $0.sort = ["city"]
            } == [["Lima"], ["Oslo"], ["Rome"]])
    }

    @Test(
        "a fault names its expression and place",
        arguments: [
            ("price >", "filter", TableError.Code.syntax, 7), ("prise > 1", "filter", .unknownColumn, 0), ("frob(1)", "filter", .unknownFunction, 0),
            ("1 < 2 < 3", "filter", .syntax, 6), ("'open", "filter", .syntax, 0), ("city > 1", "filter", .type, 5),
            ("qty / 0 > 1", "filter", .divisionByZero, 4),
            ("sum(qty) > 1", "filter", .syntax, 0), ("len()", "filter", .syntax, 0), ("price = 1.2.3", "filter", .syntax, 8),
            ("a;b", "filter", .syntax, 1),
        ])
    func faults(expression: String, field: String, code: TableError.Code, position: Int) {
        let error = #expect(throws: TableError.self) { try run { $0.filter = expression } }
        #expect(error?.code == code && error?.field == field && error?.position == position, "\(String(describing: error))")
    }

    @Test("what has no meaning for groups is refused")
    func groupFaults() {
        #expect(throws: TableError.self) {
            try run {
                $0.groupBy = ["city"]; $0.select = ["price"]
            }
        }
        #expect(throws: TableError.self) { try run { $0.having = "id > 1" } }
        #expect(throws: TableError.self) { try run { $0.groupBy = ["sum(qty)"] } }
        #expect(throws: TableError.self) { try run { $0.select = ["sum(max(qty))"] } }
        #expect(throws: TableError.self) { try run { $0.select = ["id", "qty as id"] } }
    }

    @Test(
        "deep, long and costly expressions are refused",
        arguments: [
            ("(", 1000, "1"), ("not ", 500, "true"), ("1+", 1000, "1"), ("-", 300, "id"), ("len(", 300, ""), ("id in (1) or ", 200, "true"),
            ("x", 5000, ""),
        ])
    func bounds(piece: String, count: Int, end: String) {
        let error = #expect(throws: TableError.self) { try run { $0.filter = String(repeating: piece, count: count) + end } }
        #expect(error?.code == .tooLarge, "\(String(describing: error))")
    }

    @Test("texts cannot be doubled without end, and searching takes linear time")
    func growth() throws {
        let long = String(repeating: "a", count: 60_000)
        let error = #expect(throws: TableError.self) { try run("t\n\(long)\n") { $0.select = ["concat(t, t)"] } }
        #expect(error?.code == .tooLarge)
        let needle = String(repeating: "a", count: 2000) + "b"
        #expect(try run("t\n\(long)\n") { $0.filter = "contains(t, '\(needle)')" } == [])
    }
}

@Suite struct TableReadingTests {
    @Test("columns are typed as a whole: numbers, bools, else text; an empty field is null, a quoted one is text")
    func types() throws {
        let table = try CSVReader.read(Array("n,z,b,m,q,e\n1,007,true,1,\"5\",\n-2.50e1,8,FALSE,x,\"6\",\n".utf8))
        #expect(table.columns.map(\.typeName) == ["number", "text", "bool", "text", "text", "null"])
        #expect(table.columns[0].values[1] == .number(Decimal(-25)))
        #expect(table.columns[1].values[0] == .text("007"))
    }

    @Test(
        "CSV that RFC 4180 does not allow is refused with its line",
        arguments: [
            ("a,b\n1\n", 2), ("a,b\n1,2,3\n", 2), ("a\nx\"y\n", 2), ("a\n\"x\"y\n", 2), ("a\n\"x", 2), ("a\rb", 1), ("a,a\n1,2", 1), ("a,\n1,2", 1),
            ("", 1),
        ])
    func strict(text: String, line: Int) {
        let error = #expect(throws: TableError.self) { try CSVReader.read(Array(text.utf8)) }
        #expect(error?.code == .data && error?.line == line, "\(String(describing: error))")
    }

    @Test("a megabyte of quotes or commas is read or refused in bounds", arguments: ["\"", ",", "\n", "\"\",", "\"\n", "\"\"\n", "a,", "\r\n"])
    func megabytes(piece: String) {
        for start in ["", "a\n", "a,b\n"] {
            let text = start + String(repeating: piece, count: (1 << 20) / piece.utf8.count - 4)
            do {
                let table = try CSVReader.read(Array(text.utf8))
                #expect(table.rowCount <= TablePlugin.Limits.rowsMax)
            } catch {
                #expect(error.code == .data || error.code == .tooLarge)
            }
        }
    }

    @Test("what is written as CSV reads back the same", arguments: 1...30 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let pieces = ["a", "\"", ",", "\n", "\r\n", ";", " ", "é", "true", "1", "-", ".", "😀", "\r"]
        let width = 1 + Int(generator.next() % 5)
        let rows = (0..<20).map { _ in
            (0..<width).map { _ -> Value in
                generator.next() % 5 == 0
                    ? .null : .text((0..<Int(generator.next() % 5)).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined())
            }
        }
        let text = CSVWriter.text(columns: (0..<width).map { "c\($0)" }, rows: rows)
        let table = try CSVReader.read(Array(text.utf8), typed: true)
        for (row, values) in rows.enumerated() {
            // A column of plain `true` would be of bools, but the writer quotes it.
            #expect(table.columns.map { $0.values[row] } == values, "seed \(seed) row \(row)")
        }
    }

    @Test(
        "a delimiter inside a number, before a combining mark, and a byte order mark at the start survive being written (found by fuzzing)",
        arguments: [("7.1", "."), ("a,\u{301}b", ","), ("\u{FEFF}a", ",")])
    func oddFields(text: String, delimiter: Character) throws {
        let value = Decimal(Array(text.utf8)).map { Value.number($0) } ?? .text(text)
        let written = CSVWriter.text(columns: [text, "b"], rows: [[value, .null]], delimiter: delimiter)
        let again = try CSVReader.read(Array(written.utf8), delimiter: delimiter.asciiValue ?? 0, typed: false)
        #expect(again.columns.map(\.name) == [text, "b"])
        #expect(again.columns[0].values.map(\.shown) == [text])
    }

    @Test("JSON rows may differ in their keys, and numbers keep all digits")
    func json() throws {
        let table = try JSONTable.read(Array(#"[{"a":1,"b":"x"},{"b":null,"c":[1,2]},{"a":0.1000000000000000000000000000001,"c":true}]"#.utf8))
        #expect(table.columns.map(\.name) == ["a", "b", "c"])
        #expect(table.columns[0].values.map(\.shown) == ["1", "", "0.1000000000000000000000000000001"])
        #expect(table.columns[2].values == [.null, .text("[1,2]"), .bool(true)])
        let arrays = try JSONTable.read(Array(#"[["x","y"],[1,2],[3,4]]"#.utf8))
        #expect(arrays.columns.map(\.name) == ["x", "y"] && arrays.rowCount == 2)
        for bad in ["{}", "[1]", "[[1],[1,2]]", "[{}, 1]", "[{\"a\":1e9999}]", "[", "[[]]"] {
            #expect(throws: TableError.self) { try JSONTable.read(Array(bad.utf8)) }
        }
        #expect(try JSONTable.read(Array("[]".utf8)).rowCount == 0)
    }

    @Test("a generated megabyte is grouped and adds up to the same total as its rows")
    func megabyte() throws {
        var text = "id,city,price,qty\r\n"
        var (row, cents) = (0, 0)
        while text.utf8.count < 1_000_000 {
            let price = row * 7919 % 10_000
            text += "\(row),City \(row % 50),\(price / 100).\(price % 100 / 10)\(price % 10),\(row % 7)\r\n"
            cents += price * (row % 7)
            row += 1
        }
        let table = try CSVReader.read(Array(text.utf8))
        var query = Query()
        query.groupBy = ["city"]
        query.select = ["city", "sum(price * qty) as total"]
        let groups = try QueryRunner.run(query, over: table)
        #expect(table.rowCount == row && groups.rows.count == 50)
        query.groupBy = []
        query.select = ["sum(price * qty) as total"]
        #expect(try QueryRunner.run(query, over: table).rows[0][0] == .number(Decimal(coefficient: Int128(cents), exponent: -2)))
    }
}

@Suite struct DecimalTests {
    @Test(
        "decimals read and write JSON numbers",
        arguments: [
            ("0", "0"), ("-0", "0"), ("1.50", "1.5"), ("1e3", "1000"), ("1E-3", "0.001"), ("-12.5e1", "-125"),
            ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
            ("0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"), ("1e300", "1e300"),
            ("123456789012345678901.5", "123456789012345678901.5"),
        ])
    func text(written: String, expected: String) {
        #expect(Decimal(Array(written.utf8))?.text == expected)
    }

    @Test(
        "what is no JSON number or too long is no decimal",
        arguments: [
            "", "-", "+1", "007", "1.", ".5", "1e", "1e+", "0x1", " 1", "1 ", "NaN", "1_000", "1e99999", "999999999999999999999999999999999999999",
            "--1", "1.2.3",
        ])
    func refused(written: String) {
        #expect(Decimal(Array(written.utf8)) == nil)
    }

    @Test("decimal arithmetic agrees with integers", arguments: 1...30 as ClosedRange<UInt64>)
    func arithmetic(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (a, b) = (Int(generator.next() % 2_000_001) - 1_000_000, Int(generator.next() % 2_000_001) - 1_000_000)
        let (x, y) = (Decimal(coefficient: Int128(a), exponent: -2), Decimal(coefficient: Int128(b * 1000), exponent: -5))
        #expect(x.adding(y) == Decimal(coefficient: Int128(a + b), exponent: -2))
        #expect(x.multiplied(by: y) == Decimal(coefficient: Int128(a * b), exponent: -4))
        #expect((x < y) == (a < b) && (x == y) == (a == b))
        if b != 0, let quotient = x.divided(by: y), let back = quotient.multiplied(by: y) {
            #expect(back.rounded(places: 8) == x.rounded(places: 8), "seed \(seed)")
        }
    }

    @Test("rounding goes away from zero at halves")
    func rounding() {
        for (value, places, expected) in [
            ("2.5", 0, "3"), ("-2.5", 0, "-3"), ("2.4999", 0, "2"), ("1.005", 2, "1.01"), ("1234", -2, "1200"), ("5", -1, "10"), ("4", -1, "0"),
        ] {
            #expect(Decimal(Array(value.utf8))?.rounded(places: places).text == expected)
        }
    }
}
