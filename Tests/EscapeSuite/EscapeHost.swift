/// What the cases run on.
package protocol EscapeHost: Sendable {
    /// Makes one call and tells what came of it.
    func perform(_ escape: EscapeCase, _ step: EscapeStep) async throws -> Observation
    /// Why the case's last worker ended; waits a few seconds for it. Nil if none did.
    func lastEnd(_ escape: EscapeCase) async -> String?
    /// Ends what is left of a case.
    func finish(_ escape: EscapeCase) async
    /// Ends everything.
    func stop() async
    /// Whether this host can run the case at all.
    func supports(_ escape: EscapeCase) -> Bool
}
