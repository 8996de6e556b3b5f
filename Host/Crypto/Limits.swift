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
}
