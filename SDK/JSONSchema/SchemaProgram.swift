import JSON

/// One compiled subschema; what it says about a JSON type is one look-up away, -1 where it says nothing.
struct SchemaNode: BitwiseCopyable {
    /// Allowed types, bits of `TypeMask`.
    var types: UInt8 = TypeMask.all
    /// The schema `false`.
    var isFalse = false
    /// Nothing but a reference: checking goes on at the target at once.
    var isReferenceOnly = false
    /// Has `unevaluatedItems` or `unevaluatedProperties`, for which it must know what others evaluated.
    var hasUnevaluated = false
    var number: Int32 = -1
    var string: Int32 = -1
    var array: Int32 = -1
    var object: Int32 = -1
    var choice: Int32 = -1
    /// Applicators on the same instance: a slice of the steps.
    var firstStep: Int32 = 0
    var stepCount: Int32 = 0
    var unevaluatedItems: Int32 = -1
    var unevaluatedProperties: Int32 = -1
    var resource: Int32 = 0
}

/// Bits for the types of instances.
enum TypeMask {
    static let null: UInt8 = 1, boolean: UInt8 = 2, number: UInt8 = 4, string: UInt8 = 8, array: UInt8 = 16, object: UInt8 = 32
    /// Set alone, only numbers without a fraction are allowed.
    static let integer: UInt8 = 64
    static let all: UInt8 = 127

    /// The bit of a node's kind, by the raw value of `JSONKind`.
    @inline(__always)
    static func bit(of kind: JSONKind) -> UInt8 {
        switch kind {
        case .null: null
        case .true, .false: boolean
        case .number: number
        case .string, .key: string
        case .array: array
        case .object: object
        }
    }

    static let names: [(String, UInt8)] = [
        ("null", null), ("boolean", boolean), ("integer", integer), ("number", number | integer), ("string", string), ("array", array),
        ("object", object),
    ]
}

/// An operation that applies other schemas to the same instance.
struct SchemaStep: BitwiseCopyable {
    enum Kind: UInt8 { case reference, dynamicReference, allOf, anyOf, oneOf, not, conditional, dependent }
    var kind: Kind
    /// A schema; for lists where it starts in `indices`; for `conditional` the condition.
    var a: Int32 = -1
    /// The length of a list; the schema of `then`; the dynamic table; the key of `dependent`.
    var b: Int32 = -1
    /// The schema of `else`.
    var c: Int32 = -1
}

/// An exact bound: `mantissa * 10^scale` when small, else the decimal at `decimal`.
struct NumberBound: BitwiseCopyable {
    var isPresent = false
    var isSmall = false
    var scale: Int32 = 0
    var mantissa: Int64 = 0
    var decimal: Int32 = -1
}

struct NumberRule: BitwiseCopyable {
    var minimum = NumberBound()
    var maximum = NumberBound()
    var exclusiveMinimum = NumberBound()
    var exclusiveMaximum = NumberBound()
    var multipleOf = NumberBound()
}

struct StringRule: BitwiseCopyable {
    var lengthMin: UInt32 = 0
    var lengthMax: UInt32 = .max
    var pattern: Int32 = -1
    var format: FormatKind?
}

struct ArrayRule: BitwiseCopyable {
    var countMin: UInt32 = 0
    var countMax: UInt32 = .max
    var isUnique = false
    var firstPrefix: Int32 = 0
    var prefixCount: Int32 = 0
    var items: Int32 = -1
    var contains: Int32 = -1
    var containsMin: UInt32 = 1
    var containsMax: UInt32 = .max
}

struct ObjectRule: BitwiseCopyable {
    var countMin: UInt32 = 0
    var countMax: UInt32 = .max
    /// Slots of `properties` and `required` together: a power of two less one, or -1 when there are none.
    var firstSlot: Int32 = 0
    var slotMask: Int32 = -1
    var requiredCount: Int32 = 0
    var firstPattern: Int32 = 0
    var patternCount: Int32 = 0
    var additional: Int32 = -1
    var names: Int32 = -1
    var firstDependency: Int32 = 0
    var dependencyCount: Int32 = 0
}

/// A key of `properties` or `required` in an open-addressed table.
struct PropertySlot: BitwiseCopyable {
    var hash: UInt32 = 0
    var keyOffset: UInt32 = 0
    var keyLength: UInt32 = 0
    /// The property's schema, -1 when the key is only required.
    var schema: Int32 = -1
    var isRequired = false
    var isUsed = false
}

/// `dependentRequired`: when the key `trigger` is there, so must be the listed ones.
struct DependencyRule: BitwiseCopyable {
    var trigger: Int32
    /// A slice of `indices` that holds keys.
    var first: Int32
    var count: Int32
}

/// A key's text in the pool and its hash.
struct KeyText: BitwiseCopyable {
    var hash: UInt32
    var offset: UInt32
    var length: UInt32
}

/// `enum` or `const`: strings compared by their bytes, all else against the nodes of a document.
struct ChoiceRule: BitwiseCopyable {
    /// Slots of the strings: a power of two less one, or -1 when there are none.
    var firstSlot: Int32 = 0
    var slotMask: Int32 = -1
    /// Node indices of the values that are no strings, a slice of `indices`.
    var firstOther: Int32 = 0
    var otherCount: Int32 = 0
    /// The document that holds all values.
    var constants: Int32 = 0
    var isConst = false
    /// Another rule that must hold too, or -1.
    var next: Int32 = -1
}

/// An array that never changes, reached without retain counts.
struct Table<Element: BitwiseCopyable> {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        base = .allocate(capacity: max(1, elements.count))
        for (index, element) in elements.enumerated() { (base + index).initialize(to: element) }
    }

    @inline(__always)
    subscript(index: Int32) -> Element {
        // SAFETY: indices are made by the compiler of the same program and stay below count.
        unsafeAddress { UnsafePointer(base + Int(index)) }
    }

    func deallocate() { base.deallocate() }
}

/// A schema compiled into flat tables.
///
/// SAFETY: all tables are filled before the initialiser returns and only read from then on; `deinit` frees them.
final class SchemaProgram: @unchecked Sendable {
    let schemas: Table<SchemaNode>
    let steps: Table<SchemaStep>
    let indices: Table<Int32>
    let numbers: Table<NumberRule>
    let strings: Table<StringRule>
    let arrays: Table<ArrayRule>
    let objects: Table<ObjectRule>
    let slots: Table<PropertySlot>
    let patternProperties: Table<PatternProperty>
    let dependencies: Table<DependencyRule>
    let keys: Table<KeyText>
    let keyBytes: Table<UInt8>
    let choices: Table<ChoiceRule>
    let matchers: Table<PatternMatcher>
    /// Rows of `resourceCount` schema indices, one row for each name that `$dynamicRef` uses.
    let dynamicTargets: Table<Int32>
    let resourceCount: Int
    let root: Int32
    let decimals: [JSONDecimal]
    let constants: [JSONTape]
    let locations: [String]
    let patterns: PatternStore
    let limits: SchemaLimits

    init(_ parts: SchemaProgramParts, root: Int32, locations: [String], patterns: PatternStore, limits: SchemaLimits) {
        schemas = Table(parts.schemas)
        steps = Table(parts.steps)
        indices = Table(parts.indices)
        numbers = Table(parts.numbers)
        strings = Table(parts.strings)
        arrays = Table(parts.arrays)
        objects = Table(parts.objects)
        slots = Table(parts.slots)
        patternProperties = Table(parts.patternProperties)
        dependencies = Table(parts.dependencies)
        keys = Table(parts.keys)
        keyBytes = Table(parts.keyBytes)
        choices = Table(parts.choices)
        matchers = Table(patterns.matchers)
        dynamicTargets = Table(parts.dynamicTargets)
        resourceCount = parts.resourceCount
        decimals = parts.decimals
        constants = parts.constants
        self.root = root
        self.locations = locations
        self.patterns = patterns
        self.limits = limits
    }

    /// Whether any `$dynamicRef` depends on the way by which it was reached.
    var hasDynamicScope: Bool { dynamicTargets.count > 0 }

    deinit {
        schemas.deallocate()
        steps.deallocate()
        indices.deallocate()
        numbers.deallocate()
        strings.deallocate()
        arrays.deallocate()
        objects.deallocate()
        slots.deallocate()
        patternProperties.deallocate()
        dependencies.deallocate()
        keys.deallocate()
        keyBytes.deallocate()
        choices.deallocate()
        matchers.deallocate()
        dynamicTargets.deallocate()
    }
}

/// `patternProperties`: members whose key matches are checked against the schema.
struct PatternProperty: BitwiseCopyable {
    var pattern: Int32
    var schema: Int32
}

/// The tables while they grow.
struct SchemaProgramParts {
    var schemas: [SchemaNode] = []
    var steps: [SchemaStep] = []
    var indices: [Int32] = []
    var numbers: [NumberRule] = []
    var strings: [StringRule] = []
    var arrays: [ArrayRule] = []
    var objects: [ObjectRule] = []
    var slots: [PropertySlot] = []
    var patternProperties: [PatternProperty] = []
    var dependencies: [DependencyRule] = []
    var keys: [KeyText] = []
    var keyBytes: [UInt8] = []
    var choices: [ChoiceRule] = []
    var dynamicTargets: [Int32] = []
    var resourceCount = 0
    var decimals: [JSONDecimal] = []
    var constants: [JSONTape] = []

    /// Puts a key into the pool.
    mutating func text(_ key: String) -> KeyText {
        let bytes = Array(key.utf8)
        let offset = keyBytes.count
        keyBytes += bytes
        let hash = bytes.withUnsafeBufferPointer { $0.baseAddress.map { JSONKeyHash()($0, bytes.count) } ?? SchemaProgramParts.emptyHash }
        return KeyText(hash: hash, offset: UInt32(offset), length: UInt32(bytes.count))
    }

    private static let emptyHash: UInt32 = withUnsafePointer(to: 0 as UInt8) { JSONKeyHash()($0, 0) }

    /// Adds an open-addressed table of slots at most half full and returns its start and mask.
    mutating func table(_ entries: [PropertySlot]) -> (first: Int32, mask: Int32) {
        var size = 2
        while size < entries.count * 2 { size *= 2 }
        let first = slots.count
        slots += [PropertySlot](repeating: PropertySlot(), count: size)
        for entry in entries {
            var place = Int(entry.hash) & (size - 1)
            while slots[first + place].isUsed { place = (place + 1) & (size - 1) }
            slots[first + place] = entry
            slots[first + place].isUsed = true
        }
        return (Int32(first), Int32(size - 1))
    }
}
