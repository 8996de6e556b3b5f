import Registry
import Testing

@Suite struct LifecycleTests {
    /// Applies events; nil at the first that is refused.
    private func state(after events: [PluginLifecycleEvent]) -> PluginLifecycleState? {
        var lifecycle = PluginLifecycle()
        for event in events {
            do {
                try lifecycle.apply(event)
            } catch {
                return nil
            }
        }
        return lifecycle.state
    }

    @Test("a plugin goes through its life in order")
    func order() {
        #expect(state(after: [.verify, .enable, .warm, .becomeReady, .drain, .disable, .enable, .remove, .found]) == .discovered)
        #expect(state(after: [.verify, .disable, .verify, .enable]) == .enabled)
        #expect(state(after: [.verify, .enable, .breakDown("x"), .verify, .enable]) == .enabled)
    }

    @Test(
        "a step that SPEC does not have is refused",
        arguments: [
            [.enable], [.warm], [.becomeReady], [.verify, .warm], [.verify, .disable, .warm], [.verify, .disable, .becomeReady],
            [.verify, .enable, .breakDown("x"), .becomeReady], [.verify, .enable, .breakDown("x"), .enable], [.remove, .enable], [.remove, .verify],
            [.verify, .enable, .drain, .becomeReady], [.verify, .disable, .breakDown("x")],
        ] as [[PluginLifecycleEvent]])
    func refused(events: [PluginLifecycleEvent]) {
        #expect(state(after: events) == nil)
    }

    @Test("a refused event changes nothing, and the reason is kept only while broken")
    func reasons() throws {
        var lifecycle = PluginLifecycle()
        try lifecycle.apply(.breakDown("why"))
        #expect(lifecycle.reason == "why")
        #expect(throws: PluginLifecycleError.self) { try lifecycle.apply(.warm) }
        #expect(lifecycle.state == .broken && lifecycle.reason == "why")
        try lifecycle.apply(.verify)
        #expect(lifecycle.reason == nil)
    }

    @Test("only enabled, warming and ready plugins take calls", arguments: PluginLifecycleState.allCases)
    func callable(state: PluginLifecycleState) {
        #expect(state.isCallable == [.enabled, .warming, .ready].contains(state))
    }

    @Test("crashes are counted within a sliding minute")
    func crashes() {
        var detector = CrashLoopDetector()
        let second: UInt64 = 1_000_000_000
        let answers = [0, 30, 60, 89, 200, 201].map { detector.recordCrash(atNanoseconds: $0 * second) }
        #expect(answers == [false, false, false, true, false, false])
        detector.reset()
        let afterReset = detector.recordCrash(atNanoseconds: 202 * second)
        #expect(!afterReset)
    }
}
