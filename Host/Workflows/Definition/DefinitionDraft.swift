import JSON
import JSONSchema

/// A definition whose shape is good, with its targets still as names.
struct DefinitionDraft {
    var nodes: [DraftNode] = []
    var entry: DraftTarget
    var timeoutMilliseconds: Int
    var inputSchema: CompiledSchema?

    /// The variables that nodes set which are reached from a place, without those at `stop` and behind it.
    func variables(from start: String, until stop: String) -> [String] {
        let byID = Dictionary(nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var (seen, waiting, found): (Set<String>, [String], Set<String>) = ([stop], [start], [])
        while let id = waiting.popLast() {
            guard seen.insert(id).inserted, let node = byID[id] else { continue }
            if let output = node.output { found.insert(output) }
            waiting += node.targets.map(\.id)
        }
        return found.sorted()
    }
}

/// A node's name where another leads to it, and where that stands.
struct DraftTarget {
    let id: String
    let pointer: JSONPointer
}

struct DraftNode {
    enum Work {
        case call(tool: String, inputs: Template, retries: Int?, next: DraftTarget)
        case choose(cases: [(when: Expression, next: DraftTarget)], otherwise: DraftTarget)
        case fork(branches: [DraftTarget], join: DraftTarget, isPatient: Bool)
        case end(outputs: Template)
    }

    let id: String
    let pointer: JSONPointer
    let work: Work
    let onError: DraftTarget?
    let timeoutMilliseconds: Int
    let output: String?

    /// Every node that it can lead to.
    var targets: [DraftTarget] {
        let ways: [DraftTarget] =
            switch work {
            case .call(_, _, _, let next): [next]
            case .choose(let cases, let otherwise): cases.map(\.next) + [otherwise]
            case .fork(let branches, let join, _): branches + [join]
            case .end: []
            }
        return ways + (onError.map { [$0] } ?? [])
    }

    /// The node with its targets found.
    func node(_ place: (DraftTarget) -> Int, _ draft: DefinitionDraft) -> WorkflowNode {
        let found: WorkflowNode.Work =
            switch work {
            case .call(let tool, let inputs, let retries, let next):
                .call(.init(tool: tool, inputs: inputs, output: output, retries: retries, next: place(next)))
            case .choose(let cases, let otherwise):
                .choose(.init(cases: cases.map { ($0.when, place($0.next)) }, otherwise: place(otherwise)))
            case .fork(let branches, let join, let isPatient):
                .fork(
                    .init(
                        branches: branches.map(place), join: place(join), output: output, isPatient: isPatient,
                        variables: branches.map { draft.variables(from: $0.id, until: join.id) }))
            case .end(let outputs): .end(outputs: outputs)
            }
        return WorkflowNode(id: id, work: found, onError: onError.map(place), timeoutMilliseconds: timeoutMilliseconds)
    }
}
