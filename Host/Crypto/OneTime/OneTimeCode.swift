/// One-time codes by counter (HOTP, RFC 4226) and by time (TOTP, RFC 6238), with HMAC-SHA-1, as authenticator applications make them.
package enum OneTimeCode {
    /// Seconds for which a code by time is the current one.
    package static let stepSeconds: Int64 = 30
    /// Digits of a code.
    package static let digits = 6
    /// Bytes of a secret (RFC 4226 section 4: 160 bits recommended).
    package static let secretBytes = 20

    /// A new random secret.
    package static func newSecret() -> [UInt8] { secureRandom(secretBytes) }

    /// The step that a moment lies in.
    package static func step(atMilliseconds milliseconds: Int64) -> Int64 { milliseconds / 1000 / stepSeconds }

    /// The code of a counter or step.
    package static func code(secret: [UInt8], counter: Int64, digits: Int = digits) -> String {
        var message = [UInt8](repeating: 0, count: 8)
        for index in 0..<8 { message[index] = UInt8(truncatingIfNeeded: counter >> (56 - 8 * Int64(index))) }
        let hash = HMACSHA1.authenticate(message, key: secret)
        let offset = Int(hash[19] & 15)
        var number: UInt32 = 0
        for byte in hash[offset..<offset + 4] { number = number << 8 | UInt32(byte) }
        var modulus: UInt32 = 1
        for _ in 0..<digits { modulus *= 10 }
        let text = String((number & 0x7FFF_FFFF) % modulus)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// The step whose code this is: the current one, the one before or the one after (a clock that is half a minute off), and later than `after`, so that
    /// no code works twice. Nil when it is none of them. All three are always computed and compared in constant time.
    package static func step(of code: String, secret: [UInt8], atMilliseconds milliseconds: Int64, after last: Int64) -> Int64? {
        let now = step(atMilliseconds: milliseconds)
        let given = Array(code.utf8)
        var found: Int64?
        for step in [now - 1, now, now + 1] where step >= 0 {
            let isEqual = constantTimeEquals(given, Array(self.code(secret: secret, counter: step).utf8))
            if isEqual, step > last { found = step }
        }
        return found
    }
}
