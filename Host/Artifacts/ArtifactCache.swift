import IO
import JSON

/// Definitions that were read, so that a turn reads none (STORE-16). What changes is dropped when its news comes; a version never changes.
///
/// Safe from any thread.
final class ArtifactCache: Sendable {
    /// A moment before a read: what is read later is kept only if nothing changed since.
    struct Ticket: Sendable {
        fileprivate let changes: UInt64
        fileprivate let stamp: UInt64
    }

    /// What of an artifact is remembered.
    enum Slot: Hashable, Sendable {
        case current
        /// A version, for whoever may read the artifact.
        case version(Int)
        /// A version, for what runs by it whatever became of the artifact.
        case pinned(Int)
    }

    private struct Key: Hashable, Sendable {
        let id: String
        let slot: Slot
    }

    private struct Entry: Sendable {
        let artifact: Artifact
        let stamp: UInt64
        /// About how many bytes of memory it has.
        let bytes: Int
    }

    private struct Table: Sendable {
        var entries: [Key: Entry] = [:]
        var bytes = 0
        var changes: UInt64 = 0

        mutating func drop(_ key: Key) {
            guard let entry = entries.removeValue(forKey: key) else { return }
            bytes -= entry.bytes
        }
    }

    private let table = Lock(Table())
    /// Which copies may be believed (`Database.copyStamp`).
    private let stamp: @Sendable () -> UInt64?

    init(stamp: @escaping @Sendable () -> UInt64?) { self.stamp = stamp }

    func artifact(_ id: String, _ slot: Slot) -> Artifact? {
        guard let stamp = stamp(), let entry = table.withLock({ $0.entries[Key(id: id, slot: slot)] }), entry.stamp == stamp else { return nil }
        return entry.artifact
    }

    /// To be taken before a read; nil while nothing may be kept.
    func ticket() -> Ticket? { stamp().map { Ticket(changes: table.withLock(\.changes), stamp: $0) } }

    func keep(_ artifact: Artifact, _ slot: Slot, _ ticket: Ticket?) {
        guard let ticket else { return }
        let bytes = Self.bytes(of: artifact.schema)
        guard bytes <= ArtifactLimits.rememberedBytesEachMax else { return }
        table.withLock { table in
            guard table.changes == ticket.changes else { return }
            let key = Key(id: artifact.id, slot: slot)
            table.drop(key)
            if table.entries.count >= ArtifactLimits.rememberedMax || table.bytes + bytes > ArtifactLimits.rememberedBytesMax {
                // One read for each that is used again costs less than an order of use kept at every hit.
                table.entries.removeAll(keepingCapacity: true)
                table.bytes = 0
            }
            table.entries[key] = Entry(artifact: artifact, stamp: ticket.stamp, bytes: bytes)
            table.bytes += bytes
        }
    }

    /// About what a value takes in memory: each of its values has a place, however short it is written.
    private static func bytes(of value: JSONValue) -> Int {
        let place = MemoryLayout<JSONValue>.stride
        return switch value {
        case .string(let text): place + text.utf8.count
        case .array(let items): items.reduce(place + 32) { $0 + bytes(of: $1) }
        case .object(let members): members.reduce(place + 64) { $0 + 2 * place + $1.0.utf8.count + bytes(of: $1.1) }
        default: place
        }
    }

    /// Drops what an account owns or was given: it may be gone.
    func forget(account: String) {
        table.withLock { table in
            table.changes += 1
            for (key, entry) in table.entries where entry.artifact.owner == account || entry.artifact.sharedWith.contains(account) {
                table.drop(key)
            }
        }
    }

    /// Drops what is known of one; of all for nil.
    func forget(_ id: String?) {
        table.withLock { table in
            table.changes += 1
            guard let id else { return (table.entries, table.bytes) = ([:], 0) }
            // Versions never change, but who may read them does.
            for key in table.entries.keys where key.id == id { table.drop(key) }
        }
    }
}
