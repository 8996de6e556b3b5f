import TestKit
import Testing

@Suite struct FrameStormTests {
    @Test(
        "100,000 random frames from workers that keep no rule: nothing traps, no verdict is given that was not due, no call ends twice or never (TOOL-2)"
    )
    func storm() {
        let seed = SeededRandom().seed
        // Before the run, because a trap leaves no time afterwards.
        print("frame storm: LIMEN_SEED=\(seed)")
        var storm = FrameStorm(seed: seed)
        storm.run(frames: 100_000)
        #expect(storm.problems.isEmpty, "LIMEN_SEED=\(seed)")
        #expect(storm.frames >= 100_000 || !storm.problems.isEmpty)
        // A storm that never reached a state would prove nothing about it.
        let verdicts = [
            "jailed", "ready", "loadRefused", "event", "fetch", "keyValue", "log", "result", "failure", "endOfCancelled", "ignore", "kill", "fault",
        ]
        for verdict in verdicts { #expect(storm.verdicts[verdict, default: 0] > 0, "\(verdict) never happened, LIMEN_SEED=\(seed)") }
        print(
            "measured frame storm: \(storm.frames) frames, \(storm.verdicts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))"
        )
    }
}
