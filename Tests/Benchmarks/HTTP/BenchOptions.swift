/// What the command line says: `--name number` pairs, all of them optional.
struct BenchOptions: Sendable {
    /// What was wrong with it.
    struct Failure: Error, CustomStringConvertible { let description: String }

    private var numbers: [String: Int] = [
        "port": 0, "loops": 0, "connections": 50_000, "per-address": 50_000, "head-ms": 10_000, "idle-ms": 120_000,
    ]

    init(_ words: [String]) throws {
        var index = 0
        while index < words.count {
            let name = words[index].hasPrefix("--") ? String(words[index].dropFirst(2)) : words[index]
            guard numbers[name] != nil else { throw Failure(description: "there is no option \(words[index]): \(numbers.keys.sorted())") }
            guard index + 1 < words.count, let number = Int(words[index + 1]), number >= 0 else {
                throw Failure(description: "\(words[index]) is followed by a number")
            }
            numbers[name] = number
            index += 2
        }
    }

    subscript(name: String) -> Int { numbers[name] ?? 0 }
}
