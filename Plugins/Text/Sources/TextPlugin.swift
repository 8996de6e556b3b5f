public import LimenPlugin

/// Tools for plain text: statistics, differences, extraction, case and digests.
public let textPlugin = Plugin(
    name: "text", version: "1.0.0", tools: [StatisticsTool(), DiffTool(), RegexTool(), CaseTool(), HashTool()])

/// Every bound of the plugin in one place.
enum Limits {
    /// Characters of a text.
    static let textMax = 1_048_576
    /// Lines of either side of a difference.
    static let linesMax = 200_000
    /// Edits that one stretch of a difference may need before it is reported as replaced as a whole.
    static let editsMax = 1_000
    /// Characters of a pattern.
    static let patternMax = 4_096
    /// Steps of one match, and the memory for its backtracking in KiB.
    static let matchStepsMax: UInt32 = 2_000_000
    static let matchDepthMax: UInt32 = 20_000
    static let matchHeapKiBMax: UInt32 = 16_384
    static let patternNestingMax: UInt32 = 64
    static let matchesMax = 10_000
}
