package import IO
internal import Store

extension Registry {
    /// Says that a plugin's first worker is starting; without effect if it is past that.
    package func markWarming(_ plugin: String, generation: UInt64) { change(plugin, generation, .warm) }

    /// Says that a worker has loaded the plugin, which forgives its earlier crashes.
    package func markReady(_ plugin: String, generation: UInt64) {
        if change(plugin, generation, .becomeReady) { withContents { $0.crashes[plugin] = nil } }
    }

    /// Breaks a plugin with a reason that the operator sees; true if it was not broken before. Only a reload or a new version mends it.
    @discardableResult
    package func markBroken(_ plugin: String, generation: UInt64, reason: String) -> Bool {
        change(plugin, generation, .breakDown(reason))
    }

    /// Counts a crash on load, at a moment of the monotonic clock; the third in a minute breaks the plugin, and then the answer is true.
    package func recordLoadCrash(_ plugin: String, generation: UInt64, reason: String, at moment: Deadline = .now()) -> Bool {
        let isLoop = withContents { contents in
            contents.crashes[plugin, default: CrashLoopDetector()].recordCrash(atNanoseconds: moment.nanoseconds)
        }
        return isLoop && markBroken(plugin, generation: generation, reason: reason)
    }

    /// Applies an event to the load it was meant for; a newer load of the same name is not touched. True if the state changed.
    @discardableResult
    private func change(_ plugin: String, _ generation: UInt64, _ event: PluginLifecycleEvent) -> Bool {
        withContents { contents in
            let found = [contents.plugins[plugin], contents.canaries[plugin]].compactMap { $0 }.first { $0.generation == generation }
            guard var record = found else { return false }
            let before = record.lifecycle
            do {
                try record.lifecycle.apply(event)
            } catch {
                // A worker's news may come after the operator's decision; the decision stands.
                return false
            }
            guard record.lifecycle != before else { return false }
            if record.track == .stable { contents.plugins[plugin] = record } else { contents.canaries[plugin] = record }
            contents.publish()
            return true
        }
    }
}
