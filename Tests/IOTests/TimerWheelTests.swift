import TestKit
import Testing

@testable import IO

/// An entry that knows which one it is.
private final class Marked: TimerEntry {
    let number: Int
    init(_ number: Int) { self.number = number }
}

/// What a wheel should do, done the slow way.
private struct Model {
    private var waiting: [(number: Int, tick: UInt64)] = []
    /// Ticks that have passed: an entry for one of them counts as the present one's.
    private var floor: UInt64 = 0

    var earliest: UInt64? { waiting.map(\.tick).min() }
    var numbers: [Int] { waiting.map(\.number) }

    mutating func insert(_ number: Int, due: UInt64) { waiting.append((number, max(floor, (due + 999_999) / 1_000_000))) }
    mutating func remove(_ number: Int) { waiting.removeAll { $0.number == number } }

    /// Everything due at `now`; in order of ticks, within one in the order of coming.
    mutating func due(at now: UInt64) -> [(number: Int, tick: UInt64)] {
        floor = max(floor, now / 1_000_000)
        let due = waiting.filter { $0.tick <= now / 1_000_000 }
        waiting.removeAll { $0.tick <= now / 1_000_000 }
        return due.sorted { $0.tick < $1.tick }
    }
}

@Suite struct TimerWheelTests {
    private static let start: UInt64 = 5_000_000_123

    @Test("the wheel fires what a sorted list does, tick by tick, never early, whatever is added, taken out and waited for", arguments: 1...40)
    func againstSort(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var wheel = TimerWheel(now: Self.start)
        var model = Model()
        var entries: [Int: Marked] = [:]
        var now = Self.start
        // From within a millisecond to some days.
        let spans: [UInt64] = [1_000_000, 50_000_000, 3_000_000_000, 60_000_000_000, 4_000_000_000_000, 300_000_000_000_000]
        for number in 0..<3000 {
            switch random.next() % 10 {
            case 0..<6:
                let span = spans[Int(random.next() % UInt64(spans.count))]
                let due = now &- 2_000_000 &+ random.next() % span
                let entry = Marked(number)
                entries[number] = entry
                wheel.insert(entry, due: due)
                model.insert(number, due: due)
            case 6..<8:
                guard let number = model.numbers.randomElement(using: &random), let entry = entries[number] else { continue }
                wheel.remove(entry)
                #expect(!entry.isArmed)
                model.remove(number)
            default:
                now += random.next() % spans[Int(random.next() % UInt64(spans.count))]
                if !isSame(&wheel, &model, at: now, seed) { return }
            }
            #expect(wheel.count == model.numbers.count)
        }
        now += 400_000_000_000_000
        #expect(isSame(&wheel, &model, at: now, seed))
        #expect(wheel.count == 0 && wheel.nextDue == nil)
    }

    private func isSame(_ wheel: inout TimerWheel, _ model: inout Model, at now: UInt64, _ seed: UInt64) -> Bool {
        if let earliest = model.earliest {
            // A wait that ends early costs a turn; one that ends late would be a bug.
            #expect((wheel.nextDue ?? .max) <= max(earliest * 1_000_000, now), "seed \(seed)")
        }
        let expected = model.due(at: now)
        var seen: [(number: Int, due: UInt64)] = []
        while let entry = wheel.popDue(now: now) ?? again(&wheel, now) {
            if let entry = entry as? Marked { seen.append((entry.number, entry.due)) }
        }
        #expect(seen.allSatisfy { $0.due <= now }, "seed \(seed): early")
        // Within a tick two entries may have changed places on their way through the wheels.
        let ticks = seen.map { entry in expected.first { $0.number == entry.number }?.tick ?? 0 }
        #expect(ticks == ticks.sorted(), "seed \(seed): order")
        let isSame = Set(seen.map(\.number)) == Set(expected.map(\.number)) && seen.count == expected.count
        #expect(isSame, "seed \(seed) at \(now)")
        return isSame
    }

    /// After so many moves the wheel lets the loop have a turn; this is the next one.
    private func again(_ wheel: inout TimerWheel, _ now: UInt64) -> TimerEntry? {
        while let next = wheel.nextDue, next <= now {
            if let entry = wheel.popDue(now: now) { return entry }
        }
        return nil
    }

    @Test("a slot full of timers moves to finer wheels in pieces, so that the loop's descriptors are seen to meanwhile")
    func boundedCascade() {
        var wheel = TimerWheel(now: 0)
        let entries = (0..<10_000).map { Marked($0) }
        for entry in entries { wheel.insert(entry, due: 60_000_000_000 + UInt64(entry.number) * 1000) }
        var turns = 0
        var now: UInt64 = 0
        var fired = 0
        while let next = wheel.nextDue {
            now = max(now, next)
            turns += 1
            while wheel.popDue(now: now) != nil { fired += 1 }
        }
        #expect(fired == 10_000)
        // Two coarse wheels to pass, 1024 moves a turn.
        #expect(turns >= 20)
        #expect(now < 60_012_000_000)
    }

    @Test("a wheel lets go of its entries: when they fire, are taken out, or with itself")
    func releases() {
        weak var fired: Marked?
        weak var removed: Marked?
        weak var left: Marked?
        do {
            var wheel = TimerWheel(now: 0)
            let entries = (0..<3).map { Marked($0) }
            (fired, removed, left) = (entries[0], entries[1], entries[2])
            for entry in entries { wheel.insert(entry, due: UInt64(entry.number + 1) * 1_000_000) }
            #expect(wheel.popDue(now: 1_000_000) === entries[0])
            #expect(wheel.popDue(now: 1_000_000) == nil)
            wheel.remove(entries[1])
            wheel.remove(entries[1])
            #expect(wheel.count == 1)
        }
        #expect(fired == nil && removed == nil && left == nil)
    }

    @Test("a wheel takes any moment, the last there is among them, and gives all of it back when its loop ends")
    func farAway() {
        var wheel = TimerWheel(now: Self.start)
        let dues: [UInt64] = [0, Self.start, .max, .max - 1, 1 << 62, Self.start + 1]
        for (number, due) in dues.enumerated() { wheel.insert(Marked(number), due: due) }
        #expect(wheel.popDue(now: Self.start + 2_000_000) != nil)
        var count = 1
        while wheel.popAny() != nil { count += 1 }
        #expect(count == dues.count && wheel.nextDue == nil)
    }
}
