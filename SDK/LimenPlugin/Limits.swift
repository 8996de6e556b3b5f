import JSON

/// Every bound of the SDK in one place.
enum Limits {
    /// Parser bounds of a call's input: the host has already held it to the manifest's `limits.input_bytes`.
    static let input = JSONLimits.sized(bytesMax: 64 << 20)
    /// Jobs that run before the worker's main thread looks at the host's frames again.
    static let jobsPerTurnMax = 256
    /// Depth of nested types in a derived schema.
    static let schemaDepthMax = 32
    /// Types visited while one schema is derived.
    static let schemaTypesMax = 2_000
    /// Bytes of an error message sent to the host.
    static let messageBytesMax = 2_000
    /// Bytes of one piece of a request's body, and of a whole one for a host that takes no pieces.
    static let pieceBytesMax = 64 << 10
    static let wholeBodyBytesMax = 2 << 20
    /// Binary attachments of one result.
    static let attachmentsMax = 64
}

extension JSONLimits {
    static func sized(bytesMax: Int) -> JSONLimits {
        var limits = JSONLimits.default
        limits.bytesMax = bytesMax
        return limits
    }
}
