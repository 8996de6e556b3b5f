// Attacks that need the Swift runtime: traps, tasks without end, threads of Dispatch that nobody owns.
// Speaks the C ABI itself, so that the suite depends on nothing that it tests.
import Dispatch
import Glibc

nonisolated(unsafe) private var host: UnsafePointer<limen_host>!
nonisolated(unsafe) private var plugin = limen_plugin()
nonisolated(unsafe) private var call: OpaquePointer?

/// The plugin's name as its configuration `{"name": "..."}` gives it.
private func ownName() -> String {
    let config = UnsafeBufferPointer(start: host.pointee.config.data, count: host.pointee.config.length)
    let parts = String(decoding: config, as: UTF8.self).split(separator: "\"")
    return parts.count == 5 ? String(parts[3]) : "hostile-swift"
}

private let description = """
    {"name":"\(ownName())","version":"1.0.0","tools":[{"name":"run","description":"Runs one attack.",\
    "input_schema":{"type":"object","properties":{"case":{"type":"string"},"argument":{"type":"string"}},\
    "required":["case"],"additionalProperties":false},\
    "output_schema":{"type":"object","properties":{"case":{"type":"string"},"saw":{"type":"object",\
    "additionalProperties":{"type":"string"}}},"required":["saw"],"additionalProperties":false}}]}
    """

private func answer(_ text: String) {
    let json = Array("{\"saw\":{\"swift\":\"\(text)\"}}".utf8)
    let call = call
    json.withUnsafeBufferPointer { bytes in
        host.pointee.complete(call, limen_bytes(data: bytes.baseAddress, length: bytes.count), nil, 0)
    }
}

@inline(never) private func recurse(_ depth: Int) -> Int { depth == -1 ? 0 : recurse(depth + 1) &+ depth }
@inline(never) private func none() -> Int? { getpid() < 0 ? 1 : nil }

private func spinForEver() -> Never { while true { sched_yield() } }

private func taskBomb() async {
    await withTaskGroup(of: Int.self) { group in
        for index in 0..<20_000 {
            group.addTask {
                await Task.yield(); return index
            }
        }
        var sum = 0
        for await value in group { sum &+= value }
        answer("sum \(sum)")
    }
}

private func run(_ name: String) {
    switch name {
    case "ordinary": Task { answer(await Task { "async" }.value) }
    case "force-unwrap": answer("\(none()!)")
    case "out-of-bounds": answer("\([1, 2, 3][Int(getpid()) + 100])")
    case "overflow": answer("\(Int.max - Int(getpid()) + Int.max)")
    case "fatal-error": fatalError("hostile")
    case "recursion": answer("\(recurse(0))")
    case "task-bomb": Task { await taskBomb() }
    case "task-storm": Task { while true { Task.detached { spinForEver() } } }
    case "threads":
        for _ in 0..<200 { DispatchQueue(label: "hostile").async { sleep(1000) } }
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(500)) { answer("threads") }
    case "linger":
        for _ in 0..<8 { Task.detached { spinForEver() } }
        answer("lingering")
    case "memory":
        var blocks: [[UInt8]] = []
        while true { blocks.append([UInt8](repeating: 7, count: 1 << 20)) }
    case "never": break
    case "block-pool":
        for _ in 0..<64 { Task.detached { sleep(1000) } }
    default: answer("no such case")
    }
}

/// Hands the host the table of this library's one tool.
@_cdecl("limen_plugin_entry")
public func entry(_ given: UnsafePointer<limen_host>?) -> UnsafePointer<limen_plugin>? {
    host = given
    plugin.size = UInt32(MemoryLayout<limen_plugin>.size)
    plugin.abi = LIMEN_ABI_VERSION
    let bytes = Array(description.utf8)
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    copy.initialize(from: bytes, count: bytes.count)
    plugin.description = limen_bytes(data: copy, length: bytes.count)
    plugin.call = { _, given, request in
        call = given
        guard let request else { return }
        let text = String(decoding: UnsafeBufferPointer(start: request.pointee.input.data, count: request.pointee.input.length), as: UTF8.self)
        let parts = text.split(separator: "\"")
        guard let at = parts.firstIndex(of: "case"), at + 2 < parts.count else { return }
        run(String(parts[at + 2]))
    }
    return withUnsafePointer(to: &plugin) { UnsafePointer($0) }
}
