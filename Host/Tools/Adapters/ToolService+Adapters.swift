import IO
import JSON
import Registry
package import Supervisor

/// Adapters take the one call path too; what differs is how they are found, what they may say, and how long.
extension ToolService {
    /// Calls an adapter and drops its events.
    package func call(_ call: AdapterCall) async -> ToolOutcome { await self.call(call, events: NoEvents()) }

    /// Calls an adapter: resolve by kind and model, then as a tool. Never throws: every end is an outcome.
    ///
    /// An error says in `details.events` how many events came before it, if any did. Nothing is tried again after the first.
    package func call(_ call: AdapterCall, events: any ToolEventSink) async -> ToolOutcome {
        switch resolve(call.kind, call.model) {
        case .failure(let error): return ToolOutcome(result: .failure(error), usage: CallUsage(), tool: nil, version: nil)
        case .success(let (entry, model)):
            var tool = ToolCall(
                tool: entry.spec.id, input: Self.naming(model, in: call.input), caller: call.caller, requestID: call.requestID,
                traceparent: call.traceparent, timeoutMilliseconds: call.timeoutMilliseconds)
            tool.model = "\(entry.spec.plugin)/\(model)"
            return await self.call(tool, events: events)
        }
    }

    /// Every model that an installed plugin offers for a kind, sorted by plugin and model.
    package func adapters(of kind: AdapterKind) -> [AdapterView] {
        let entries = directory.withLock { directory in directory.adapters(of: kind) }
        let snapshot = registry?.snapshot()
        var views = entries.flatMap { entry in
            let record = snapshot?.plugins[entry.spec.plugin]
            // What serves is ready, also beside a new version that does not load.
            return Self.views(entry.spec, breaker: entry.breakerPhase, state: record?.manifest.isEnabled == false ? "disabled" : "ready")
        }
        let served = Set(entries.map(\.spec.plugin))
        for record in snapshot?.plugins.values.map({ $0 }) ?? [] where !served.contains(record.name) {
            for spec in ToolSpec.adapters(of: record) where spec.adapter == kind {
                views += Self.views(spec, breaker: .closed, state: record.state == .broken ? "broken" : "disabled")
            }
        }
        return views.sorted { ($0.plugin, $0.model ?? "") < ($1.plugin, $1.model ?? "") }
    }

    private static func views(_ spec: ToolSpec, breaker: Breaker.Phase, state: String) -> [AdapterView] {
        guard let kind = spec.adapter else { return [] }
        let models: [String?] = spec.models.isEmpty ? [nil] : spec.models.map { $0 }
        return models.map { AdapterView(plugin: spec.plugin, version: spec.version, kind: kind, model: $0, breaker: breaker, state: state) }
    }

    // MARK: Who serves a model

    /// The adapter that serves a model, and the name by which it knows the model.
    func resolve(_ kind: AdapterKind, _ name: String) -> Result<(ToolEntry, model: String), ToolError> {
        let entries = directory.withLock { $0.adapters(of: kind) }
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, let entry = entries.first(where: { $0.spec.plugin == parts[0] }) {
            let model = String(parts[1])
            if !model.isEmpty, entry.spec.models.isEmpty || entry.spec.models.contains(model) { return .success((entry, model)) }
        }
        let offering = entries.filter { $0.spec.models.contains(name) }
        if offering.count == 1 { return .success((offering[0], name)) }
        if offering.isEmpty { return .failure(unavailable(kind, name)) }
        return .failure(
            ToolError(
                .notFound, "several plugins offer this model; say which: plugin/model",
                ["reason": "ambiguous_model", "models": .array(offering.map { .string("\($0.spec.plugin)/\(name)") })]))
    }

    private func unavailable(_ kind: AdapterKind, _ name: String) -> ToolError {
        let known = adapters(of: kind).first { $0.state != "ready" && ($0.model == name || $0.name == name || name.hasPrefix($0.plugin + "/")) }
        if let known {
            return ToolError(
                .notFound, "the plugin \(known.plugin), which offers this model, is \(known.state)", ["reason": .string(known.state)])
        }
        return ToolError(
            .notFound, "no adapter for \(kind.rawValue) offers this model; a plugin without a list of models takes any as plugin/model",
            ["reason": "unknown_model"])
    }

    /// The input with the model's own name in it; what is no object is left for validation to refuse.
    private static func naming(_ model: String, in input: [UInt8]) -> [UInt8] {
        let limits = JSONLimits(bytesMax: max(input.count, 1), depthMax: ToolLimits.depthMax)
        // try?: what is no JSON is refused with its place by the schema check that follows.
        guard let value = try? JSONValue(parsing: input, limits: limits), case .object(var object) = value, object["model"] != .string(model)
        else { return input }
        object["model"] = .string(model)
        return JSONValue.object(object).serialized()
    }
}

extension ToolService.Directory {
    /// The adapters of a kind that new calls may go to, sorted by plugin.
    func adapters(of kind: AdapterKind) -> [ToolEntry] {
        serving.keys.sorted().compactMap { plugin in serving[plugin]?.entries.values.first { $0.spec.adapter == kind } }
    }
}

extension ToolSpec {
    /// The adapters of a plugin: one a kind, with the models of all that its manifest names.
    static func adapters(of record: PluginRecord) -> [ToolSpec] {
        let manifest = record.manifest
        var kinds: [AdapterKind] = []
        for adapter in manifest.adapters where !kinds.contains(adapter.kind) { kinds.append(adapter.kind) }
        return kinds.map { kind in
            let lists = manifest.adapters.filter { $0.kind == kind }.map(\.models)
            return ToolSpec(
                adapter: kind, models: lists.contains([]) ? [] : lists.flatMap { $0 }, plugin: record.name, version: record.version,
                inputBytesMax: manifest.limits.inputBytes, isolation: IsolationMode(manifest.isolation), keepsState: manifest.state == .keyValue)
        }
    }

    /// An adapter; `models` is empty for one that takes any.
    package init(
        adapter kind: AdapterKind, models: [String], plugin: String, version: String, inputBytesMax: Int = 1 << 20,
        isolation: IsolationMode = .tenant, keepsState: Bool = false
    ) {
        let (schemas, caps) = (AdapterContract.schemas(kind), AdapterCaps(kind))
        // An answer has no effect but its price, so it may be asked for again as long as nothing of it was heard. Training has.
        self.init(
            id: "\(plugin).\(kind.rawValue)", name: kind.rawValue, plugin: plugin, version: version, input: schemas.input, output: schemas.output,
            isIdempotent: kind != .modelTrain, timeoutMilliseconds: caps.total, inputBytesMax: inputBytesMax, isolation: isolation,
            keepsState: keepsState)
        (adapter, self.models, silenceMilliseconds) = (kind, models, caps.silence)
    }
}
