/// Why a time was refused, and where in its text.
package struct TimeError: Error, Hashable, Sendable {
    package enum Code: String, Sendable {
        case syntax = "invalid_time"
        case range = "out_of_range"
        case unknownZone = "unknown_zone"
        case badZoneFile = "bad_zone_file"
        case noSuchLocalTime = "no_such_local_time"
        case ambiguousLocalTime = "ambiguous_local_time"
        case argument = "argument_error"
    }

    package let code: Code
    package let message: String
    /// The place in the text, in bytes from 0.
    package var position: Int?

    package init(_ code: Code, _ message: String, at position: Int? = nil) {
        self.code = code
        self.message = message
        self.position = position
    }
}
