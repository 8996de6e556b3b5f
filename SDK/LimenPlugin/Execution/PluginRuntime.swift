import JSON
import PluginABI

/// A plugin that a host has loaded: its tools, its executor and the calls in flight.
///
/// SAFETY: `@unchecked Sendable` because everything is constant but `running`, which only the worker's main thread touches:
/// the ABI calls `call`, `cancel` and `stop` there, and the executor runs the tasks' ends there.
final class PluginRuntime: @unchecked Sendable {
    private let host: HostTable
    private let executor: MainExecutor
    private let runners: [String: any Runner]
    private let offer: OfferedTools
    private let config: JSONValue
    private let scratch: String
    private var running: [OpaquePointer: Task<Void, Never>] = [:]

    init(plugin: Plugin, host: HostTable) throws {
        self.host = host
        executor = MainExecutor(host: host)
        let configBytes = host.config
        config = configBytes.isEmpty ? .object([:]) : try JSONValue(parsing: configBytes, limits: Limits.input)
        scratch = host.scratch
        offer = try OfferedTools(plugin: plugin, offer: plugin.make(config))
        runners = offer.runners
    }

    /// Gives the host the C view of the plugin; both live as long as the process.
    ///
    /// Schemas are derived only if the host wants them: that takes longer than all the rest of a start, and only the first worker of a version is asked.
    func publish() throws -> UnsafePointer<limen_plugin> {
        let bytes = immortalCopy(host.wantsDescription ? try offer.description().serialized() : [])
        let entry = UnsafeMutablePointer<limen_plugin>.allocate(capacity: 1)
        entry.initialize(
            to: limen_plugin(
                size: UInt32(MemoryLayout<limen_plugin>.size), abi: LIMEN_ABI_VERSION,
                description: limen_bytes(data: bytes.baseAddress, length: bytes.count),
                state: Unmanaged.passRetained(self).toOpaque(),
                call: { PluginRuntime.at($0).call($1, $2) },
                cancel: { PluginRuntime.at($0).cancel($1) },
                stop: { PluginRuntime.at($0).stop() }))
        return UnsafePointer(entry)
    }

    private static func at(_ state: UnsafeMutableRawPointer?) -> PluginRuntime {
        guard let state else { preconditionFailure("the host lost the plugin's state") }
        return Unmanaged<PluginRuntime>.fromOpaque(state).takeUnretainedValue()
    }

    private func call(_ call: OpaquePointer?, _ request: UnsafePointer<limen_request>?) {
        guard let call, let request = request.map(PluginRuntime.copy) else { return }
        let handle = CallHandle(call, host: host, executor: executor)
        let tool = String(request.tool)
        guard let runner = runners[tool] else {
            return handle.fail(PluginError("unknown_tool", "The plugin has no tool called \(tool)."))
        }
        let input = [UInt8](request.input)
        let context = context(for: request, handle)
        let key = CallHandle.Raw(pointer: call)
        executor.run {
            running[call] = Task(executorPreference: executor) {
                let result = await PluginRuntime.outcome(of: runner, input, context)
                self.finish(key, handle, result)
            }
        }
    }

    /// The request as this SDK knows it; what an older host did not know of is empty.
    private static func copy(_ pointer: UnsafePointer<limen_request>) -> limen_request {
        var request = limen_request()
        withUnsafeMutableBytes(of: &request) { copy in
            copy.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(Int(pointer.pointee.size), copy.count)))
        }
        return request
    }

    private static func outcome(of runner: any Runner, _ input: [UInt8], _ context: ToolContext) async -> Result<[UInt8], PluginError> {
        do {
            return .success(try await runner.run(input, context))
        } catch {
            return .failure(.reporting(error))
        }
    }

    private func finish(_ call: CallHandle.Raw, _ handle: CallHandle, _ result: Result<[UInt8], PluginError>) {
        // Before the host hears of the end: it may reuse the pointer for the next call at once.
        running[call.pointer] = nil
        switch result {
        case .success(let output): handle.complete(output)
        case .failure(let error): handle.fail(error)
        }
    }

    private func context(for request: limen_request, _ handle: CallHandle) -> ToolContext {
        let raw = UnsafeBufferPointer(start: request.attachments, count: request.attachments == nil ? 0 : Int(request.attachment_count))
        let attachments = raw.map {
            Attachment(name: String($0.name), contentType: String($0.content_type), data: [UInt8]($0.data))
        }
        return ToolContext(
            handle: handle, requestID: String(request.request_id), traceparent: String(request.traceparent), attachments: attachments, config: config,
            scratch: scratch,
            deadlineNanoseconds: handle.deadlineNanoseconds)
    }

    private func cancel(_ call: OpaquePointer?) {
        guard let call else { return }
        executor.run { running[call]?.cancel() }
    }

    private func stop() {
        executor.run { for task in running.values { task.cancel() } }
    }
}
