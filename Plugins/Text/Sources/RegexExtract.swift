import CPCRE2Archive
import JSON
import LimenPlugin

/// Finds all matches of a regular expression.
struct RegexTool: Tool {
    static let name = "regex_extract"
    static let title: String? = "Extract by regular expression"
    static let description = """
        Finds every match of a regular expression (PCRE2 syntax) in a text, with its groups and their places in Unicode scalars. An \
        expression that would need too many steps is refused, so that none can hang.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    struct Input: Codable, Sendable {
        @Field("The text.", maxLength: 1_048_576) var text: String
        @Field("The expression.", minLength: 1, maxLength: 4_096) var pattern: String
        @Field("Whether capitals matter not.") var ignoreCase: Bool = false
        @Field("Whether ^ and $ match at every line.") var multiline: Bool = false
        @Field("Whether . matches line breaks too.") var dotAll: Bool = false
        @Field("How many matches to return.", minimum: 1, maximum: 10_000) var maxMatches: Int = 1_000
        enum CodingKeys: String, CodingKey {
            case text, pattern, multiline
            case ignoreCase = "ignore_case"
            case dotAll = "dot_all"
            case maxMatches = "max_matches"
        }
    }

    struct Group: Codable, Sendable, Equatable {
        var name: String?
        var text: String
        var start: Int
        var end: Int
    }

    struct Match: Codable, Sendable, Equatable {
        var text: String
        var start: Int
        var end: Int
        @Field("Capturing groups in order; null for one that took no part.") var groups: [Group?] = []
    }

    struct Output: Codable, Sendable {
        var matches: [Match]
        @Field("Whether there may be more.") var truncated = false
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        var options: UInt32 = 0
        if input.ignoreCase { options |= PCRE2_CASELESS }
        if input.multiline { options |= PCRE2_MULTILINE }
        if input.dotAll { options |= PCRE2_DOTALL }
        let expression = try Expression(input.pattern, options: options)
        return try expression.matches(in: Array(input.text.utf8), atMost: input.maxMatches, context)
    }
}

/// A compiled expression with hard limits on what a match may cost. Just-in-time compilation is not used: a jail has no writable code.
final class Expression {
    private let code: OpaquePointer
    private let matchContext: OpaquePointer
    private let matchData: OpaquePointer
    private let names: [Int: String]
    private let groupCount: Int

    init(_ pattern: String, options: UInt32) throws {
        guard let compileContext = pcre2_compile_context_create_8(nil) else { throw PluginError("out_of_memory", "No memory.") }
        defer { pcre2_compile_context_free_8(compileContext) }
        pcre2_set_parens_nest_limit_8(compileContext, Limits.patternNestingMax)
        var (errorCode, errorOffset) = (Int32(0), 0)
        let bytes = Array(pattern.utf8)
        let compiled = pcre2_compile_8(
            bytes, bytes.count, options | PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &errorCode, &errorOffset, compileContext)
        guard let compiled else { throw Expression.refusal(errorCode, at: errorOffset) }
        guard let match = pcre2_match_context_create_8(nil), let data = pcre2_match_data_create_from_pattern_8(compiled, nil) else {
            pcre2_code_free_8(compiled)
            throw PluginError("out_of_memory", "No memory.")
        }
        pcre2_set_match_limit_8(match, Limits.matchStepsMax)
        pcre2_set_depth_limit_8(match, Limits.matchDepthMax)
        pcre2_set_heap_limit_8(match, Limits.matchHeapKiBMax)
        (code, matchContext, matchData) = (compiled, match, data)
        var count: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        groupCount = Int(count)
        names = Expression.names(of: compiled)
    }

    deinit {
        pcre2_match_data_free_8(matchData)
        pcre2_match_context_free_8(matchContext)
        pcre2_code_free_8(code)
    }

    func matches(in subject: [UInt8], atMost countMax: Int, _ context: ToolContext) throws -> RegexTool.Output {
        var output = RegexTool.Output(matches: [])
        var counter = ScalarCounter(subject)
        var (start, options) = (0, UInt32(0))
        while start <= subject.count {
            try context.checkCancellation()
            let result = pcre2_match_8(code, subject, subject.count, start, options, matchData, matchContext)
            if result == PCRE2_ERROR_NOMATCH {
                // After an empty match a longer one was asked for at the same place; there is none: step over one character.
                guard options != 0, start < subject.count else { break }
                start = next(after: start, in: subject)
                options = 0
                continue
            }
            guard result > 0 else { throw Expression.failure(result) }
            guard output.matches.count < countMax else {
                output.truncated = true
                break
            }
            let (match, range) = try read(subject, &counter)
            output.matches.append(match)
            start = range.upperBound
            options = range.isEmpty ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0
        }
        return output
    }

    private func next(after index: Int, in subject: [UInt8]) -> Int {
        var index = index + 1
        while index < subject.count, subject[index] & 0xC0 == 0x80 { index += 1 }
        return index
    }

    private func read(_ subject: [UInt8], _ counter: inout ScalarCounter) throws -> (RegexTool.Match, Range<Int>) {
        guard let vector = pcre2_get_ovector_pointer_8(matchData) else { throw Expression.failure(PCRE2_ERROR_INTERNAL) }
        guard vector[0] <= vector[1] else { throw PluginError("unsupported_pattern", "\\K in a lookaround moved a match's start past its end.") }
        let range = vector[0]..<vector[1]
        var match = RegexTool.Match(
            text: String(decoding: subject[range], as: UTF8.self), start: counter.scalars(before: range.lowerBound),
            end: counter.scalars(before: range.upperBound))
        for group in 1..<(groupCount + 1) {
            let (low, high) = (vector[2 * group], vector[2 * group + 1])
            guard low >= 0, low <= high, high <= subject.count else {  // -1 is PCRE2_UNSET
                match.groups.append(nil)
                continue
            }
            match.groups.append(
                RegexTool.Group(
                    name: names[group], text: String(decoding: subject[low..<high], as: UTF8.self), start: counter.scalars(before: low),
                    end: counter.scalars(before: high)))
        }
        return (match, range)
    }

    private static func names(of code: OpaquePointer) -> [Int: String] {
        var (count, size) = (UInt32(0), UInt32(0))
        var table: UnsafePointer<UInt8>?
        pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count)
        pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &size)
        pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
        guard let table else { return [:] }
        var names: [Int: String] = [:]
        for index in 0..<Int(count) {
            let entry = table + index * Int(size)
            names[Int(entry[0]) << 8 | Int(entry[1])] = String(cString: entry + 2)
        }
        return names
    }

    private static func refusal(_ code: Int32, at offset: Int) -> PluginError {
        PluginError("invalid_pattern", "The expression is wrong at byte \(offset): \(text(of: code)).", details: ["offset": .number(.init(offset))])
    }

    private static func failure(_ code: Int32) -> PluginError {
        switch code {
        case PCRE2_ERROR_MATCHLIMIT, PCRE2_ERROR_DEPTHLIMIT, PCRE2_ERROR_HEAPLIMIT:
            PluginError("too_complex", "The expression needs too many steps on this text.")
        default: PluginError("no_match", "The match failed: \(text(of: code)).")
        }
    }

    private static func text(of code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        pcre2_get_error_message_8(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// Counts Unicode scalars up to byte offsets that mostly ascend.
struct ScalarCounter {
    private let bytes: [UInt8]
    private var offset = 0
    private var count = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func scalars(before target: Int) -> Int {
        while offset < target {
            if bytes[offset] & 0xC0 != 0x80 { count += 1 }
            offset += 1
        }
        while offset > target {
            offset -= 1
            if bytes[offset] & 0xC0 != 0x80 { count -= 1 }
        }
        return count
    }
}
