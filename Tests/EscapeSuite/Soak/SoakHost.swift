import Glibc
import IO
import Store
import Supervisor
import Tools
import Workers

/// The inner half of a soak: the spawner's host, which calls hostile plugins in rounds and empties itself after each of them.
struct SoakHost: Sendable {
    let libraries: String
    let data: String
    let seconds: Int

    /// Callers at once.
    private static let lanes = 8
    /// A round is short, because a breaker that has opened keeps a plugin quiet for half a minute, and every round starts afresh.
    private var roundSeconds: Int { min(15, max(2, seconds / 4)) }

    /// What one round brought.
    struct Tally: Sendable {
        var calls: [String: Int] = [:]
        var neighbourCalls = 0
        var wrong: [String] = []

        mutating func add(_ other: Tally) {
            calls.merge(other.calls, uniquingKeysWith: +)
            neighbourCalls += other.neighbourCalls
            wrong = Array((wrong + other.wrong).prefix(10))
        }
    }

    func run(channel: Int32, group: EventLoopGroup) async throws {
        let host = try ToolHost(channel: channel, libraries: libraries, data: data, loop: group.loops[1])
        let end = Deadline.after(milliseconds: seconds * 1000)
        var tally = Tally()
        var round = 0
        repeat {
            try await host.prepare([Neighbour.escape] + SoakPlan.plugins.map(\.escape))
            tally.add(await load(host, until: min(end, .after(milliseconds: roundSeconds * 1000)), seed: round))
            for (escape, _) in SoakPlan.plugins { await host.finish(escape) }
            await host.finish(Neighbour.escape)
            round += 1
            try await host.settle()
            say(host, round, tally)
            // The outer half looks at the spawner now.
            try await host.loop.sleep(until: .after(milliseconds: 300))
        } while !end.hasPassed
        for problem in tally.wrong + (await host.verify()) { say("wrong", problem) }
        await host.stop()
    }

    private func load(_ host: ToolHost, until: Deadline, seed: Int) async -> Tally {
        await withTaskGroup(of: Tally.self) { group in
            for lane in 0..<Self.lanes { group.addTask { await attack(host, until: until, seed: UInt64(seed * 100 + lane)) } }
            group.addTask { await greet(host, until: until) }
            var tally = Tally()
            for await part in group { tally.add(part) }
            return tally
        }
    }

    private func attack(_ host: ToolHost, until: Deadline, seed: UInt64) async -> Tally {
        var tally = Tally()
        // A linear congruence (Knuth) is chance enough for choosing.
        var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
        func pick(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        while !until.hasPassed {
            let (escape, kind) = SoakPlan.plugins[pick(SoakPlan.plugins.count)]
            let (attack, argument) = kind.attacks[pick(kind.attacks.count)]
            let caller: Caller = [.alice, .bob, .carol][pick(3)]
            let step = EscapeStep(attack, argument, by: caller, cancelAfterMilliseconds: pick(10) == 0 ? 20 : nil, .succeeds)
            do {
                tally.calls[try await host.call(escape, step).name, default: 0] += 1
            } catch {
                tally.wrong.append("\(escape.id) \(attack): \(error)")
            }
        }
        return tally
    }

    /// The well-behaved plugin beside them must never notice.
    private func greet(_ host: ToolHost, until: Deadline) async -> Tally {
        var tally = Tally()
        while !until.hasPassed {
            tally.wrong += await Neighbour.greet(host).map { "neighbour: " + $0 }
            tally.neighbourCalls += 1
            do { try await host.loop.sleep(until: .after(milliseconds: 20)) } catch { return tally }
        }
        return tally
    }

    private func say(_ host: ToolHost, _ round: Int, _ tally: Tally) {
        let here = Resources.now()
        let calls = tally.calls.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        let ends = host.ended.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        say("round", "\(round)\t\(getppid())\t\(here.descriptors)\t\(here.ownKiB)\t\(tally.neighbourCalls)\t\(calls)\t\(ends)")
    }

    private func say(_ kind: String, _ text: String) {
        let bytes = Array("soak\t\(kind)\t\(text)\n".utf8)
        _ = write(1, bytes, bytes.count)
    }
}

extension ToolHost {
    /// Makes one call; nothing is looked up afterwards.
    func call(_ escape: EscapeCase, _ step: EscapeStep) async throws -> ToolOutcome {
        let call = toolCall(escape, step)
        return try await cancelling(step.cancelAfterMilliseconds) { [tools] in await tools.call(call) }
    }

    /// Waits until the workers are gone and the log is written.
    func settle() async throws {
        let deadline = Deadline.after(milliseconds: 15_000)
        while workers.pools.contains(where: { $0.counts.total > 0 }), !deadline.hasPassed { try await loop.sleep(until: .after(milliseconds: 50)) }
        try await audit.flush()
        try await loop.sleep(until: .after(milliseconds: 200))
    }

    /// Ended workers by reason.
    var ended: [String: UInt64] { tools.observer.counts.ended }
}
