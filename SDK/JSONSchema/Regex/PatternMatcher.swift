import CPCRE2
import Glibc

/// One compiled pattern: an automaton where one fits, else PCRE2 with its just-in-time compiler and hard limits.
struct PatternMatcher: BitwiseCopyable {
    /// The outcome of one match.
    enum Outcome { case found, notFound, limit }

    /// The automaton's tables, or nil.
    fileprivate(set) var transitions: UnsafePointer<UInt32>?
    fileprivate(set) var classes: UnsafePointer<UInt8>?
    fileprivate(set) var acceptsAtEnd: UnsafePointer<Bool>?
    fileprivate(set) var start: UInt32 = 0
    fileprivate(set) var classCount: UInt32 = 1
    /// PCRE2's code, or nil.
    fileprivate(set) var code: OpaquePointer?
    /// PCRE2's limits, or nil.
    fileprivate(set) var context: OpaquePointer?

    /// Whether matching takes time linear in the text.
    var isLinear: Bool { transitions != nil }

    /// Runs the automaton; only for patterns that have one.
    @inline(__always)
    func runAutomaton(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        guard let transitions, let classes, let acceptsAtEnd else { return false }
        var state = start
        if state == classCount { return true }
        for index in 0..<count {
            // SAFETY: states are row offsets made by the builder, classes are below classCount.
            state = transitions[Int(state &+ UInt32(classes[Int(bytes[index])]))]
            if state <= classCount { return state == classCount }
        }
        return acceptsAtEnd[Int(state / classCount)]
    }

    /// Runs PCRE2; only for patterns without an automaton.
    func runPCRE(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Outcome {
        guard let code, let context, let data = pcre2_match_data_create_8(1, nil) else { return .limit }
        defer { pcre2_match_data_free_8(data) }
        let result = pcre2_match_8(code, bytes, count, 0, UInt32(PCRE2_NO_UTF_CHECK), data, context)
        if result >= 0 { return .found }
        return result == PCRE2_ERROR_NOMATCH ? .notFound : .limit
    }
}

/// Owns the memory of matchers.
///
/// SAFETY: filled while one thread compiles a schema, only read afterwards; PCRE2 code and contexts may be shared by
/// threads that each bring their own match data; `deinit` frees what only this object owns.
final class PatternStore: @unchecked Sendable {
    private(set) var matchers: [PatternMatcher] = []
    private var indices: [String: Int] = [:]
    private let limits: SchemaLimits
    /// Automata of one schema may take this much memory; later patterns go to PCRE2.
    private static let automatonBytesMax = 8 << 20
    private var automatonBytes = 0

    init(limits: SchemaLimits) { self.limits = limits }

    deinit {
        for matcher in matchers {
            matcher.transitions?.deallocate()
            matcher.classes?.deallocate()
            matcher.acceptsAtEnd?.deallocate()
            pcre2_code_free_8(matcher.code)
            pcre2_match_context_free_8(matcher.context)
        }
    }

    /// The index of the matcher of that pattern, compiled once; throws when the pattern is malformed or cannot be run.
    func add(_ pattern: String) throws(RegexError) -> Int {
        if let known = indices[pattern] { return known }
        guard pattern.utf8.count <= limits.patternBytesMax else { throw RegexError(message: "longer than \(limits.patternBytesMax) bytes") }
        let node = try RegexParser.parse(pattern)
        guard matchers.count < limits.patternsMax else { throw RegexError(message: "one pattern more than \(limits.patternsMax)") }
        if automatonBytes < PatternStore.automatonBytesMax, let automaton = RegexDFABuilder.build(node) {
            automatonBytes += automaton.transitions.count * 4
            matchers.append(PatternStore.matcher(automaton))
        } else {
            matchers.append(try compile(node))
        }
        indices[pattern] = matchers.count - 1
        return matchers.count - 1
    }

    private static func matcher(_ automaton: RegexDFA) -> PatternMatcher {
        var matcher = PatternMatcher()
        matcher.transitions = copy(automaton.transitions)
        matcher.classes = copy(automaton.classes)
        matcher.acceptsAtEnd = copy(automaton.acceptsAtEnd)
        matcher.start = automaton.start
        matcher.classCount = UInt32(automaton.classCount)
        return matcher
    }

    private static func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        for (index, element) in elements.enumerated() { (memory + index).initialize(to: element) }
        return UnsafePointer(memory)
    }

    private func compile(_ node: RegexNode) throws(RegexError) -> PatternMatcher {
        var text = ""
        node.writePCRE(into: &text)
        var fault: Int32 = 0, offset = 0
        let options = UInt32(PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C) | UInt32(PCRE2_MATCH_UNSET_BACKREF) | UInt32(PCRE2_DOLLAR_ENDONLY)
        let code = Array(text.utf8).withUnsafeBufferPointer { pcre2_compile_8($0.baseAddress, $0.count, options, &fault, &offset, nil) }
        guard let code else { throw RegexError(message: PatternStore.message(fault)) }
        guard let context = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(code)
            throw RegexError(message: "no memory")
        }
        pcre2_set_match_limit_8(context, UInt32(clamping: limits.matchStepsMax))
        pcre2_set_depth_limit_8(context, UInt32(clamping: limits.matchStepsMax))
        pcre2_set_heap_limit_8(context, 2048)
        // Without a just-in-time compiler the interpreter gives the same answers, only slower.
        _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        var matcher = PatternMatcher()
        matcher.code = code
        matcher.context = context
        return matcher
    }

    private static func message(_ fault: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = pcre2_get_error_message_8(fault, &buffer, buffer.count)
        return "cannot be run: " + (count > 0 ? String(decoding: buffer[..<Int(count)], as: UTF8.self) : "fault \(fault)")
    }
}
