/// What the cases run on.
package protocol EscapeHost: Sendable {
    /// Installs the cases' plugins, before the first call.
    func prepare(_ cases: [EscapeCase]) async throws
    /// Makes one call and tells what came of it.
    func perform(_ escape: EscapeCase, _ step: EscapeStep) async throws -> Observation
    /// Why the case's last worker ended; waits a few seconds for it. Nil if none did.
    func lastEnd(_ escape: EscapeCase) async -> String?
    /// Ends what is left of a case.
    func finish(_ escape: EscapeCase) async
    /// Reloads the manifests ten times a second, changing the neighbour's each time, while it is being called; tells what went wrong.
    func reloadUnderLoad(_ neighbour: EscapeCase, calling call: @escaping @Sendable () async -> [String]) async -> [String]
    /// The rung that the spawner has found, in its own words.
    func rung() async -> String
    /// What is wrong with the records after everything.
    func verify() async -> [String]
    /// Ends everything.
    func stop() async
}
