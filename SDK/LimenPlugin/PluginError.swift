public import JSON

/// An error that a tool reports to its caller.
///
/// ```swift
/// throw PluginError("unknown_city", "No city is called \(name).", details: ["name": .string(name)])
/// ```
///
/// The caller hears `validation_error` with the reason `plugin_error` and this code beside it. Codes that mean more to the host: `not_found`, `conflict` and
/// `rate_limited` become its own codes of those names; `failed` (any other error that a tool throws), `out_of_memory`, `cancelled` and
/// `unreachable` (what the caller asked for could not be reached) become `server_error`; so do `internal`, `unavailable` and `timed_out`, which also count against the tool's breaker.
public struct PluginError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A short identifier of the plugin's own: 1 to 64 of `a-z`, `0-9` and `_`; other characters become `_`.
    public let code: String
    /// One sentence for the caller.
    public let message: String
    /// More for programs.
    public let details: JSONObject

    /// Makes an error from an identifier, a sentence for the caller and, if useful, details for programs.
    public init(_ code: String, _ message: String, details: JSONObject = [:]) {
        self.code = PluginError.sanitized(code)
        self.message = message
        self.details = details
    }

    /// The value as text.
    public var description: String { "\(code): \(message)" }

    private static func sanitized(_ code: String) -> String {
        let bytes = code.utf8.prefix(64).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): byte
            default: UInt8(ascii: "_")
            }
        }
        return bytes.isEmpty ? "failed" : String(decoding: bytes, as: UTF8.self)
    }
}

extension PluginError {
    /// What the caller is told about an error that a tool threw.
    static func reporting(_ error: any Error) -> PluginError {
        switch error {
        case let error as PluginError: error
        case is CancellationError: PluginError("cancelled", "The call was cancelled.")
        default: PluginError("failed", "\(error)")
        }
    }
}
