import Glibc

/// SplitMix64 with a printed seed, so that a failing simulation can be run again: `LIMEN_SEED=… swift test`.
struct SeededRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64? = nil) {
        let chosen = seed ?? getenv("LIMEN_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 1 ... .max)
        self.seed = chosen
        state = chosen
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
