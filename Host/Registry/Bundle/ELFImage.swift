/// Why a file is not a library that the jail may load; one sentence for the operator.
package struct ELFError: Error, Sendable, Hashable {
    /// What is wrong.
    package let reason: String
}

/// A 64-bit little-endian ELF file, read with every offset checked (elf(5)); no I/O, nothing trusted.
package struct ELFImage: Sendable {
    /// One entry of the program header table.
    struct Segment: Sendable {
        let type: UInt32
        let flags: UInt32
        let offset: UInt64
        let address: UInt64
        let fileSize: UInt64
    }

    let bytes: [UInt8]
    let segments: [Segment]
    /// Entries of the dynamic section in order: tag and value.
    let dynamic: [(tag: Int64, value: UInt64)]
    private let strings: Range<Int>

    /// The machines this host can run: the one it was built for.
    #if arch(x86_64)
        package static let machine: UInt16 = 62
    #elseif arch(arm64)
        package static let machine: UInt16 = 183
    #endif

    /// Parses headers, segments and the dynamic section.
    package init(parsing bytes: [UInt8]) throws(ELFError) {
        guard bytes.count >= 4, bytes[0...3].elementsEqual([0x7f, 0x45, 0x4c, 0x46]) else { throw ELFError(reason: "is not an ELF file") }
        guard bytes.count >= 64 else { throw ELFError(reason: "is a truncated ELF file") }
        guard bytes[4] == 2 else { throw ELFError(reason: "is a 32-bit ELF file; 64-bit is needed") }
        guard bytes[5] == 1 else { throw ELFError(reason: "is a big-endian ELF file; little-endian is needed") }
        let reader = ELFReader(bytes: bytes)
        guard try reader.u16(16) == 3 else { throw ELFError(reason: "is not a shared library (ET_DYN)") }
        let machine = try reader.u16(18)
        guard machine == Self.machine else {
            throw ELFError(reason: "is for machine \(machine); this host runs machine \(Self.machine)")
        }
        let segments = try Self.segments(reader)
        let dynamic = try Self.dynamic(reader, segments)
        strings = try Self.strings(reader, segments, dynamic)
        (self.bytes, self.segments, self.dynamic) = (bytes, segments, dynamic)
    }

    private static func segments(_ reader: ELFReader) throws(ELFError) -> [Segment] {
        let (start, size, count) = (try reader.u64(32), try reader.u16(54), try reader.u16(56))
        guard size == 56, count > 0, count <= Limits.elfSegmentsMax else { throw ELFError(reason: "has an unusual program header table") }
        var segments: [Segment] = []
        for index in 0..<Int(count) {
            let base = try reader.offset(start, plus: UInt64(index * 56))
            let segment = Segment(
                type: try reader.u32(base), flags: try reader.u32(base + 4), offset: try reader.u64(base + 8),
                address: try reader.u64(base + 16), fileSize: try reader.u64(base + 32))
            let (end, overflow) = segment.offset.addingReportingOverflow(segment.fileSize)
            guard !overflow, end <= UInt64(reader.bytes.count) else { throw ELFError(reason: "is a truncated ELF file") }
            segments.append(segment)
        }
        return segments
    }

    private static func dynamic(_ reader: ELFReader, _ segments: [Segment]) throws(ELFError) -> [(tag: Int64, value: UInt64)] {
        let tables = segments.filter { $0.type == ELFConstant.segmentDynamic }
        guard tables.count == 1 else { throw ELFError(reason: "has no dynamic section") }
        let entries = Int(tables[0].fileSize / 16)
        guard entries <= Limits.elfDynamicEntriesMax else { throw ELFError(reason: "has too many dynamic entries") }
        var dynamic: [(tag: Int64, value: UInt64)] = []
        for index in 0..<entries {
            let base = try reader.offset(tables[0].offset, plus: UInt64(index * 16))
            let tag = Int64(bitPattern: try reader.u64(base))
            if tag == 0 { break }
            dynamic.append((tag, try reader.u64(base + 8)))
        }
        return dynamic
    }

    private static func strings(
        _ reader: ELFReader, _ segments: [Segment], _ dynamic: [(tag: Int64, value: UInt64)]
    ) throws(ELFError) -> Range<Int> {
        guard let address = dynamic.first(where: { $0.tag == ELFConstant.stringTable })?.value,
            let size = dynamic.first(where: { $0.tag == ELFConstant.stringTableSize })?.value,
            let start = fileOffset(of: address, in: segments), size <= UInt64(reader.bytes.count - start)
        else { throw ELFError(reason: "has no usable string table") }
        return start..<start + Int(size)
    }

    /// Where an address of the loaded library is in the file; nil when no loaded segment holds it.
    static func fileOffset(of address: UInt64, in segments: [Segment]) -> Int? {
        for segment in segments where segment.type == ELFConstant.segmentLoad {
            if address >= segment.address, address - segment.address < segment.fileSize {
                return Int(segment.offset + (address - segment.address))
            }
        }
        return nil
    }

    /// The value of a dynamic tag that occurs at most once in practice; the first one counts, as it does for the loader.
    func value(_ tag: Int64) -> UInt64? { dynamic.first { $0.tag == tag }?.value }

    /// A string of the dynamic string table.
    func string(_ offset: UInt64) throws(ELFError) -> String {
        guard offset < UInt64(strings.count) else { throw ELFError(reason: "names a string outside its string table") }
        let start = strings.lowerBound + Int(offset)
        let limit = min(strings.upperBound, start + Limits.elfSymbolNameBytesMax * 8)
        guard let end = bytes[start..<limit].firstIndex(of: 0) else { throw ELFError(reason: "has a string that does not end") }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}

/// Numbers of elf(5) that the checker needs.
enum ELFConstant {
    static let segmentLoad: UInt32 = 1
    static let segmentDynamic: UInt32 = 2
    static let segmentStack: UInt32 = 0x6474_e551
    static let needed: Int64 = 1
    static let hash: Int64 = 4
    static let stringTable: Int64 = 5
    static let symbolTable: Int64 = 6
    static let stringTableSize: Int64 = 10
    static let rpath: Int64 = 15
    static let textRelocations: Int64 = 22
    static let runpath: Int64 = 29
    static let flags: Int64 = 30
    static let gnuHash: Int64 = 0x6fff_fef5
    static let depaudit: Int64 = 0x6fff_fefb
    static let audit: Int64 = 0x6fff_fefc
    static let auxiliary: Int64 = 0x7fff_fffd
    static let filter: Int64 = 0x7fff_ffff
}

/// Bounds-checked little-endian reads.
struct ELFReader {
    let bytes: [UInt8]

    /// `base + distance` as an index, refused when it lies outside.
    func offset(_ base: UInt64, plus distance: UInt64) throws(ELFError) -> Int {
        let (sum, overflow) = base.addingReportingOverflow(distance)
        guard !overflow, sum < UInt64(bytes.count) else { throw ELFError(reason: "is a truncated ELF file") }
        return Int(sum)
    }

    func u16(_ offset: Int) throws(ELFError) -> UInt16 { UInt16(truncatingIfNeeded: try number(offset, 2)) }
    func u32(_ offset: Int) throws(ELFError) -> UInt32 { UInt32(truncatingIfNeeded: try number(offset, 4)) }
    func u64(_ offset: Int) throws(ELFError) -> UInt64 { try number(offset, 8) }

    private func number(_ offset: Int, _ count: Int) throws(ELFError) -> UInt64 {
        guard offset >= 0, count <= bytes.count, offset <= bytes.count - count else { throw ELFError(reason: "is a truncated ELF file") }
        var value: UInt64 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
        return value
    }
}
