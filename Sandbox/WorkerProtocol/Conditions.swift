/// What a plugin sees of clock and randomness while a call is recorded or replayed: all of it follows from these numbers.
///
/// The payload of `conditions`, which goes before `hello`: five `u64`.
package struct Conditions: Sendable, Hashable {
    /// Where random bytes come from.
    package var seed: UInt64
    /// Where CLOCK_REALTIME begins, in nanoseconds since 1970.
    package var realtimeNanoseconds: UInt64
    /// Where CLOCK_MONOTONIC begins, in nanoseconds.
    package var monotonicNanoseconds: UInt64
    /// How far both go on at each look.
    package var tickNanoseconds: UInt64
    /// How far after `monotonicNanoseconds` the plugin is told that its call ends.
    package var timeoutNanoseconds: UInt64

    /// Names all of them.
    package init(
        seed: UInt64, realtimeNanoseconds: UInt64, monotonicNanoseconds: UInt64, tickNanoseconds: UInt64 = 1_000, timeoutNanoseconds: UInt64
    ) {
        (self.seed, self.realtimeNanoseconds, self.monotonicNanoseconds) = (seed, realtimeNanoseconds, monotonicNanoseconds)
        (self.tickNanoseconds, self.timeoutNanoseconds) = (tickNanoseconds, timeoutNanoseconds)
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 40)
        for number in [seed, realtimeNanoseconds, monotonicNanoseconds, tickNanoseconds, timeoutNanoseconds] { writer.write(number) }
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        seed = try reader.read("seed")
        realtimeNanoseconds = try reader.read("realtime")
        monotonicNanoseconds = try reader.read("monotonic")
        tickNanoseconds = try reader.read("tick")
        timeoutNanoseconds = try reader.read("timeout")
        try reader.finish()
    }
}
