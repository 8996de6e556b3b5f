import JSON
import Synchronization

/// One tool or adapter with its types erased: bytes in, bytes out.
protocol Runner: Sendable {
    func run(_ input: [UInt8], _ context: ToolContext) async throws -> [UInt8]
}

struct ToolRunner<T: Tool>: Runner {
    let tool: T
    let decoder: InputDecoder<T.Input>

    func run(_ input: [UInt8], _ context: ToolContext) async throws -> [UInt8] {
        let output = try await tool.call(decoder.decode(input), context)
        return try encodeOutput(output)
    }
}

struct AdapterRunner<A: Adapter>: Runner {
    let adapter: A
    let decoder: InputDecoder<A.Input>

    func run(_ input: [UInt8], _ context: ToolContext) async throws -> [UInt8] {
        var output: [UInt8]?
        for try await event in try await adapter.stream(decoder.decode(input), context) {
            try context.checkCancellation()
            switch event {
            case .token(let text): context.token(text)
            case .progress(let fraction, let message): context.progress(fraction, message)
            case .output(let value): output = try encodeOutput(value)
            }
        }
        guard let output else { throw PluginError("no_output", "The adapter's stream ended without an output.") }
        return output
    }
}

/// Turns a call's bytes into its input type, filling in defaults. The schema that has them is asked for at the first call.
final class InputDecoder<Input: Codable & Sendable>: Sendable {
    private let schema: @Sendable () throws -> JSONValue
    /// Nil until the first call; then whether there are defaults, and which.
    private let plan = Mutex<DefaultsPlan??>(nil)

    init(schema: @escaping @Sendable () throws -> JSONValue) { self.schema = schema }

    private func defaults() throws -> DefaultsPlan? {
        try plan.withLock { plan in
            if let plan { return plan }
            let made = DefaultsPlan(try schema())
            plan = .some(made)
            return made
        }
    }

    func decode(_ bytes: [UInt8]) throws -> Input {
        do {
            var value = try JSONValue(parsing: bytes, limits: Limits.input)
            if let defaults = try defaults() { value = defaults.applied(to: value) }
            if let value = value as? Input { return value }
            return try JSONCoder.decode(Input.self, from: value)
        } catch {
            throw PluginError("invalid_input", "The input cannot be read: \(error)")
        }
    }
}

private func encodeOutput<Output: Codable>(_ output: Output) throws -> [UInt8] {
    do {
        if let value = output as? JSONValue { return value.serialized() }
        return try JSONCoder.encode(output).serialized()
    } catch {
        throw PluginError("invalid_output", "The output cannot be written: \(error)")
    }
}
