/// One step of a workflow. Other nodes are named by their place in `WorkflowDefinition.nodes`.
package struct WorkflowNode: Sendable {
    /// What it is called in the definition and in traces.
    package let id: String
    package let work: Work
    /// Where a failure goes on; nil where it ends the branch, or the run.
    package let onError: Int?
    /// How long a call may take over all its tries, in milliseconds.
    package let timeoutMilliseconds: Int

    /// What it reads of a run: `input`, `vars`.
    var names: Set<String> {
        switch work {
        case .call(let call): call.inputs.names
        case .choose(let choice): choice.cases.reduce(into: []) { $0.formUnion($1.when.names) }
        case .fork: []
        case .end(let outputs): outputs.names
        }
    }

    /// What a node does.
    package enum Work: Sendable {
        /// Calls a tool.
        case call(Call)
        /// Chooses where to go on.
        case choose(Choice)
        /// Runs several branches at once.
        case fork(Fork)
        /// Ends the run.
        case end(outputs: Template)

        /// Its `type` in the definition.
        package var name: String {
            switch self {
            case .call: "tool_call"
            case .choose: "switch"
            case .fork: "parallel"
            case .end: "end"
            }
        }
    }

    package struct Call: Sendable {
        /// `plugin.tool`.
        package let tool: String
        package let inputs: Template
        /// The variable that gets the result; nil when nobody wants it.
        package let output: String?
        /// Further tries after one that failed; nil for as many as the tool's own manifest says.
        package let retries: Int?
        package let next: Int
    }

    package struct Choice: Sendable {
        package let cases: [(when: Expression, next: Int)]
        package let otherwise: Int
    }

    package struct Fork: Sendable {
        /// Where each branch begins.
        package let branches: [Int]
        /// Where it goes on when the branches have come there.
        package let join: Int
        /// The variable that says how each branch ended; nil when nobody wants to know.
        package let output: String?
        /// Whether a branch that fails leaves the others running: the parallel then fails only when all have.
        package let isPatient: Bool
        /// The variables that nodes of each branch set, in the order of the branches: no variable is set by two.
        package let variables: [[String]]
    }
}
