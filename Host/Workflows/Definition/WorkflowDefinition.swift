package import JSON
package import JSONSchema

/// A workflow as its artifact defines it (`workflow.chat`, SPEC 9), checked from end to end: every node, every target and every expression is good before a
/// run begins, so that a run meets no definition that is none.
///
/// The nodes are a graph without cycles. Every run therefore takes at most as many steps as there are nodes, each node runs at most once, and what is stored of
/// a run is one row for each: whoever needs a loop has it in a tool, where it is bounded by the call's time.
///
///     {"kind": "workflow.chat", "entry": "count", "timeout_ms": 60000,
///      "input_schema": {"type": "object", "required": ["text"]},
///      "nodes": [
///        {"id": "count", "type": "tool_call", "tool": "text.statistics", "inputs": {"text": "${input.text}"}, "output": "counts",
///         "timeout_ms": 5000, "retries": 2, "next": "long", "on_error": "sorry"},
///        {"id": "long", "type": "switch", "cases": [{"when": "vars.counts.words > 100", "next": "both"}], "default": "done"},
///        {"id": "both", "type": "parallel", "branches": ["head", "tail"], "join": "done", "on_branch_error": "cancel"},
///        …
///        {"id": "sorry", "type": "end", "outputs": {"error": "${vars.error.message}"}},
///        {"id": "done", "type": "end", "outputs": {"words": "${vars.counts.words}"}}]}
package struct WorkflowDefinition: Sendable {
    /// The kind of its artifact.
    package static let kind = "workflow.chat"
    /// The variable that a node behind `on_error` finds the failure in; no node sets it.
    package static let errorVariable = "error"

    /// As it was written.
    package let value: JSONValue
    package let nodes: [WorkflowNode]
    /// Where a run begins: a place in `nodes`.
    package let entry: Int
    /// How long a run may take, in milliseconds.
    package let timeoutMilliseconds: Int
    /// What a run's input has to be; nil for anything.
    package let inputSchema: CompiledSchema?
    /// Whether anything in it looks at the run's input.
    package let readsInput: Bool

    /// Checks a definition.
    /// - Throws: Everything that is wrong with it.
    package init(_ value: JSONValue) throws(WorkflowDefinitionError) {
        var reader = DefinitionReader()
        let draft = reader.read(value)
        if let draft, reader.problems.isEmpty { reader.problems += DefinitionGraph.problems(of: draft) }
        guard let draft, reader.problems.isEmpty else {
            throw WorkflowDefinitionError(problems: Array(reader.problems.prefix(WorkflowLimits.problemsMax)))
        }
        let places = Dictionary(draft.nodes.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        func place(_ target: DraftTarget) -> Int {
            guard let place = places[target.id] else { preconditionFailure("a checked definition has every target") }
            return place
        }
        self.value = value
        nodes = draft.nodes.map { $0.node(place, draft) }
        entry = place(draft.entry)
        (timeoutMilliseconds, inputSchema) = (draft.timeoutMilliseconds, draft.inputSchema)
        readsInput = draft.inputSchema != nil || nodes.contains { $0.names.contains("input") }
    }

    /// The tools that its nodes call, each once, in their order.
    package var tools: [String] {
        var seen: Set<String> = []
        return nodes.compactMap { node in
            guard case .call(let call) = node.work, seen.insert(call.tool).inserted else { return nil }
            return call.tool
        }
    }

    /// Why an input is none for this workflow; nil when it is one.
    package func refusal(of input: JSONValue) -> WorkflowFailure? {
        let bytes = input.serialized()
        guard bytes.count <= WorkflowLimits.inputBytesMax else {
            return WorkflowFailure(
                .validation, reason: "too_long", "the input has \(bytes.count) bytes; a run takes \(WorkflowLimits.inputBytesMax)")
        }
        guard let inputSchema else { return nil }
        let failures = inputSchema.validate(input, failuresMax: WorkflowLimits.schemaFailuresMax)
        guard let first = failures.first else { return nil }
        var failure = WorkflowFailure(
            .validation, reason: "input",
            "the input does not fit the workflow's input_schema at `\(first.instancePath)`: \(first.message)")
        failure.details["errors"] = .array(
            failures.map {
                [
                    "instance_path": .string($0.instancePath), "keyword": .string($0.keyword), "schema_path": .string($0.schemaPath),
                    "message": .string($0.message),
                ]
            })
        return failure
    }
}
