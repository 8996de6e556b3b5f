/// The bounds of this target.
enum Limits {
    /// Bytes read at once while a descriptor is hashed: large enough to amortise the system call, small enough for the L2 cache.
    static let readChunkBytes = 128 * 1024
    /// Most random bytes that one call may ask for.
    static let randomBytesMax = 1 << 20
    /// Bytes of plaintext or additional data that one sealed box takes.
    static let sealedBytesMax = 1 << 20
    /// Random bytes drawn at once for identifiers, so that one id does not cost one call into libcrypto.
    static let identifierPoolBytes = 1024
    /// Bytes of an RSA modulus that signatures are verified with.
    static let rsaBytes = 256...1024
    /// Base-2 logarithm of scrypt's N at most; a stored hash cannot ask for more.
    static let scryptLog2NMax = 20
    /// scrypt's r and p at most.
    static let scryptFactorMax = 16
    /// Memory of one scrypt at most.
    static let scryptMemoryBytesMax = 256 << 20
    /// Bytes that scrypt derives at most.
    static let scryptKeyBytesMax = 64
    /// Bytes of a password's salt.
    static let passwordSaltBytes = 16
    /// Bytes of the key derived from a password.
    static let passwordKeyBytes = 32
    /// Bytes of a stored password hash at most.
    static let passwordTextBytesMax = 256
}
