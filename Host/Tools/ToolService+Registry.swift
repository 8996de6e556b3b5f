import IO
import JSON
package import Registry
import Supervisor
import WorkerProtocol
package import Workers

/// Keeps the callable tools equal to the registry's.
extension ToolService {
    /// Takes over what the registry says now: new calls go to new versions, calls in flight finish on the old, what is gone is drained.
    ///
    /// Call it after every reload, enable, disable and removal.
    package func synchronise() {
        guard let registry else { return }
        let snapshot = registry.snapshot()
        let present = directory.withLock { directory in directory.pools.mapValues { $0.generation } }
        for record in snapshot.plugins.values where record.state.isCallable && present[record.name] != record.generation {
            let pool = workers.add(PluginSpec(record, spares: options.spares, queueMax: options.queueMax))
            registry.markWarming(record.name, generation: record.generation)
            let specs = record.tools.map { ToolSpec($0, of: record, timeoutMilliseconds: options.timeoutMillisecondsDefault) }
            retire(install(specs, plugin: record.name, pool: pool, generation: record.generation))
        }
        for plugin in present.keys {
            let state = snapshot.plugins[plugin]?.state
            // A broken plugin stays known, so that its calls say that it is broken.
            if state == .broken || state?.isCallable == true { continue }
            retire(uninstall(plugin))
        }
    }

    private func retire(_ pool: PluginPool?) {
        guard let pool else { return }
        scope.start(on: workers.eventLoop) {
            await self.workers.remove(pool, until: .after(milliseconds: ToolLimits.replacedMilliseconds))
        }
    }
}

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
            config: JSONValue.object(manifest.config).serialized(), check: { Description.refusal($0, manifest) })
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
        return toolsRefusal(value["tools"]?.arrayValue ?? [], manifest)
    }

    private static func toolsRefusal(_ tools: [JSONValue], _ manifest: Manifest) -> String? {
        guard tools.count == manifest.tools.count else { return "it has \(tools.count) tools, the manifest \(manifest.tools.count)" }
        var seen: Set<String> = []
        for tool in tools {
            guard let name = tool["name"]?.stringValue, let approved = manifest.tool(name), seen.insert(name).inserted else {
                return "its tool \((tool["name"]?.stringValue ?? "without a name").printable(bytesMax: 64)) is not in the manifest"
            }
            if let schema = tool["input_schema"], schema != approved.inputSchema { return "the input schema of \(name) is not the approved one" }
            let output = tool["output_schema"]
            if let output, !output.isNull, output != approved.outputSchema { return "the output schema of \(name) is not the approved one" }
        }
        return nil
    }
}
