/// Why the store did not do something; the message is for the log and never for a client.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure that callers tell apart.
    package enum Code: Sendable, Hashable {
        /// The deadline passed; a write may still have happened.
        case timedOut
        /// The queue is full; nothing was started.
        case overloaded
        /// A key, check or reference of the schema forbids it; `rule` says which.
        case constraint
        /// A cap of the caller's own was reached; the associated text names it.
        case limit(String)
        /// The value cannot be stored, or the cursor cannot be read.
        case invalid
        /// What is stored is not what was written.
        case corrupt
        /// The disk is full or failing, or another process holds the database.
        case unavailable
        /// The store was closed.
        case closed
        /// The database is newer than this program, or its history was changed.
        case migration
        /// A statement of ours is wrong.
        case statement
    }

    /// The kind of failure.
    package let code: Code
    /// What happened, for the log.
    package let message: String
    /// What forbids it; of a `.constraint` only.
    package let rule: BrokenRule?

    /// Makes an error.
    package init(_ code: Code, _ message: String, rule: BrokenRule? = nil) {
        (self.code, self.message, self.rule) = (code, message, rule)
    }

    /// What a body threw, as an error of the store.
    init(wrapping error: any Error) {
        self = error as? StoreError ?? StoreError(.statement, "\(error)")
    }

    /// One line for the log.
    package var description: String { "\(code): \(message)" }
}

/// A rule of the schema that a write broke: for an answer that names the field. Never holds a value.
package struct BrokenRule: Sendable, Hashable {
    /// What sort of rule.
    package enum Kind: Sendable, Hashable {
        /// Another row has the same key.
        case unique
        /// A value is missing.
        case notNull
        /// A value is outside its bounds.
        case check
        /// A row that is referred to is not there, or is still referred to.
        case reference
        /// A trigger refused.
        case trigger
    }

    /// What sort of rule.
    package let kind: Kind
    /// The table, where the engine tells.
    package let table: String?
    /// The columns, in the key's order, where the engine tells: of `unique` and `notNull` always.
    package let columns: [String]
    /// The rule's own name, where the schema gives one.
    package let name: String?

    /// Describes a rule.
    package init(_ kind: Kind, table: String? = nil, columns: [String] = [], name: String? = nil) {
        (self.kind, self.table, self.columns, self.name) = (kind, table, columns, name)
    }
}
