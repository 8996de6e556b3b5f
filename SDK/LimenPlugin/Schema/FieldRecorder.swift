import Glibc
import JSON
import Synchronization

/// Ties a ``Field`` in a probed value to what its attribute said; exists only while a schema is derived.
final class FieldMark: Sendable {
    /// The coding key that the field was decoded for.
    let key: String?
    let note: FieldNote?

    init(key: String? = nil, note: FieldNote? = nil) {
        self.key = key
        self.note = note
    }
}

/// What one `@Field` attribute said.
struct FieldNote: Sendable {
    let constraints: FieldConstraints
    let defaultValue: (@Sendable () throws -> JSONValue)?
}

/// Collects what `@Field` attributes say while a type's initial values run.
///
/// Swift evaluates the initial values of a struct's properties, in order of declaration, at the start of `init(from:)`; that is
/// where the attributes' arguments can be seen. Recording is on only for the thread that derives a schema.
enum FieldRecorder {
    /// The thread that derives a schema; 0 when none does.
    private static let prober = Atomic<UInt>(0)
    /// Held by the prober, so that schemas are derived one at a time.
    private static let turn = Mutex(())
    private static let marks = Mutex<[FieldMark]>([])

    static var isActive: Bool {
        let thread = prober.load(ordering: .relaxed)
        return thread != 0 && thread == UInt(pthread_self())
    }

    /// Runs `body` with recording on. Not reentrant.
    static func recording<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        try turn.withLock { _ throws(Failure) -> Result in
            prober.store(UInt(pthread_self()), ordering: .relaxed)
            defer { prober.store(0, ordering: .relaxed) }
            return try body()
        }
    }

    static func record<Value: Codable & Sendable>(_ constraints: FieldConstraints, default value: Value?) -> FieldMark {
        var encode: (@Sendable () throws -> JSONValue)?
        if let value { encode = { try JSONCoder.encode(value) } }
        let mark = FieldMark(note: FieldNote(constraints: constraints, defaultValue: encode))
        // A default that is itself a struct with fields has recorded those: they are not the enclosing type's.
        let inner = value.map { marksWithin($0, depth: 0) } ?? []
        marks.withLock { marks in
            marks.removeAll { mark in inner.contains { $0 === mark } }
            marks.append(mark)
        }
        return mark
    }

    /// Takes what was recorded since the last time.
    static func take() -> [FieldMark] {
        marks.withLock { marks in
            defer { marks = [] }
            return marks
        }
    }

    private static func marksWithin(_ value: Any, depth: Int) -> [FieldMark] {
        guard depth < Limits.schemaDepthMax else { return [] }
        return Mirror(reflecting: value).children.flatMap { child -> [FieldMark] in
            let own = (child.value as? any ProbedField)?.mark
            return (own.map { [$0] } ?? []) + marksWithin(child.value, depth: depth + 1)
        }
    }
}

/// A ``Field`` of any type, as the prober meets it.
protocol ProbedField {
    var mark: FieldMark? { get }
}

extension Field: ProbedField {}
