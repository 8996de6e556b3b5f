/// The bounds of this target in one place.
package enum TelemetryLimits {
    /// Lines that wait for the log's writer; more are dropped and counted.
    package static let queuedLinesMax = 8192
    /// Bytes of one field's value; the rest is cut.
    package static let fieldBytesMax = 4096
    /// Bytes of one message; the rest is cut.
    package static let messageBytesMax = 1024
    /// Fields of one line.
    package static let fieldsMax = 64
    /// Bytes of one line; a longer one keeps only its message.
    package static let lineBytesMax = 16 * 1024
    /// Label sets of one metric; further ones count as `_other`.
    package static let seriesMax = 1000
    /// Bytes of one label value; the rest is cut.
    package static let labelBytesMax = 128
}
