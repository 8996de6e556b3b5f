/// Decides which requests of one call may run now: several at once, but none before an earlier one whose effect it could see.
///
/// A plugin may send many requests before it reads an answer. Fetches do not wait for each other. Key-value requests on the same key keep their order
/// unless all of them read, and a list keeps its order with every write under its prefix, so that a plugin sees its own writes. No I/O, no clock.
package struct RequestOrder: Sendable {
    /// What a request touches.
    package enum Request: Sendable, Hashable {
        case fetch
        case read(key: String)
        case write(key: String)
        case list(prefix: String)

        /// Whether this one must wait for the earlier one.
        fileprivate func mustFollow(_ earlier: Request) -> Bool {
            switch (earlier, self) {
            case (.write(let a), .write(let b)), (.write(let a), .read(let b)), (.read(let a), .write(let b)): a == b
            case (.write(let key), .list(let prefix)), (.list(let prefix), .write(let key)): key.utf8.starts(with: prefix.utf8)
            default: false
            }
        }
    }

    private struct Entry: Sendable {
        let id: UInt64
        let request: Request
        var isRunning = false
    }

    private var entries: [Entry] = []
    private var nextID: UInt64 = 0
    private var running = 0

    package init() {}

    /// Whether no further request may be added before one has finished.
    package var isFull: Bool { entries.count >= SupervisorLimits.requestsOpenMax }

    /// Requests that run or wait.
    package var count: Int { entries.count }

    /// Takes a request in; answers the number by which it is known here.
    package mutating func add(_ request: Request) -> UInt64 {
        nextID += 1
        entries.append(Entry(id: nextID, request: request))
        return nextID
    }

    /// Requests that run from now on, oldest first.
    package mutating func start() -> [UInt64] {
        var started: [UInt64] = []
        for index in entries.indices where !entries[index].isRunning {
            guard running < SupervisorLimits.requestsRunningMax else { break }
            let request = entries[index].request
            if entries[..<index].contains(where: { request.mustFollow($0.request) }) { continue }
            entries[index].isRunning = true
            running += 1
            started.append(entries[index].id)
        }
        return started
    }

    /// A request that ran has its answer.
    package mutating func finished(_ id: UInt64) {
        guard let index = entries.firstIndex(where: { $0.id == id && $0.isRunning }) else { return }
        entries.remove(at: index)
        running -= 1
    }
}
