internal import Glibc
internal import Synchronization

/// UUID version 7 (RFC 9562 section 5.7): sorted by the time it was made, never repeated, never going backwards in one process.
package enum UUIDv7 {
    private static let generator = Mutex(UUIDv7Generator())

    /// A new identifier as 36 lower-case characters.
    package static func make() -> String {
        let now = nowMilliseconds()
        return generator.withLock { $0.next(milliseconds: now) }
    }

    /// Whether a text is a UUID of version 7 and variant 10, in the 36-character form.
    package static func isValid(_ text: String) -> Bool {
        let text = Array(text.utf8)
        guard text.count == 36 else { return false }
        for (index, byte) in text.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard byte == UInt8(ascii: "-") else { return false }
            } else {
                guard isHexDigit(byte) else { return false }
            }
        }
        return text[14] == UInt8(ascii: "7") && "89abAB".utf8.contains(text[19])
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }

    private static func nowMilliseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(max(0, now.tv_sec)) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }
}

/// The state that keeps identifiers monotonic: the last millisecond used and a 12-bit counter within it (RFC 9562 section 6.2, method 1).
package struct UUIDv7Generator: Sendable {
    private var lastMilliseconds: UInt64 = 0
    private var counter: UInt16 = 0
    private var pool: [UInt8] = []
    private let random: @Sendable (Int) -> [UInt8]

    /// Makes a generator; tests inject the source of random bytes.
    package init(random: @escaping @Sendable (Int) -> [UInt8] = { secureRandom($0) }) {
        self.random = random
    }

    /// The next identifier, greater than all before it even if the clock stands still or goes back.
    package mutating func next(milliseconds: UInt64) -> String {
        advance(to: milliseconds & 0xFFFF_FFFF_FFFF)
        var bytes = [UInt8](repeating: 0, count: 16)
        for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: lastMilliseconds >> UInt64(40 - 8 * index)) }
        bytes[6] = 0x70 | UInt8(counter >> 8)
        bytes[7] = UInt8(truncatingIfNeeded: counter)
        let tail = take(8)
        for index in 0..<8 { bytes[8 + index] = tail[index] }
        bytes[8] = 0x80 | (bytes[8] & 0x3F)
        return Self.text(bytes)
    }

    private mutating func advance(to milliseconds: UInt64) {
        if milliseconds > lastMilliseconds {
            lastMilliseconds = milliseconds
            // The counter starts in the lower half of its range, so that at least 2048 ids follow in this millisecond.
            let seed = take(2)
            counter = (UInt16(seed[0]) << 8 | UInt16(seed[1])) & 0x7FF
        } else if counter < 0xFFF {
            counter += 1
        } else {
            lastMilliseconds += 1
            counter = 0
        }
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        if pool.count < count { pool = random(Limits.identifierPoolBytes) }
        let taken = Array(pool.suffix(count))
        pool.removeLast(count)
        return taken
    }

    private static func text(_ bytes: [UInt8]) -> String {
        let digits = Array(Hex.encode(bytes).utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
