/// Which bytes a request's Range asks for (RFC 9110, 14.1.2 and 14.2).
package enum ByteRanges: Sendable, Hashable {
    /// No range, or one that is ignored: another unit, malformed, too many, overlapping.
    case whole
    /// Some of the bytes, in the order that the client asked for: 206.
    case some([Range<Int>])
    /// None of the ranges has a byte that exists: 416.
    case unsatisfiable

    /// Reads the Range of a GET of `length` bytes; other methods have none (14.2).
    package init(_ headers: HTTPHeaders, of length: Int) {
        let values = headers.values("Range")
        guard values.count == 1, values[0].utf8.count <= ContentLimits.rangeBytesMax else {
            self = .whole
            return
        }
        self = ByteRanges.read(Array(values[0].utf8), length)
    }

    private static func read(_ bytes: [UInt8], _ length: Int) -> ByteRanges {
        let unit = Array("bytes=".utf8)
        guard bytes.count > unit.count, zip(bytes, unit).allSatisfy({ Characters.lower($0) == $1 }) else { return .whole }
        var ranges: [Range<Int>] = []
        var count = 0
        for part in bytes[unit.count...].split(separator: 0x2c) {
            let spec = Framing.trimmed(Array(part))
            if spec.isEmpty { continue }
            guard let range = one(spec, length) else { return .whole }
            count += 1
            if count > ContentLimits.rangesMax { return .whole }
            switch range {
            case .none: continue
            case .some(let range): ranges.append(range)
            }
        }
        if count == 0 || overlaps(ranges) { return .whole }
        if ranges.isEmpty { return .unsatisfiable }
        // The last bytes of nothing are nothing, and no 206 can say so (14.1.2).
        return ranges.contains { $0.isEmpty } ? .whole : .some(ranges)
    }

    /// One range: nil when it is malformed, `.some(nil)` when it has no byte that exists.
    private static func one(_ spec: [UInt8], _ length: Int) -> Range<Int>?? {
        guard let dash = spec.firstIndex(of: 0x2d) else { return nil }
        let (first, last) = (spec[..<dash], spec[(dash + 1)...])
        if first.isEmpty {
            guard let suffix = decimal(last) else { return nil }
            return .some(suffix == 0 ? nil : max(0, length - suffix)..<length)
        }
        guard let start = decimal(first) else { return nil }
        var end = Int.max
        if !last.isEmpty {
            guard let number = decimal(last), number >= start else { return nil }
            end = number
        }
        return .some(start < length ? start..<(min(end, length - 1) + 1) : nil)
    }

    /// Decimal digits; what no Int can hold is as good as its largest.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var value = 0
        for digit in digits {
            let (product, isTooBig) = value.multipliedReportingOverflow(by: 10)
            let (sum, isTooBigToo) = product.addingReportingOverflow(Int(digit - 0x30))
            if isTooBig || isTooBigToo { return .max }
            value = sum
        }
        return value
    }

    private static func overlaps(_ ranges: [Range<Int>]) -> Bool {
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        return zip(sorted, sorted.dropFirst()).contains { $0.upperBound > $1.lowerBound }
    }
}
