internal import IO

/// What a host hears of changes, its own and other hosts'.
package enum DatabaseNews: Sendable, Hashable {
    /// Something was changed, and that is committed.
    case changed(topic: String, key: String)
    /// Something may have been changed unheard: whoever keeps a copy reads again.
    case gap
}

/// Who wants to hear of changes.
final class StoreNews: Sendable {
    private let observers = Lock<[@Sendable (DatabaseNews) -> Void]>([])

    func observe(_ observer: @escaping @Sendable (DatabaseNews) -> Void) { observers.withLock { $0.append(observer) } }

    var hasObservers: Bool { observers.withLock { !$0.isEmpty } }

    func publish(_ news: [DatabaseNews]) {
        for one in news { publish(one) }
    }

    func publish(_ news: DatabaseNews) {
        for observer in observers.withLock({ $0 }) { observer(news) }
    }
}

/// Locks that bodies take against others of the same purpose; they last until the transaction ends.
package enum StoreLock: Sendable, Hashable {
    /// One host at a time brings the schema up to date.
    case migration
    /// One at a time of whoever uses the same name.
    case named(String)

    /// A number that is the same on every host.
    var number: Int64 {
        switch self {
        case .migration: return 7_810
        case .named(let name):
            // FNV-1a: stable, unlike Swift's own hashes.
            let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            return Int64(bitPattern: hash | 1 << 62)
        }
    }
}
