internal import Glibc

/// SplitMix64 (Steele, Lea, Flood 2014): small and good enough for tests. Print `seed` on failure, and `LIMEN_SEED=… swift test` runs it again.
package struct SeededRandom: RandomNumberGenerator {
    /// What it started from.
    package let seed: UInt64
    private var state: UInt64

    /// Starts from `seed`, else from `LIMEN_SEED`, else from chance.
    package init(seed: UInt64? = nil) {
        let chosen = seed ?? getenv("LIMEN_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 1 ... .max)
        self.seed = chosen
        state = chosen
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
