internal import IO
package import WorkerProtocol

/// What the next worker of a recorded or replayed call is told before it loads its library; empty, the worker is one like any other.
package final class ConditionsBox: Sendable {
    /// Clock, randomness and the plugin's `config`.
    package struct Setting: Sendable {
        package var conditions: Conditions
        /// JSON.
        package var config: [UInt8]

        package init(conditions: Conditions, config: [UInt8]) {
            self.conditions = conditions
            self.config = config
        }
    }

    private let value = Lock<Setting?>(nil)

    package init() {}

    /// For workers that start from now on.
    package var setting: Setting? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
