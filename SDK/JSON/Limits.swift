/// Bounds and choices that hold while a JSON text is read; every limit of this module is named here.
public struct JSONLimits: Sendable, Hashable {
    /// What to do when one object names the same key twice.
    public enum DuplicateKeys: Sendable, Hashable {
        /// Refuse the text: two readers could otherwise see two different objects.
        case refuse
        /// Keep the value that came last, at the place of the first.
        case keepLast
    }

    /// The most bytes a text may have.
    public var bytesMax: Int
    /// The most containers that may be open at once; never more than `depthCeiling` is honoured.
    public var depthMax: Int
    /// The most bytes the literal of one number may have.
    public var numberBytesMax: Int
    /// What happens to a repeated key.
    public var duplicateKeys: DuplicateKeys

    /// Makes limits; what is not given has the default of the house: 1 MiB, 128 levels, 1024 bytes a number, repeated keys refused.
    public init(bytesMax: Int = 1 << 20, depthMax: Int = 128, numberBytesMax: Int = 1024, duplicateKeys: DuplicateKeys = .refuse) {
        self.bytesMax = bytesMax
        self.depthMax = depthMax
        self.numberBytesMax = numberBytesMax
        self.duplicateKeys = duplicateKeys
    }

    /// The limits used when none are given.
    public static let `default` = JSONLimits()

    /// No text deeper than this is read whatever `depthMax` says, so that recursive walks over values fit a thread's stack.
    public static let depthCeiling = 512
    /// The most digits the exponent of a number may have, leading zeros aside; arithmetic on exponents then fits 64 bits.
    static let exponentDigitsMax = 17
    /// Texts of this many bytes or more are refused whatever `bytesMax` says, because a tape holds 32-bit offsets.
    static let bytesCeiling = Int(UInt32.max) - 16
    /// Objects with more members than this find them through a hash index.
    static let linearMembersMax = 8
    /// Objects with more members than this look for repeated keys through a table when one is suspected.
    static let pairwiseMembersMax = 12
}
