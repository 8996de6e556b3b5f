/// Runs one query over one table.
package struct QueryRunner {
    private let table: Table
    private let query: Query
    private var evaluator: Evaluator
    private var compiler: Compiler
    private var selections: [Selection] = []
    private var sortKeys: [SortKey] = []

    package static func run(_ query: Query, over table: Table) throws(TableError) -> QueryResult {
        guard query.limit >= 0, query.limit <= Limits.resultRowsMax, query.offset >= 0 else {
            throw TableError(.tooLarge, "The limit is from 0 to \(Limits.resultRowsMax), the offset not negative.", field: "limit")
        }
        guard max(query.select.count, query.groupBy.count, query.sort.count) <= Limits.expressionsMax else {
            throw TableError(.tooLarge, "More than \(Limits.expressionsMax) expressions in one list.")
        }
        var runner = QueryRunner(table, query)
        return try runner.run()
    }

    private init(_ table: Table, _ query: Query) {
        self.table = table
        self.query = query
        evaluator = Evaluator(table)
        compiler = Compiler(table)
    }

    private mutating func run() throws(TableError) -> QueryResult {
        selections = try QueryRunner.parse(query.select, "select") { text throws(TableError) in
            text == "*" ? nil : try Parser.selection(text)
        } replacingNil: {
            table.columns.map { Selection(node: Node(kind: .column($0.name), position: 0), name: $0.name) }
        }
        sortKeys = try QueryRunner.parse(query.sort, "sort") { text throws(TableError) in
            try Parser.sortKey(text)
        } replacingNil: {
            []
        }
        let groupKeys = try QueryRunner.parse(query.groupBy, "group_by") { text throws(TableError) in
            try Parser.selection(text)
        } replacingNil: {
            []
        }
        let having = try QueryRunner.placing("having") { () throws(TableError) in
            try query.having.map { text throws(TableError) in try Parser.expression(text) }
        }
        let rows = try matchingRows()
        let isGrouped = !groupKeys.isEmpty || (selections.map(\.node) + sortKeys.map(\.node)).contains(where: \.hasAggregate)
        guard isGrouped else {
            guard having == nil else { throw TableError(.syntax, "'having' needs groups; rows are kept by 'filter'.", field: "having") }
            return try plain(rows)
        }
        return try grouped(rows, groupKeys, having)
    }

    private mutating func matchingRows() throws(TableError) -> [Int] {
        guard let filter = query.filter else { return Array(0..<table.rowCount) }
        do {
            let program = try compiler.compile(Parser.expression(filter))
            try evaluator.charge(program.cost * table.rowCount)
            var rows: [Int] = []
            for row in 0..<table.rowCount {
                evaluator.row = row
                if try evaluator.holds(program) { rows.append(row) }
            }
            return rows
        } catch {
            throw QueryRunner.placed(error, "filter")
        }
    }

    private mutating func plain(_ rows: [Int]) throws(TableError) -> QueryResult {
        if selections.isEmpty {
            selections = table.columns.map { Selection(node: Node(kind: .column($0.name), position: 0), name: $0.name) }
        }
        let (programs, sorting) = try compiled()
        try evaluator.charge(rows.count * (sorting.reduce(0) { $0 + $1.cost }))
        return try finish(count: rows.count, matched: rows.count, programs, sorting) { evaluator, index in evaluator.row = rows[index] }
    }

    private mutating func grouped(_ rows: [Int], _ groupKeys: [Selection], _ having: Node?) throws(TableError) -> QueryResult {
        if selections.isEmpty { selections = groupKeys + [Selection(node: Node(kind: .call("count", []), position: 0), name: "count")] }
        var keyPrograms: [Program] = []
        for (index, key) in groupKeys.enumerated() {
            keyPrograms.append(try QueryRunner.placing("group_by/\(index)") { () throws(TableError) in try compiler.compile(key.node) })
        }
        var places = Dictionary(groupKeys.enumerated().map { ($1.node, $0) }, uniquingKeysWith: { first, _ in first })
        for (index, key) in groupKeys.enumerated() { places[Node(kind: .column(key.name), position: 0)] = index }
        compiler.keys = places
        let (programs, sorting) = try compiled()
        let condition = try QueryRunner.placing("having") { () throws(TableError) in
            try having.map { node throws(TableError) in try compiler.compile(substituted(node)) }
        }
        var groups = try collect(rows, keyPrograms)
        if let condition {
            groups = try QueryRunner.placing("having") { () throws(TableError) in
                var kept: [Group] = []
                try evaluator.charge(groups.count * condition.cost)
                for group in groups {
                    (evaluator.keys, evaluator.aggregates) = (group.keys, group.values)
                    if try evaluator.holds(condition) { kept.append(group) }
                }
                return kept
            }
        }
        return try finish(count: groups.count, matched: rows.count, programs, sorting) { evaluator, index in
            (evaluator.keys, evaluator.aggregates) = (groups[index].keys, groups[index].values)
        }
    }
}

extension QueryRunner {
    private struct Group {
        let keys: [Value]
        let values: [Value]
    }

    /// Forms the groups, in the order of their first rows.
    private mutating func collect(_ rows: [Int], _ keyPrograms: [Program]) throws(TableError) -> [Group] {
        var arguments: [Program?] = []
        var plain = Compiler(table)
        for aggregate in compiler.aggregates { arguments.append(try aggregate.argument.map { node throws(TableError) in try plain.compile(node) }) }
        let cost = keyPrograms.reduce(1) { $0 + $1.cost } + arguments.reduce(0) { $0 + ($1?.cost ?? 1) }
        try evaluator.charge(cost * rows.count)
        let fresh = compiler.aggregates.map { Accumulator($0.function) }
        var places: [[Value]: Int] = [:]
        var keys: [[Value]] = []
        var states: [[Accumulator]] = []
        if keyPrograms.isEmpty { (places, keys, states) = ([[]: 0], [[]], [fresh]) }
        for row in rows {
            evaluator.row = row
            var key: [Value] = []
            for program in keyPrograms { key.append(try evaluator.evaluate(program)) }
            let place = places[key] ?? keys.count
            if place == keys.count {
                guard place < Limits.groupsMax else { throw TableError(.tooLarge, "More than \(Limits.groupsMax) groups.", field: "group_by") }
                places[key] = place
                keys.append(key)
                states.append(fresh)
            }
            for (index, argument) in arguments.enumerated() {
                if let argument {
                    try states[place][index].add(evaluator.evaluate(argument), row: row)
                } else {
                    states[place][index].addRow()
                }
            }
        }
        var groups: [Group] = []
        for (key, state) in zip(keys, states) {
            var values: [Value] = []
            for accumulator in state { values.append(try accumulator.result()) }
            groups.append(Group(keys: key, values: values))
        }
        return groups
    }

    /// The programs of the result's columns and of the sort keys, in which names of result columns stand for their expressions.
    private mutating func compiled() throws(TableError) -> (columns: [Program], sorting: [Program]) {
        var programs: [Program] = []
        guard Set(selections.map(\.name)).count == selections.count else {
            throw TableError(.syntax, "Two columns of the result have the same name; 'as' gives another.", field: "select")
        }
        for (index, selection) in selections.enumerated() {
            programs.append(try QueryRunner.placing("select/\(index)") { () throws(TableError) in try compiler.compile(selection.node) })
        }
        var sorting: [Program] = []
        for (index, key) in sortKeys.enumerated() {
            sorting.append(try QueryRunner.placing("sort/\(index)") { () throws(TableError) in try compiler.compile(substituted(key.node)) })
        }
        return (programs, sorting)
    }

    private func substituted(_ node: Node) -> Node {
        func inner(_ node: Node) -> Node { substituted(node) }
        switch node.kind {
        case .column(let name): return selections.first { $0.name == name }?.node ?? node
        case .literal: return node
        case .not(let operand): return Node(kind: .not(inner(operand)), position: node.position)
        case .negate(let operand): return Node(kind: .negate(inner(operand)), position: node.position)
        case .binary(let operation, let left, let right):
            return Node(kind: .binary(operation, inner(left), inner(right)), position: node.position)
        case .isNull(let operand, let negated): return Node(kind: .isNull(inner(operand), negated: negated), position: node.position)
        case .among(let operand, let list, let negated):
            return Node(kind: .among(inner(operand), list.map(inner), negated: negated), position: node.position)
        case .call(let name, let arguments):
            if AggregateFunction(rawValue: name) != nil { return node }
            return Node(kind: .call(name, arguments.map(inner)), position: node.position)
        }
    }

    private mutating func finish(
        count: Int, matched: Int, _ programs: [Program], _ sorting: [Program], _ select: (inout Evaluator, Int) -> Void
    ) throws(TableError) -> QueryResult {
        var order = try sorted(count, sorting, select)
        let cost = programs.reduce(0) { $0 + $1.cost }
        if query.distinct { order = try unique(order, programs, cost, select) }
        let wanted = order.dropFirst(query.offset).prefix(query.limit)
        try evaluator.charge(wanted.count * cost)
        var rows: [[Value]] = []
        var bytes = 0
        for index in wanted {
            select(&evaluator, index)
            let row = try project(programs)
            bytes += row.reduce(2) { $0 + $1.shown.utf8.count + 3 }
            if bytes > Limits.resultBytesMax { break }
            rows.append(row)
        }
        return QueryResult(
            columns: selections.map(\.name), rows: rows, rowsRead: table.rowCount, rowsMatched: matched, rowsFound: order.count,
            isTruncated: min(query.offset, order.count) + rows.count < order.count)
    }

    private mutating func project(_ programs: [Program]) throws(TableError) -> [Value] {
        var row: [Value] = []
        row.reserveCapacity(programs.count)
        for (index, program) in programs.enumerated() {
            do { row.append(try evaluator.evaluate(program)) } catch { throw QueryRunner.placed(error, "select/\(index)") }
        }
        return row
    }

    private mutating func unique(_ order: [Int], _ programs: [Program], _ cost: Int, _ select: (inout Evaluator, Int) -> Void)
        throws(TableError) -> [Int]
    {
        try evaluator.charge(order.count * cost)
        var seen: Set<[Value]> = []
        var kept: [Int] = []
        for index in order {
            select(&evaluator, index)
            if seen.insert(try project(programs)).inserted { kept.append(index) }
        }
        return kept
    }

    /// The places of the rows in order; equal rows keep theirs.
    private mutating func sorted(_ count: Int, _ sorting: [Program], _ select: (inout Evaluator, Int) -> Void) throws(TableError) -> [Int] {
        if sorting.isEmpty { return Array(0..<count) }
        try evaluator.charge(count * sorting.reduce(20) { $0 + $1.cost })
        var keys: [[Value]] = []
        keys.reserveCapacity(count)
        for index in 0..<count {
            select(&evaluator, index)
            var key: [Value] = []
            for (place, program) in sorting.enumerated() {
                do { key.append(try evaluator.evaluate(program)) } catch { throw QueryRunner.placed(error, "sort/\(place)") }
            }
            keys.append(key)
        }
        let rules = sortKeys
        return (0..<count).sorted { left, right in
            for (place, rule) in rules.enumerated() {
                let (a, b) = (keys[left][place], keys[right][place])
                if a.isNull || b.isNull {
                    if a.isNull && b.isNull { continue }
                    return a.isNull == rule.nullsFirst
                }
                if Value.precedes(a, b) { return !rule.isDescending }
                if Value.precedes(b, a) { return rule.isDescending }
            }
            return left < right
        }
    }

    private static func parse<T>(
        _ texts: [String], _ field: String, _ body: (String) throws(TableError) -> T?, replacingNil all: () -> [T]
    ) throws(TableError) -> [T] {
        var parsed: [T] = []
        for (index, text) in texts.enumerated() {
            do {
                if let item = try body(text) { parsed.append(item) } else { parsed += all() }
            } catch {
                throw placed(error, "\(field)/\(index)")
            }
        }
        return parsed
    }

    private static func placing<T>(_ field: String, _ body: () throws(TableError) -> T) throws(TableError) -> T {
        do { return try body() } catch { throw placed(error, field) }
    }

    private static func placed(_ error: TableError, _ field: String) -> TableError {
        var placed = error
        if placed.field == nil { placed.field = field }
        return placed
    }
}
