internal import COpenSSL

/// Bytes from libcrypto's generator, which the kernel seeds.
///
/// Traps when the generator fails: no key or id may ever be made from anything weaker. `count` is at most 1 MiB.
package func secureRandom(_ count: Int) -> [UInt8] {
    precondition((0...Limits.randomBytesMax).contains(count), "secureRandom of \(count) bytes")
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
        precondition(count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "the random generator failed")
        written = count
    }
}
