import JSON
import LimenPlugin

struct Count: Codable, Sendable {
    @Field("How much work.", minimum: 1, maximum: 100_000) var count: Int = 10
}

struct Sum: Codable, Sendable {
    var sum: Int
}

/// Returns its input, whatever it is.
struct EchoProbe: Tool {
    static let name = "echo"
    static let description = "Returns its input."
    func call(_ input: JSONValue, _ context: ToolContext) async throws -> JSONValue { input }
}

private actor Counter {
    private var total = 0
    func add(_ number: Int) -> Int {
        total += number
        return total
    }
}

/// Actor hops.
struct ActorProbe: Tool {
    static let name = "actors"
    static let description = "Adds numbers on an actor."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        let counter = Counter()
        var sum = 0
        for number in 1...input.count { sum = await counter.add(number) }
        return Sum(sum: sum)
    }
}

/// Task groups.
struct GroupProbe: Tool {
    static let name = "groups"
    static let description = "Adds numbers in a task group."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...min(input.count, 1_000) {
                group.addTask {
                    await Task.yield()
                    return number
                }
            }
            return Sum(sum: try await group.reduce(0, +))
        }
    }
}

/// `async let`.
struct AsyncLetProbe: Tool {
    static let name = "async_let"
    static let description = "Adds two halves at once."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        async let odd = half(input.count, remainder: 1)
        async let even = half(input.count, remainder: 0)
        return Sum(sum: await odd + even)
    }

    private func half(_ count: Int, remainder: Int) async -> Int {
        (1...count).filter { $0 % 2 == remainder }.reduce(0, +)
    }
}

/// `Task.sleep`, which starts Dispatch's threads.
struct SleepProbe: Tool {
    static let name = "sleep"
    static let description = "Sleeps for so many milliseconds, in ten tasks."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...10 {
                group.addTask {
                    try await Task.sleep(for: .milliseconds(input.count))
                    return number
                }
            }
            return Sum(sum: try await group.reduce(0, +))
        }
    }
}

private protocol Shape { var area: Int { get } }
private protocol Named { var name: String { get } }
private struct Square: Shape, Named {
    let side: Int
    var area: Int { side * side }
    var name: String { "square" }
}
private final class Circle: Shape { let area = 3 }

/// Casts to protocols, dynamic dispatch and reflection.
struct CastProbe: Tool {
    static let name = "casts"
    static let description = "Casts values to protocols."
    struct Output: Codable, Sendable {
        var areas: Int
        var names: [String]
        var sendable: Bool
        var mirrored: [String]
    }
    func call(_ input: Count, _ context: ToolContext) async throws -> Output {
        let values: [Any] = [Square(side: 2), Circle(), "text", 7, [1, 2], ["a": 1.5]]
        let error: any Error = PluginError("x", "y")
        return Output(
            areas: values.compactMap { ($0 as? any Shape)?.area }.reduce(0, +), names: values.compactMap { ($0 as? any Named)?.name },
            sendable: error as? PluginError != nil && (values[4] as? [Int]) == [1, 2] && (values[5] as? any Collection)?.count == 1,
            mirrored: Mirror(reflecting: Square(side: 3)).children.map { "\($0.label ?? ""):\($0.value)" })
    }
}

private protocol Monoid {
    static var zero: Self { get }
    func joined(_ other: Self) -> Self
}
extension Int: Monoid { fileprivate func joined(_ other: Int) -> Int { self + other } }
extension String: Monoid {
    fileprivate static var zero: String { "" }
    fileprivate func joined(_ other: String) -> String { self + other }
}
private struct Tree<Leaf: Monoid & Sendable>: Sendable {
    indirect enum Node: Sendable { case leaf(Leaf), pair(Node, Node) }
    let root: Node
    func folded() -> Leaf { fold(root) }
    private func fold(_ node: Node) -> Leaf {
        switch node {
        case .leaf(let leaf): leaf
        case .pair(let left, let right): fold(left).joined(fold(right))
        }
    }
}

/// Generics that are specialised and generics that are not.
struct GenericProbe: Tool {
    static let name = "generics"
    static let description = "Folds generic trees."
    struct Output: Codable, Sendable {
        var number: Int
        var text: String
    }
    func call(_ input: Count, _ context: ToolContext) async throws -> Output {
        func tree<Leaf: Monoid & Sendable>(_ leaf: Leaf, _ depth: Int) -> Tree<Leaf>.Node {
            depth == 0 ? .leaf(leaf) : .pair(tree(leaf, depth - 1), tree(leaf, depth - 1))
        }
        let depth = min(input.count, 8)
        return Output(number: Tree(root: tree(1, depth)).folded(), text: Tree(root: tree("a", depth)).folded())
    }
}

/// Codable with nesting, optionals, enums and dictionaries.
struct CodableProbe: Tool {
    static let name = "codable"
    static let description = "Decodes and encodes nested values."
    enum Kind: String, Codable, CaseIterable, Sendable { case small, large }
    struct Item: Codable, Sendable {
        var kind: Kind
        var size: Double?
        var tags: [String: [Int]]
        var when: DateTime?
    }
    struct Input: Codable, Sendable { var items: [Item] }
    func call(_ input: Input, _ context: ToolContext) async throws -> Input {
        let copy = try JSONCoder.decode([Item].self, from: JSONCoder.encode(input.items))
        return Input(items: copy.reversed())
    }
}

/// Every probe in turn, for constant load.
struct MixedProbe: Tool {
    static let name = "mixed"
    static let description = "Runs the other probes in turn; for constant load."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        let small = Count(count: 5)
        var sum = 0
        for _ in 1...min(input.count, 1_000) {
            try context.checkCancellation()
            sum += try await ActorProbe().call(small, context).sum
            sum += try await GroupProbe().call(small, context).sum
            sum += try await AsyncLetProbe().call(small, context).sum
            sum += try await CastProbe().call(small, context).areas
            sum += try await GenericProbe().call(small, context).number
            sum += try await SleepProbe().call(Count(count: 1), context).sum
            sum += try await DetachedProbe().call(small, context).sum
        }
        return Sum(sum: sum)
    }
}

/// Events before the end.
struct StreamProbe: Tool {
    static let name = "stream"
    static let description = "Emits progress, tokens and partial results."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        for number in 1...min(input.count, 100) {
            context.progress(Double(number) / Double(input.count), "step \(number)")
            context.token("\(number) ")
            try context.partial(Sum(sum: number))
            await Task.yield()
        }
        return Sum(sum: input.count)
    }
}

/// Waits until it is cancelled.
struct WaitProbe: Tool {
    static let name = "wait"
    static let description = "Sleeps until it is cancelled."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        try await Task.sleep(for: .seconds(3_600))
        return Sum(sum: 0)
    }
}

/// Computes until it is cancelled, asking only the context.
struct SpinProbe: Tool {
    static let name = "spin"
    static let description = "Computes until it is cancelled."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        while true {
            try context.checkCancellation()
            await Task.yield()
        }
    }
}

/// Work on the global executor's threads, owned and awaited.
struct DetachedProbe: Tool {
    static let name = "detached"
    static let description = "Adds numbers on the runtime's own threads."
    func call(_ input: Count, _ context: ToolContext) async throws -> Sum {
        let numbers = 1...input.count
        let task = Task.detached { numbers.reduce(0, +) }
        return Sum(sum: await task.value)
    }
}

/// What no two calls have in common, and a replay has: randomness, a set's order, clocks around a sleep.
struct ChanceProbe: Tool {
    struct Seen: Codable, Sendable {
        var random: String
        var order: String
        var sleptMilliseconds: Int
    }

    static let name = "chance"
    static let description = "Tells what it sees of chance and time."
    func call(_ input: Count, _ context: ToolContext) async throws -> Seen {
        let random = String(UInt64.random(in: .min ... .max), radix: 16)
        let order = Set((0..<40).map { "word \($0)" }).joined(separator: ",")
        let clock = ContinuousClock()
        let before = clock.now
        try await Task.sleep(for: .milliseconds(input.count))
        let slept = (clock.now - before) / .milliseconds(1)
        return Seen(random: random, order: order, sleptMilliseconds: Int(slept))
    }
}

/// An adapter that streams.
struct CountingChat: Adapter {
    static let type = AdapterType.modelChat
    static let models = ["counting"]
    typealias Input = Count
    typealias Output = Sum
    func stream(_ input: Count, _ context: ToolContext) async throws -> AsyncThrowingStream<AdapterEvent<Sum>, any Error> {
        AsyncThrowingStream { continuation in
            for number in 1...input.count { continuation.yield(.token("\(number) ")) }
            continuation.yield(.output(Sum(sum: input.count)))
            continuation.finish()
        }
    }
}
