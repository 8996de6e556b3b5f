import Synchronization

/// Gives every call a number that was never used and that no plugin can guess.
package final class CallIDs: Sendable {
    private let counter: Atomic<UInt64>
    private let secret: UInt64

    /// Starts anywhere.
    package init(secret: UInt64 = .random(in: .min ... .max)) {
        self.secret = secret
        counter = Atomic(0)
    }

    /// The next number, never 0. SplitMix64's finaliser is a bijection, so that numbers repeat only after 2^64 calls.
    package func next() -> UInt64 {
        while true {
            var z = counter.wrappingAdd(1, ordering: .relaxed).newValue &+ secret
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            if z != 0 { return z }
        }
    }
}
