import PluginHarness
import Testing

@testable import @TYPE@

/// Quick tests without a jail; `limen plugin test` runs the examples of plugin.json in the real one.
@Suite struct PluginTests {
    @Test("greets as often as asked")
    func greets() async throws {
        let harness = try PluginHarness { plugin.serve($0) }
        let outcome = await harness.call("greet", ["name": "Ada", "times": 2])
        #expect(try outcome.output(as: Greet.Output.self).greeting == "Hello, Ada! Hello, Ada!")
        #expect(outcome.events.count == 2)
    }
}
