/// Every bound of workflows and their expressions, in one place.
package enum WorkflowLimits {
    /// Longest expression, in bytes.
    package static let expressionBytesMax = 2_000
    /// Deepest nesting of an expression: parentheses, operators and calls.
    package static let expressionDepthMax = 32
    /// Most operators, calls, names and literals of an expression.
    package static let expressionNodesMax = 256
    /// Most steps of one evaluation: one for each part, and one for each item or 64 bytes that a part looks at.
    package static let expressionStepsMax = 100_000
    /// Most bytes that filling in the places of one value makes: of texts, and of other values as JSON.
    package static let templateBytesMax = 1 << 20

    // MARK: Definitions

    /// Longest definition, in bytes of JSON.
    package static let definitionBytesMax = 64 << 10
    /// Deepest nesting of a definition's values.
    package static let definitionDepthMax = 24
    /// Most problems that a refusal names.
    package static let problemsMax = 50
    /// Most nodes of a workflow.
    package static let nodesMax = 64
    /// Most cases of a `switch`.
    package static let casesMax = 16
    /// Most branches of a `parallel`.
    package static let branchesMax = 8
    /// How deep `parallel` nodes may stand inside the branches of others.
    package static let parallelDepthMax = 3
    /// Longest id of a node and longest name of a variable, in bytes.
    package static let nameBytesMax = 64
    /// Longest id of a tool, in bytes.
    package static let toolBytesMax = 255
    /// Most further tries of a call.
    package static let retriesMax = 3
    /// Longest time of one node over all its tries, in milliseconds: as long as an adapter for models may take.
    package static let nodeMillisecondsMax = 600_000
    /// A node's time when it names none, in milliseconds: as long as the longest call of a tool.
    package static let nodeMillisecondsDefault = 60_000
    /// Longest time of a run, and a run's time when its workflow names none, in milliseconds.
    package static let runMillisecondsMax = 3_600_000
    package static let runMillisecondsDefault = 300_000

    // MARK: Runs

    /// Longest input of a run, in bytes of JSON.
    package static let inputBytesMax = 256 << 10
    /// Longest value of a variable, in bytes of JSON.
    package static let variableBytesMax = 256 << 10
    /// All values that a run keeps in variables, in bytes of JSON.
    package static let variablesBytesMax = 1 << 20
    /// Longest outputs of a run, in bytes of JSON.
    package static let outputsBytesMax = 1 << 20
    /// Longest message of a failure that a trace keeps, in bytes.
    package static let failureBytesMax = 512
    /// Longest id of a request that a run is made once for, in bytes.
    package static let requestBytesMax = 255
    /// All inputs of calls that a dry run shows, in bytes of JSON.
    package static let planBytesMax = 1 << 20
    /// Hosts that may die over one run before it is given up.
    package static let attemptsMax = 100
    /// Runs of one host at once; the calls of each wait for the tools' own limits.
    package static let runsPerHostMax = 64
    /// Runs of one user at once when no setting says otherwise (SPEC 7).
    package static let runsPerUserDefault = 3
    /// How long a run that ended is kept, in milliseconds.
    package static let keptMilliseconds: Int64 = 30 * 86_400_000
    /// Ended runs of one person that are kept.
    package static let endedPerOwnerMax = 1_000
    /// People whose runs beyond that are removed in one transaction.
    package static let sweepOwnersMax = 20
    /// Runs that are removed, or given up, in one transaction.
    package static let sweepMax = 500
    /// How old a run without a job has to be to be given up, in milliseconds.
    package static let orphanMilliseconds: Int64 = 60_000
    /// How often a host that was told to wait for a run looks for itself, in milliseconds.
    package static let waitPollMilliseconds = 500
    /// How long a request waits for a run's end at most, in milliseconds.
    package static let waitMillisecondsMax = 30_000
    /// Definitions that a host remembers compiled.
    package static let compiledMax = 256
    /// Longest details of a failure that a run keeps, in bytes of JSON.
    package static let failureDetailsBytesMax = 4 << 10
    /// Most places of an input that a refusal by schema names.
    package static let schemaFailuresMax = 20
}
