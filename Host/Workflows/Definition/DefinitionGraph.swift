import JSON

/// Checks how the nodes of a definition hang together: unique ids, every target there, every node reached, no cycle, and branches that end where their parallel
/// joins them.
struct DefinitionGraph {
    /// A part of the graph that one lane of a run walks: the whole, or a branch.
    private struct Region: Hashable {
        /// The pointers of branches that it lies in, the outermost first.
        let way: [String]
        /// Where the lane ends; nil for the whole, which ends at an `end`.
        let stop: String?
    }

    private let byID: [String: DraftNode]
    private let draft: DefinitionDraft
    private var problems: [WorkflowProblem] = []
    private var regions: [String: Region] = [:]

    static func problems(of draft: DefinitionDraft) -> [WorkflowProblem] {
        var graph = DefinitionGraph(draft)
        graph.checkTargets()
        // What hangs together can be asked only of what is there.
        guard graph.problems.isEmpty else { return graph.problems }
        graph.checkCycles()
        guard graph.problems.isEmpty else { return graph.problems }
        graph.walk(from: draft.entry, in: Region(way: [], stop: nil))
        graph.checkReach()
        graph.checkVariables()
        return graph.problems
    }

    private init(_ draft: DefinitionDraft) {
        self.draft = draft
        byID = Dictionary(draft.nodes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private mutating func report(_ pointer: JSONPointer, _ message: String) { problems.append(WorkflowProblem(pointer, message)) }

    private mutating func checkTargets() {
        var seen: Set<String> = []
        for node in draft.nodes where !seen.insert(node.id).inserted {
            report(node.pointer.appending("id"), "is the id of another node too")
        }
        for target in [draft.entry] + draft.nodes.flatMap(\.targets) where byID[target.id] == nil {
            report(target.pointer, "leads to `\(target.id)`, which is no node")
        }
        for node in draft.nodes {
            guard case .fork(let branches, let join, _) = node.work else { continue }
            if Set(branches.map(\.id)).count < branches.count { report(node.pointer.appending("branches"), "names the same node for two branches") }
            for branch in branches where branch.id == join.id {
                report(branch.pointer, "is the `join` itself: a branch has at least one node before it")
            }
        }
    }

    // MARK: Cycles

    private enum Mark { case open, closed }

    private mutating func checkCycles() {
        var marks: [String: Mark] = [:]
        for node in draft.nodes where marks[node.id] == nil { descend(node, &marks) }
    }

    /// As deep as there are nodes, which are bounded.
    private mutating func descend(_ node: DraftNode, _ marks: inout [String: Mark]) {
        marks[node.id] = .open
        for target in node.targets {
            switch marks[target.id] {
            case .closed: continue
            case .open:
                report(target.pointer, "leads back to `\(target.id)`: a workflow has no cycles; put a loop into a tool")
            case nil: if let next = byID[target.id] { descend(next, &marks) }
            }
        }
        marks[node.id] = .closed
    }

    // MARK: Branches

    /// Gives every node that a lane can come to its region.
    private mutating func walk(from start: DraftTarget, in region: Region) {
        var waiting = [start]
        while let target = waiting.popLast() {
            if target.id == region.stop { continue }
            if let known = regions[target.id] {
                if known != region { report(target.pointer, Self.crossing(target.id, from: region, to: known)) }
                continue
            }
            guard let node = byID[target.id] else { continue }
            regions[target.id] = region
            waiting += enter(node, in: region)
        }
    }

    private static func crossing(_ id: String, from region: Region, to known: Region) -> String {
        region.way.isEmpty
            ? "leads to `\(id)` in a branch of a parallel, which is reached through that only"
            : "leads to `\(id)` outside its branch, which ends at its `join`, `\(region.stop ?? "")`"
    }

    /// Looks at a node in its region; answers where the same lane goes on.
    private mutating func enter(_ node: DraftNode, in region: Region) -> [DraftTarget] {
        switch node.work {
        case .end:
            if region.stop != nil { report(node.pointer.appending("type"), "cannot be `end` in a branch: lead it to the `join`") }
            return []
        case .fork(let branches, let join, _):
            guard region.way.count < WorkflowLimits.parallelDepthMax else {
                report(node.pointer.appending("type"), "stands deeper than \(WorkflowLimits.parallelDepthMax) parallels in each other")
                return []
            }
            for branch in branches { walk(from: branch, in: Region(way: region.way + [branch.pointer.description], stop: join.id)) }
            return [join] + (node.onError.map { [$0] } ?? [])
        case .call, .choose: return node.targets
        }
    }

    private mutating func checkReach() {
        for node in draft.nodes where regions[node.id] == nil {
            // What was not looked at for another problem's sake is not unreachable.
            if problems.isEmpty || !isBehindProblem { report(node.pointer, "is never come to: no way leads to `\(node.id)`") }
        }
    }

    private var isBehindProblem: Bool { problems.contains { $0.message.hasPrefix("stands deeper") } }

    /// Two branches that set the same variable would race.
    private mutating func checkVariables() {
        for node in draft.nodes {
            guard case .fork(let branches, let join, _) = node.work else { continue }
            var setters: [String: String] = [:]
            for branch in branches {
                for name in draft.variables(from: branch.id, until: join.id) {
                    if let other = setters[name] {
                        report(branch.pointer, "sets the variable `\(name)`, as the branch `\(other)` does; give each its own")
                    } else {
                        setters[name] = branch.id
                    }
                }
            }
        }
    }
}
