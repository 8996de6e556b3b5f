import TestKit

/// Makes inputs out of inputs: flips, copies, cuts, joins, and numbers at their limits.
struct Mutator {
    private let inputs: [[UInt8]]
    private let bytesMax: Int
    private var random: SeededRandom

    init(inputs: [[UInt8]], bytesMax: Int, seed: UInt64) {
        self.inputs = inputs
        self.bytesMax = bytesMax
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> [UInt8] {
        var bytes = inputs.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&bytes) }
        return Array(bytes.prefix(bytesMax))
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
        switch Int.random(in: 0..<7, using: &random) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1 where place < bytes.count: bytes[place] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x0a].randomElement(using: &random) ?? 0
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 4: bytes.insert(contentsOf: (inputs.randomElement(using: &random) ?? []).suffix(Int.random(in: 1...64, using: &random)), at: place)
        case 5: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
        default:
            let limits: [UInt32] = [.max, 0x7fff_ffff, 0x8000_0000, 0, UInt32(bytes.count)]
            let number: UInt32 = limits.randomElement(using: &random) ?? 0
            for offset in 0..<4 where place + offset < bytes.count { bytes[place + offset] = UInt8(truncatingIfNeeded: number >> (8 * offset)) }
        }
    }
}
