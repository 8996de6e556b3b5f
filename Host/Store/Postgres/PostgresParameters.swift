internal import CPQ

/// Parameters as libpq wants them: numbers and texts as text, blobs as they are.
struct PostgresParameters {
    private var bytes: [CChar] = []
    private var places: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// Throws `.invalid` for a text with a NUL, which PostgreSQL cannot keep.
    init(_ values: [SQLValue]) throws(StoreError) {
        bytes.reserveCapacity(values.count * 24)
        for value in values {
            switch value {
            case .null: add(nil, isBinary: false)
            case .integer(let number): add(String(number).utf8, isBinary: false)
            case .real(let number): add("\(number)".utf8, isBinary: false)
            case .text(let text):
                try SQLValue.check(text)
                add(text.utf8, isBinary: false)
            case .blob(let blob): add(blob, isBinary: true)
            }
        }
    }

    private mutating func add(_ value: (some Collection<UInt8>)?, isBinary: Bool) {
        places.append(value == nil ? nil : bytes.count)
        lengths.append(Int32(value?.count ?? 0))
        formats.append(isBinary ? 1 : 0)
        guard let value else { return }
        for byte in value { bytes.append(CChar(bitPattern: byte)) }
        bytes.append(0)
    }

    private mutating func add(_ nothing: Never?, isBinary: Bool) { add(Optional<[UInt8]>.none, isBinary: isBinary) }

    /// Calls `body` with the arrays that PQsendQueryPrepared takes.
    func with(_ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Int32) -> Int32 {
        bytes.withUnsafeBufferPointer { buffer in
            let pointers = places.map { place in place.flatMap { offset in buffer.baseAddress.map { $0 + offset } } }
            return pointers.withUnsafeBufferPointer { body(Int32(places.count), $0.baseAddress, lengths, formats) }
        }
    }
}

extension Row {
    /// A row of a result in binary format.
    init(_ result: OpaquePointer, row: Int32, columns: Int32) throws(StoreError) {
        var values: [SQLValue] = []
        values.reserveCapacity(Int(columns))
        for column in 0..<columns { values.append(try Self.value(result, row, column)) }
        self.init(values)
    }

    /// By the numbers of pg_type: int8, int2, int4, text and its kin, bytea, float8, float4, bool, void.
    private static func value(_ result: OpaquePointer, _ row: Int32, _ column: Int32) throws(StoreError) -> SQLValue {
        if PQgetisnull(result, row, column) == 1 { return .null }
        let type = PQftype(result, column)
        let count = Int(PQgetlength(result, row, column))
        let bytes = UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: count)
        switch type {
        case 20: return .integer(Int64(bitPattern: number(bytes)))
        case 23: return .integer(Int64(Int32(bitPattern: UInt32(truncatingIfNeeded: number(bytes)))))
        case 21: return .integer(Int64(Int16(bitPattern: UInt16(truncatingIfNeeded: number(bytes)))))
        case 16: return .integer(Int64(number(bytes)))
        case 17: return .blob([UInt8](bytes))
        case 18, 19, 25, 705, 1042, 1043: return .text(String(decoding: bytes, as: UTF8.self))
        case 701: return .real(Double(bitPattern: number(bytes)))
        case 700: return .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: number(bytes)))))
        case 2278: return .null
        default: throw StoreError(.statement, "column \(column) has a type (\(type)) that the store does not read: cast it")
        }
    }

    private static func number(_ bytes: UnsafeRawBufferPointer) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
