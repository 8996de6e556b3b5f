internal import COpenSSL

/// The memory-hard key derivation scrypt (RFC 7914).
package enum Scrypt {
    /// What one derivation costs: 128 x 2^log2N x r bytes of memory, and p times the work.
    package struct Cost: Sendable, Hashable {
        /// Base-2 logarithm of N.
        package let log2N: Int
        /// Block size.
        package let r: Int
        /// Parallel lanes, computed one after the other.
        package let p: Int

        /// Takes a cost that is neither meaningless nor more than this program would ever pay.
        package init?(log2N: Int, r: Int, p: Int) {
            guard (1...Limits.scryptLog2NMax).contains(log2N), (1...Limits.scryptFactorMax).contains(r), (1...Limits.scryptFactorMax).contains(p),
                128 * (1 << log2N) * r <= Limits.scryptMemoryBytesMax
            else { return nil }
            (self.log2N, self.r, self.p) = (log2N, r, p)
        }

        private init(trusted log2N: Int, _ r: Int, _ p: Int) { (self.log2N, self.r, self.p) = (log2N, r, p) }

        /// OWASP's first choice for scrypt (Password Storage Cheat Sheet): N = 2^17, r = 8, p = 1; 128 MiB.
        package static let owasp = Cost(trusted: 17, 8, 1)
        /// 2^4: for tests alone, where a thousand passwords must not take minutes. `HabitTests` keeps it out of the product.
        package static let cheapestForTests = Cost(trusted: 4, 8, 1)

        /// Bytes that a derivation has in memory.
        package var memoryBytes: Int { 128 * (1 << log2N) * r }
    }

    /// The derived key. Blocks for as long as it takes: never on a loop.
    package static func derive(_ password: [UInt8], salt: [UInt8], cost: Cost, byteCount: Int) throws(CryptoError) -> [UInt8] {
        guard (1...Limits.scryptKeyBytesMax).contains(byteCount) else { throw CryptoError(.malformed, "a derived key of \(byteCount) bytes") }
        var isDone = false
        let key = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            isDone =
                password.withUnsafeBufferPointer { password in
                    password.withMemoryRebound(to: CChar.self) { password in
                        EVP_PBE_scrypt(
                            password.baseAddress, password.count, salt, salt.count, 1 << UInt64(cost.log2N), UInt64(cost.r), UInt64(cost.p),
                            UInt64(Limits.scryptMemoryBytesMax * 2), buffer.baseAddress, byteCount)
                    }
                } == 1
            count = isDone ? byteCount : 0
        }
        guard isDone else { throw CryptoError(.refused, "deriving a key with scrypt") }
        return key
    }
}
