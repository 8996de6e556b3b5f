import JSON

/// One check of one document: follows the program over the tape without allocating unless something fails.
struct SchemaEvaluator {
    let program: SchemaProgram
    let schemas: UnsafeMutablePointer<SchemaNode>
    let tape: TapeView
    /// Steps left before the check is given up.
    var stepsLeft: Int
    var depth = 0
    /// Nanoseconds left for backtracking expressions.
    var matchNanosecondsLeft: Int
    /// Why the check was given up, if it was.
    var limit: String?
    /// Whether failures are listed; else the first one ends the check.
    var isCollecting = false
    var failures: [SchemaFailure] = []
    let failuresMax: Int
    /// Children of the instances under way that some keyword has evaluated; kept only below `unevaluated…`.
    var evaluated: [Int32] = []
    /// The resources entered, outermost first; kept only when `$dynamicRef` needs them.
    var scope: [Int32] = []

    init(program: SchemaProgram, tape: TapeView, failuresMax: Int) {
        self.program = program
        self.tape = tape
        self.failuresMax = failuresMax
        schemas = program.schemas.base
        stepsLeft = program.limits.stepsMax
        matchNanosecondsLeft = program.limits.matchMillisecondsMax * 1_000_000
    }

    /// Whether the node at `at` is valid; `tracks` asks to note which children were evaluated.
    mutating func check(_ start: Int32, _ at: Int, tracks: Bool) -> Bool {
        var index = start
        // SAFETY: schema indices come from the program's compiler, node indices from the tape's parser.
        while !program.hasDynamicScope, schemas[Int(index)].isReferenceOnly {
            index = program.steps[schemas[Int(index)].firstStep].a
        }
        let schema = schemas + Int(index)
        guard enter() else { return false }
        defer { depth &-= 1 }
        let hasScope = program.hasDynamicScope && scope.last != schema.pointee.resource
        if hasScope { scope.append(schema.pointee.resource) }
        defer { if hasScope { scope.removeLast() } }
        guard tracks || schema.pointee.hasUnevaluated else { return apply(schema, index, at, tracks: false) }
        let mark = evaluated.count
        let isValid = apply(schema, index, at, tracks: true)
        if !tracks || !isValid && !isCollecting { evaluated.removeSubrange(mark...) }
        return isValid
    }

    @inline(__always)
    private mutating func enter() -> Bool {
        stepsLeft &-= 1
        depth &+= 1
        if stepsLeft > 0, depth <= program.limits.depthMax, limit == nil { return true }
        depth &-= 1
        giveUp(depth >= program.limits.depthMax ? "the schema and the instance are nested too deep together" : "the check takes too many steps")
        return false
    }

    /// Ends the check: nothing is valid any more.
    @inline(never)
    mutating func giveUp(_ reason: String) { if limit == nil { limit = reason } }

    /// Takes work into account that is not a schema entered; false when it was too much.
    @inline(__always)
    mutating func charge(_ steps: Int) -> Bool {
        stepsLeft &-= steps
        if stepsLeft > 0 { return true }
        giveUp("the check takes too many steps")
        return false
    }

    @inline(__always)
    private mutating func apply(_ schema: UnsafeMutablePointer<SchemaNode>, _ index: Int32, _ at: Int, tracks: Bool) -> Bool {
        let node = tape.nodes[at]
        let mark = evaluated.count
        var isValid = true
        if schema.pointee.isFalse { return fail(index, at, "", "nothing is allowed here") }
        let types = schema.pointee.types
        if types & TypeMask.bit(of: node.kind) == 0, !(types & TypeMask.integer != 0 && node.isNumber && tape.isInteger(at)) {
            isValid = fail(index, at, "type", .type(types))
            if !isCollecting { return false }
        }
        switch node.kind {
        case .number:
            let rule = schema.pointee.number
            if rule >= 0, !checkNumber(rule, index, at) { isValid = false }
        case .string, .key:
            let rule = schema.pointee.string
            if rule >= 0, !checkString(rule, index, at) { isValid = false }
        case .array:
            let rule = schema.pointee.array
            if rule >= 0, !checkArray(rule, index, at, tracks: tracks) { isValid = false }
        case .object:
            let rule = schema.pointee.object
            if rule >= 0, !checkObject(rule, index, at, tracks: tracks) { isValid = false }
        case .null, .true, .false: break
        }
        if !isValid, !isCollecting { return false }
        if schema.pointee.choice >= 0, !checkChoice(schema.pointee.choice, index, at) {
            isValid = false
            if !isCollecting { return false }
        }
        if schema.pointee.stepCount > 0, !checkSteps(schema, index, at, tracks: tracks) {
            isValid = false
            if !isCollecting { return false }
        }
        if schema.pointee.hasUnevaluated, node.isContainer {
            if !checkUnevaluated(schema, index, at, from: mark, tracks: tracks) { isValid = false }
        }
        return isValid
    }
}
