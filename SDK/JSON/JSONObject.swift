/// The members of a JSON object in the order of their insertion; equality ignores that order, lookup takes constant time.
public struct JSONObject: Sendable, Sequence, ExpressibleByDictionaryLiteral {
    /// The type of the names of members.
    public typealias Key = String
    /// The type of the values of members.
    public typealias Value = JSONValue
    /// One member.
    public typealias Element = (key: String, value: JSONValue)

    private struct Slot: Sendable {
        let key: String
        /// Nil once the member was removed; such slots are squeezed out when they are the majority.
        var value: JSONValue?
    }

    private struct ByteKey: Hashable, Sendable {
        let text: String
        static func == (left: ByteKey, right: ByteKey) -> Bool { sameBytes(left.text, right.text) }
        func hash(into hasher: inout Hasher) { hashBytes(text, into: &hasher) }
    }

    private var slots: [Slot] = []
    /// The slot of every key, kept only for objects with more than `JSONLimits.linearMembersMax` slots.
    private var places: [ByteKey: Int]?
    /// How many members there are.
    public private(set) var count = 0

    /// Makes an object without members.
    public init() {}

    /// Makes an object; of a repeated key the last value stays.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { self[key] = value }
    }

    /// Makes an object from pairs; of a repeated key the last value stays.
    public init(_ members: some Sequence<(key: String, value: JSONValue)>) {
        for member in members { self[member.key] = member.value }
    }

    /// Makes an object from members whose keys are known to differ.
    init(distinct members: [(key: String, value: JSONValue)]) {
        slots = members.map { Slot(key: $0.key, value: $0.value) }
        count = slots.count
        rebuildPlaces()
    }

    /// Whether there is no member.
    public var isEmpty: Bool { count == 0 }

    /// The keys in order.
    public var keys: [String] { map(\.key) }

    /// The values in order.
    public var values: [JSONValue] { map(\.value) }

    /// The value of that name; setting nil removes the member, setting a new name appends one.
    public subscript(key: String) -> JSONValue? {
        get { place(of: key).flatMap { slots[$0].value } }
        set {
            switch (place(of: key), newValue) {
            case (let place?, let value?): slots[place].value = value
            case (let place?, nil): remove(at: place)
            case (nil, let value?): append(key, value)
            case (nil, nil): break
            }
        }
    }

    /// The value of that name, or `fallback` when there is none.
    public subscript(key: String, default fallback: JSONValue) -> JSONValue {
        get { self[key] ?? fallback }
        set { self[key] = newValue }
    }

    /// Takes the member out and returns its value, or nil when there is none.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let place = place(of: key) else { return nil }
        let value = slots[place].value
        remove(at: place)
        return value
    }

    /// Whether there is a member of that name.
    public func contains(key: String) -> Bool { place(of: key) != nil }

    private func place(of key: String) -> Int? {
        if let places { return places[ByteKey(text: key)] }
        return slots.firstIndex { $0.value != nil && sameBytes($0.key, key) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        slots.append(Slot(key: key, value: value))
        count += 1
        if places != nil {
            places?[ByteKey(text: key)] = slots.count - 1
        } else if slots.count > JSONLimits.linearMembersMax {
            rebuildPlaces()
        }
    }

    private mutating func remove(at place: Int) {
        places?[ByteKey(text: slots[place].key)] = nil
        slots[place].value = nil
        count -= 1
        guard slots.count > 2 * count else { return }
        slots.removeAll { $0.value == nil }
        rebuildPlaces()
    }

    private mutating func rebuildPlaces() {
        places = nil
        guard slots.count > JSONLimits.linearMembersMax else { return }
        var fresh = [ByteKey: Int](minimumCapacity: slots.count)
        for (place, slot) in slots.enumerated() where slot.value != nil { fresh[ByteKey(text: slot.key)] = place }
        places = fresh
    }

    /// Walks the members in order.
    public struct Iterator: IteratorProtocol {
        private var slots: [Slot]
        private var next_ = 0

        fileprivate init(_ object: JSONObject) { slots = object.slots }

        /// The next member, or nil at the end.
        public mutating func next() -> Element? {
            while next_ < slots.count {
                let slot = slots[next_]
                next_ += 1
                if let value = slot.value { return (slot.key, value) }
            }
            return nil
        }
    }

    /// Starts a walk over the members.
    public func makeIterator() -> Iterator { Iterator(self) }

    /// How many members there are.
    public var underestimatedCount: Int { count }
}

extension JSONObject: Hashable {
    /// Whether both have the same members in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }

    /// Feeds the members into `hasher`, independent of their order.
    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (key, value) in self {
            var member = Hasher()
            hashBytes(key, into: &member)
            value.hash(into: &member)
            sum &+= member.finalize()
        }
        hasher.combine(count)
        hasher.combine(sum)
    }
}
