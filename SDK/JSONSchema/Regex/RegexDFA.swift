/// A deterministic automaton over UTF-8 bytes: one table look-up a byte, no backtracking, no allocation.
struct RegexDFA {
    /// The transitions, a row of `classCount` for every state; targets are row offsets. Row 0 rejects, row 1 has accepted whatever follows.
    let transitions: [UInt32]
    /// The class of every byte.
    let classes: [UInt8]
    let classCount: Int
    /// The row offset to start from.
    let start: UInt32
    /// Whether a state accepts when the text ends there, by row.
    let acceptsAtEnd: [Bool]
}

/// Builds an automaton from a pattern, or gives up when the pattern needs more than automata can do or too many states.
struct RegexDFABuilder {
    private static let statesMax = 600
    private static let partsMax = 3000
    /// Bounds the work of building one automaton, in parts visited.
    private static let visitsMax = 1_000_000

    /// One part of the nondeterministic automaton.
    private enum Part {
        case bytes(UInt8, UInt8, Int)
        case fork(Int, Int)
        case atStart(Int)
        case atEnd(Int)
        case match
    }

    private var parts: [Part] = [.match]
    private var isTooLarge = false
    private var visits = 0
    /// The number of the closure that last reached each part.
    private var stamps: [Int] = []
    private var closures = 0

    /// The automaton that finds the pattern anywhere in a text; nil when there is none of reasonable size.
    static func build(_ node: RegexNode) -> RegexDFA? {
        var builder = RegexDFABuilder()
        guard let entry = builder.add(node, then: 0), !builder.isTooLarge else { return nil }
        // A match may begin at any byte: loop over bytes before the entry.
        builder.parts.append(.fork(entry, builder.parts.count + 1))
        builder.parts.append(.bytes(0, 255, builder.parts.count - 1))
        return builder.determine(from: builder.parts.count - 2)
    }

    private mutating func append(_ part: Part) -> Int? {
        guard parts.count < RegexDFABuilder.partsMax else {
            isTooLarge = true
            return nil
        }
        parts.append(part)
        return parts.count - 1
    }

    /// Adds what matches `node` and goes on at `next`; returns its entry, nil when that cannot be done.
    private mutating func add(_ node: RegexNode, then next: Int) -> Int? {
        switch node {
        case .empty: return next
        case .set(let set): return addSet(set, then: next)
        case .concatenation(let terms):
            var entry = next
            for term in terms.reversed() {
                guard let added = add(term, then: entry) else { return nil }
                entry = added
            }
            return entry
        case .alternation(let branches):
            var entry: Int?
            for branch in branches.reversed() {
                guard let added = add(branch, then: next) else { return nil }
                if let other = entry {
                    guard let fork = append(.fork(added, other)) else { return nil }
                    entry = fork
                } else {
                    entry = added
                }
            }
            return entry
        case .repetition(let body, let low, let high, _): return addRepetition(body, low, high, then: next)
        case .group(let body), .capture(let body): return add(body, then: next)
        case .start: return append(.atStart(next))
        case .end: return append(.atEnd(next))
        case .look, .backreference, .boundary, .propertyClass: return nil
        }
    }

    private mutating func addRepetition(_ body: RegexNode, _ low: Int, _ high: Int?, then next: Int) -> Int? {
        var entry = next
        if let high {
            for _ in 0..<max(0, high - low) {
                guard let inner = add(body, then: entry), let fork = append(.fork(inner, next)) else { return nil }
                entry = fork
            }
        } else {
            guard let loop = append(.fork(next, next)), let inner = add(body, then: loop) else { return nil }
            parts[loop] = .fork(inner, next)
            entry = loop
        }
        for _ in 0..<low {
            guard let added = add(body, then: entry) else { return nil }
            entry = added
        }
        return entry
    }

    private mutating func addSet(_ set: CodePointSet, then next: Int) -> Int? {
        var entry: Int?
        for sequence in UTF8Ranges.sequences(set) {
            var target = next
            for (low, high) in sequence.reversed() {
                guard let part = append(.bytes(low, high, target)) else { return nil }
                target = part
            }
            if let other = entry {
                guard let fork = append(.fork(target, other)) else { return nil }
                entry = fork
            } else {
                entry = target
            }
        }
        // A set without members matches nothing: bytes that UTF-8 never has.
        return entry ?? append(.bytes(255, 255, next))
    }

    /// All parts reachable from `seeds` without a byte, ascending.
    private mutating func closure(_ seeds: [Int], atStart: Bool, atEnd: Bool = false) -> [Int] {
        closures += 1
        var reached: [Int] = [], pending = seeds
        while let part = pending.popLast() {
            guard stamps[part] != closures else { continue }
            stamps[part] = closures
            reached.append(part)
            switch parts[part] {
            case .fork(let a, let b):
                pending.append(a)
                pending.append(b)
            case .atStart(let next): if atStart { pending.append(next) }
            case .atEnd(let next): if atEnd { pending.append(next) }
            case .bytes, .match: break
            }
        }
        visits += reached.count + seeds.count + 1
        return reached.sorted()
    }

    private func byteClasses() -> (map: [UInt8], samples: [UInt8]) {
        var isBoundary = [Bool](repeating: false, count: 257)
        isBoundary[0] = true
        for case .bytes(let low, let high, _) in parts {
            isBoundary[Int(low)] = true
            isBoundary[Int(high) + 1] = true
        }
        var map = [UInt8](repeating: 0, count: 256), samples: [UInt8] = []
        for byte in 0..<256 {
            if isBoundary[byte] { samples.append(UInt8(byte)) }
            map[byte] = UInt8(truncatingIfNeeded: samples.count - 1)
        }
        return (map, samples)
    }

    private mutating func determine(from entry: Int) -> RegexDFA? {
        stamps = [Int](repeating: 0, count: parts.count)
        let (classes, samples) = byteClasses()
        let width = samples.count
        var sets: [[Int]] = [[], [0], closure([entry], atStart: true)]
        var rows: [[Int]: Int] = [[]: 0]
        var transitions = [UInt32](repeating: 0, count: width) + [UInt32](repeating: UInt32(width), count: width)
        var accepts = [false, true]
        if sets[2].first == 0 {
            return RegexDFA(transitions: transitions, classes: classes, classCount: width, start: UInt32(width), acceptsAtEnd: accepts)
        }
        var row = 2
        while row < sets.count {
            let set = sets[row]
            accepts.append(closure(set, atStart: row == 2, atEnd: true).first == 0)
            guard visits < RegexDFABuilder.visitsMax else { return nil }
            for sample in samples {
                visits += set.count
                var targets: [Int] = []
                for part in set {
                    if case .bytes(let low, let high, let next) = parts[part], low <= sample, sample <= high { targets.append(next) }
                }
                let reached = closure(targets, atStart: false)
                if reached.first == 0 {
                    transitions.append(UInt32(width))
                    continue
                }
                let known = rows[reached] ?? sets.count
                if known == sets.count {
                    guard sets.count < RegexDFABuilder.statesMax else { return nil }
                    rows[reached] = known
                    sets.append(reached)
                }
                transitions.append(UInt32(known * width))
            }
            row += 1
        }
        return RegexDFA(transitions: transitions, classes: classes, classCount: width, start: UInt32(2 * width), acceptsAtEnd: accepts)
    }
}

/// Splits ranges of scalars into sequences of byte ranges that spell exactly their UTF-8.
enum UTF8Ranges {
    static func sequences(_ set: CodePointSet) -> [[(UInt8, UInt8)]] {
        var result: [[(UInt8, UInt8)]] = []
        for range in set.withoutSurrogates.ranges { split(range.lowerBound, range.upperBound, into: &result) }
        return result
    }

    private static func split(_ low: UInt32, _ high: UInt32, into result: inout [[(UInt8, UInt8)]]) {
        for limit: UInt32 in [0x7f, 0x7ff, 0xffff] where low <= limit && high > limit {
            split(low, limit, into: &result)
            split(limit + 1, high, into: &result)
            return
        }
        if high <= 0x7f {
            result.append([(UInt8(low), UInt8(high))])
            return
        }
        for shift: UInt32 in [6, 12, 18] {
            let mask = (1 as UInt32) << shift - 1
            guard low & ~mask != high & ~mask else { break }
            if low & mask != 0 {
                split(low, low | mask, into: &result)
                split((low | mask) + 1, high, into: &result)
                return
            }
            if high & mask != mask {
                split(low, (high & ~mask) - 1, into: &result)
                split(high & ~mask, high, into: &result)
                return
            }
        }
        result.append(Array(zip(encode(low), encode(high))).map { ($0.0, $0.1) })
    }

    private static func encode(_ scalar: UInt32) -> [UInt8] {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | (scalar >> shift & 0x3f)) }
        if scalar <= 0x7ff { return [UInt8(truncatingIfNeeded: 0xc0 | scalar >> 6), tail(0)] }
        if scalar <= 0xffff { return [UInt8(truncatingIfNeeded: 0xe0 | scalar >> 12), tail(6), tail(0)] }
        return [UInt8(truncatingIfNeeded: 0xf0 | scalar >> 18), tail(12), tail(6), tail(0)]
    }
}
