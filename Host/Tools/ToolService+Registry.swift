import IO
import JSON
package import Registry
import Supervisor
import WorkerProtocol
package import Workers

extension PluginSpec {
    /// Workers for a registered plugin.
    package init(_ record: PluginRecord, spares: Int = 1, queueMax: Int = SupervisorLimits.waitersMax) {
        let manifest = record.manifest
        let limits = manifest.limits
        var jail = WorkerLimits()
        jail.memoryBytes = UInt64(limits.memoryBytes)
        jail.cpuPercent = UInt32(limits.cpuPercent)
        jail.tasks = UInt32(limits.tasks)
        jail.scratchBytes = UInt64(limits.scratchBytes)
        jail.openFiles = UInt32(limits.openFiles)
        let mode = IsolationMode(manifest.isolation)
        let pool = WorkerPool.Settings(
            mode: mode, workersMax: limits.workers, spares: mode == .call ? max(2, spares) : spares,
            waitersMax: queueMax, callsPerWorkerMax: limits.workerCalls,
            idleMillisecondsMax: limits.idleMilliseconds, ageMillisecondsMax: limits.workerLifetimeMilliseconds)
        let files = record.bundle.files.map {
            VerifiedFile(
                path: $0.path, device: $0.device, inode: $0.inode, size: UInt64($0.size), changeSeconds: $0.changeSeconds,
                changeNanoseconds: $0.changeNanoseconds)
        }
        self.init(
            name: record.name, version: record.version, bundlePath: record.bundle.path, bundleDescriptor: record.bundle.directory.descriptor,
            bundleOwner: record.bundle.directory, files: files, library: manifest.library, limits: jail,
            frames: FrameLimits(inputBytesMax: limits.inputBytes, outputBytesMax: limits.outputBytes), pool: pool,
            config: JSONValue.object(manifest.config).serialized(), generation: record.generation, check: { Description.refusal($0, manifest) })
    }
}

/// Compares what a plugin says of itself at run time with what was approved.
enum Description {
    /// Why the plugin is refused, or nil.
    static func refusal(_ ready: ReadyPayload, _ manifest: Manifest) -> String? {
        guard Int(ready.abi) == manifest.abi else { return "it speaks ABI \(ready.abi), the manifest says \(manifest.abi)" }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: ready.description, limits: JSONLimits(bytesMax: 4 << 20, depthMax: ToolLimits.depthMax))
        } catch {
            return "its description is not JSON: \(error.message)"
        }
        if let name = value["name"]?.stringValue, name != manifest.name { return "it calls itself \(name.printable(bytesMax: 64))" }
        return toolsRefusal(value["tools"]?.arrayValue ?? [], manifest) ?? adaptersRefusal(value["adapters"]?.arrayValue ?? [], manifest)
    }

    /// An adapter that was granted must be there; what was not granted is not called.
    private static func adaptersRefusal(_ adapters: [JSONValue], _ manifest: Manifest) -> String? {
        let offered = Set(adapters.compactMap { $0["type"]?.stringValue })
        let missing = manifest.adapters.first { !offered.contains($0.kind.rawValue) }
        return missing.map { "it has no adapter \($0.kind.rawValue)" }
    }

    private static func toolsRefusal(_ tools: [JSONValue], _ manifest: Manifest) -> String? {
        guard tools.count == manifest.tools.count else { return "it has \(tools.count) tools, the manifest \(manifest.tools.count)" }
        var seen: Set<String> = []
        for tool in tools {
            guard let name = tool["name"]?.stringValue, let approved = manifest.tool(name), seen.insert(name).inserted else {
                return "its tool \((tool["name"]?.stringValue ?? "without a name").printable(bytesMax: 64)) is not in the manifest"
            }
            if let member = difference(tool, approved) { return "the \(member) of \(name) is not the approved one" }
        }
        return nil
    }

    /// The pinned member that a library states otherwise than it was approved; what it does not state, the manifest says alone.
    private static func difference(_ tool: JSONValue, _ approved: ToolManifest) -> String? {
        if let text = tool["description"], text != .string(approved.description) { return "description" }
        if let schema = tool["input_schema"], schema != approved.inputSchema { return "input_schema" }
        if let schema = tool["output_schema"], !schema.isNull, schema != approved.outputSchema { return "output_schema" }
        return nil
    }
}
