import JSON
import JSONSchema

/// Reads the shape of a definition: members, types, bounds, expressions. What it finds wrong is collected, and it goes on.
struct DefinitionReader {
    var problems: [WorkflowProblem] = []

    /// The draft; nil when something is wrong that nothing can be built on.
    mutating func read(_ value: JSONValue) -> DefinitionDraft? {
        let root = JSONPointer()
        guard Self.depth(of: value, atMost: WorkflowLimits.definitionDepthMax + 1) <= WorkflowLimits.definitionDepthMax else {
            report(root, "is nested deeper than \(WorkflowLimits.definitionDepthMax) levels")
            return nil
        }
        let bytes = value.serialized().count
        guard bytes <= WorkflowLimits.definitionBytesMax else {
            report(root, "has \(bytes) bytes; a definition has at most \(WorkflowLimits.definitionBytesMax)")
            return nil
        }
        guard var members = Members(value, root, &self) else { return nil }
        if let kind = members.text("kind", &self, isRequired: true), kind != WorkflowDefinition.kind {
            report(root.appending("kind"), "has to be `\(WorkflowDefinition.kind)`")
        }
        let entry = members.target("entry", &self)
        let timeout = members.integer("timeout_ms", 1...WorkflowLimits.runMillisecondsMax, &self)
        let inputSchema = schema(members.take("input_schema"), root.appending("input_schema"))
        let nodes = nodes(members.take("nodes"), root.appending("nodes"))
        members.refuseOthers(&self)
        guard let entry, let nodes else { return nil }
        return DefinitionDraft(
            nodes: nodes, entry: entry, timeoutMilliseconds: timeout ?? WorkflowLimits.runMillisecondsDefault, inputSchema: inputSchema)
    }

    mutating func report(_ pointer: JSONPointer, _ message: String) { problems.append(WorkflowProblem(pointer, message)) }

    /// Levels of a value, counted no further than `limit`.
    static func depth(of value: JSONValue, atMost limit: Int) -> Int {
        guard limit > 0 else { return 0 }
        switch value {
        case .array(let items): return 1 + (items.lazy.map { depth(of: $0, atMost: limit - 1) }.max() ?? 0)
        case .object(let members): return 1 + (members.lazy.map { depth(of: $0.value, atMost: limit - 1) }.max() ?? 0)
        default: return 1
        }
    }

    private mutating func schema(_ value: JSONValue?, _ pointer: JSONPointer) -> CompiledSchema? {
        guard let value else { return nil }
        do {
            return try CompiledSchema(value)
        } catch {
            report(pointer, "is no JSON Schema: \(error)")
            return nil
        }
    }

    // MARK: Nodes

    private mutating func nodes(_ value: JSONValue?, _ pointer: JSONPointer) -> [DraftNode]? {
        guard let items = value?.arrayValue, !items.isEmpty else {
            report(pointer, value == nil ? "is missing" : "has to be a list of nodes")
            return nil
        }
        guard items.count <= WorkflowLimits.nodesMax else {
            report(pointer, "has \(items.count) nodes; a workflow has at most \(WorkflowLimits.nodesMax)")
            return nil
        }
        return items.enumerated().compactMap { node($1, pointer.appending($0)) }
    }

    private mutating func node(_ value: JSONValue, _ pointer: JSONPointer) -> DraftNode? {
        guard var members = Members(value, pointer, &self) else { return nil }
        let id = members.name("id", &self, isRequired: true)
        guard let type = members.text("type", &self, isRequired: true) else { return nil }
        let before = problems.count
        let work: DraftNode.Work?
        var (output, onError, timeout): (String?, DraftTarget?, Int?)
        if ["tool_call", "parallel"].contains(type) { output = members.name("output", &self) }
        if type == "tool_call" { timeout = members.integer("timeout_ms", 1...WorkflowLimits.nodeMillisecondsMax, &self) }
        if type != "end" { onError = members.target("on_error", &self, isRequired: false) }
        switch type {
        case "tool_call": work = call(&members)
        case "switch": work = choice(&members)
        case "parallel": work = fork(&members)
        case "end": work = .end(outputs: members.template("outputs", &self))
        default:
            report(pointer.appending("type"), "has to be one of `tool_call`, `switch`, `parallel`, `end`")
            return nil
        }
        members.refuseOthers(&self)
        if output == WorkflowDefinition.errorVariable {
            report(pointer.appending("output"), "cannot be `\(WorkflowDefinition.errorVariable)`, which the engine sets: choose another name")
        }
        guard let id, let work, problems.count == before else { return nil }
        return DraftNode(
            id: id, pointer: pointer, work: work, onError: onError,
            timeoutMilliseconds: timeout ?? WorkflowLimits.nodeMillisecondsDefault, output: output)
    }

    private mutating func call(_ members: inout Members) -> DraftNode.Work? {
        let tool = members.text("tool", &self, isRequired: true)
        if let tool, !Self.isToolID(tool) {
            report(members.pointer.appending("tool"), "has to be a tool's id, `plugin.tool`")
        }
        let inputs = members.template("inputs", &self)
        let retries = members.integer("retries", 0...WorkflowLimits.retriesMax, &self)
        guard let next = members.target("next", &self), let tool else { return nil }
        return .call(tool: tool, inputs: inputs, retries: retries, next: next)
    }

    private mutating func choice(_ members: inout Members) -> DraftNode.Work? {
        let pointer = members.pointer.appending("cases")
        var cases: [(when: Expression, next: DraftTarget)] = []
        if let items = members.list("cases", 1...WorkflowLimits.casesMax, &self) {
            for (index, item) in items.enumerated() {
                guard var one = Members(item, pointer.appending(index), &self) else { continue }
                let (when, next) = (one.condition("when", &self), one.target("next", &self))
                one.refuseOthers(&self)
                if let when, let next { cases.append((when, next)) }
            }
        }
        guard let otherwise = members.target("default", &self) else { return nil }
        return .choose(cases: cases, otherwise: otherwise)
    }

    private mutating func fork(_ members: inout Members) -> DraftNode.Work? {
        let pointer = members.pointer.appending("branches")
        var branches: [DraftTarget] = []
        if let items = members.list("branches", 1...WorkflowLimits.branchesMax, &self) {
            for (index, item) in items.enumerated() {
                guard let id = item.stringValue else {
                    report(pointer.appending(index), "has to be the id of the node that the branch begins with")
                    continue
                }
                branches.append(DraftTarget(id: id, pointer: pointer.appending(index)))
            }
        }
        let policy = members.text("on_branch_error", &self)
        if let policy, !["cancel", "wait"].contains(policy) {
            report(members.pointer.appending("on_branch_error"), "has to be `cancel` or `wait`")
        }
        guard let join = members.target("join", &self) else { return nil }
        return .fork(branches: branches, join: join, isPatient: policy == "wait")
    }

    /// Whether a text has the form of a tool's id; whether there is such a tool is asked when a run comes to it.
    static func isToolID(_ text: String) -> Bool {
        func isFit(_ byte: UInt8, isFirst: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: !isFirst && (byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-"))
            }
        }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count >= 2, text.utf8.count <= WorkflowLimits.toolBytesMax else { return false }
        return parts.allSatisfy { part in
            guard let first = part.first, isFit(first, isFirst: true) else { return false }
            return part.allSatisfy { isFit($0, isFirst: false) }
        }
    }
}
