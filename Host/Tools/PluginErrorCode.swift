/// What a plugin's own error code means to the host; limen_plugin.h names the codes that mean anything.
///
/// SPEC 12 has seven codes and no other, so an error of the plugin's own vocabulary must become one of them. A plugin that answers with an error has
/// understood the call and refuses it: `validation_error`, with its own code beside it. Only what it says of itself makes it a `server_error`, and it can
/// never speak for the host's own `unauthorized` or `forbidden`.
///
/// An adapter speaks of its provider and not of its caller's input: a key that the provider refuses, a host that no operator has granted and an answer that
/// makes no sense are the server's.
enum PluginErrorCode {
    /// The code that the caller hears.
    static func code(_ code: String, of adapter: AdapterKind?) -> ToolError.Code {
        switch code {
        case "not_found": .notFound
        case "conflict": .conflict
        case "rate_limited": .rateLimited
        case _ where adapter != nil && providerFaults.contains(code): .server
        case _ where faults.contains(code) || outages.contains(code) || code == "unreachable": .server
        default: .validation
        }
    }

    /// Whether it says that the tool does not work just now, which counts against its breaker. A fault does not, nor a server that could not be reached: an
    /// input may well have brought it about, and one caller's inputs must not take the tool from the others.
    static func isOutage(_ code: String, of adapter: AdapterKind?) -> Bool {
        outages.contains(code) || adapter != nil && (code == "malformed_reply" || code == "unreachable")
    }

    private static let providerFaults: Set<String> = ["unauthorized", "forbidden", "malformed_reply"]

    /// The plugin did not do what it should. `failed`, `no_output`, `invalid_output` and `unknown_tool` are the SDK's own.
    private static let faults: Set<String> = ["failed", "no_output", "invalid_output", "unknown_tool", "out_of_memory", "cancelled"]
    /// What the plugin stands on is not there.
    private static let outages: Set<String> = ["internal", "internal_error", "server_error", "unavailable", "timed_out"]
}
