import IO

/// Definitions compiled once for each version, which never changes.
package final class CompiledWorkflows: Sendable {
    private let known = Lock<[String: WorkflowDefinition]>([:])

    package init() {}

    /// The definition of a stored version.
    package func definition(_ stored: StoredWorkflow) throws(WorkflowDefinitionError) -> WorkflowDefinition {
        let key = "\(stored.id)\n\(stored.version)"
        if let found = known.withLock({ $0[key] }) { return found }
        let definition = try WorkflowDefinition(stored.value)
        known.withLock { known in
            if known.count >= WorkflowLimits.compiledMax { known = [:] }
            known[key] = definition
        }
        return definition
    }
}
