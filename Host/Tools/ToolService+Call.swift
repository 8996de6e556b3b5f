import IO
import JSON
import JSONSchema
import Supervisor
import WorkerProtocol
import Workers

extension ToolService {
    /// Calls a tool and drops its events.
    package func call(_ call: ToolCall) async -> ToolOutcome { await self.call(call, events: NoEvents()) }

    /// Calls a tool: resolve, authorise, limit, breaker, validate, worker, validate, account, audit. Never throws: every end is an outcome.
    package func call(_ call: ToolCall, events: any ToolEventSink) async -> ToolOutcome {
        let began = Deadline.now()
        guard var (entry, trial) = route(call) else {
            return ToolOutcome(result: .failure(unknown(call.tool)), usage: CallUsage(), tool: nil, version: nil)
        }
        entry.statistics.began()
        var usage = CallUsage()
        usage.inputBytes = call.input.count
        var outcome = ToolOutcome(result: .failure(.cancelled), usage: usage, tool: entry.spec.id, version: entry.spec.version)
        if let refusal = Self.refusal(call, entry) {
            outcome.result = .failure(refusal)
            entry.statistics.ended(outcome)
            return outcome
        }
        outcome.result = await admitted(call, entry, trial, began, &usage, events)
        // A reload took the workers away before the plugin saw the call: the version that is in force now serves it, by its own schema.
        while case .failure(let error) = outcome.result, error == .drainedBefore, let newer = route(call), newer.entry !== entry,
            Self.refusal(call, newer.entry) == nil, !Task.isCancelled
        {
            entry.statistics.ended(outcome)
            (entry, trial) = newer
            entry.statistics.began()
            outcome.version = entry.spec.version
            outcome.result = await admitted(call, entry, trial, began, &usage, events)
        }
        usage.wallNanoseconds = Deadline.now().nanoseconds &- began.nanoseconds
        if case .success(let reply) = outcome.result { usage.outputBytes = reply.output.count }
        outcome.usage = usage
        if let refusal = await account(call, entry, outcome) { outcome.result = .failure(refusal) }
        entry.statistics.ended(outcome)
        return outcome
    }

    /// Why this version does not serve a call that was made for another.
    private static func refusal(_ call: ToolCall, _ entry: ToolEntry) -> ToolError? {
        guard let wanted = call.version, wanted != entry.spec.version else { return nil }
        return ToolError(
            .conflict, "version \(wanted) of this tool was called and version \(entry.spec.version) serves now; look at it and call again",
            ["reason": "version"])
    }

    private func unknown(_ tool: String) -> ToolError {
        let ids = directory.withLock { $0.byName[tool] ?? [] }
        if ids.count > 1 {
            return ToolError(.notFound, "several plugins have a tool of this name; use an id", ["ids": .array(ids.sorted().map { .string($0) })])
        }
        return ToolError(.notFound, "there is no such tool")
    }

    /// Everything before the worker that can say no.
    private func admitted(
        _ call: ToolCall, _ entry: ToolEntry, _ trial: Trial?, _ began: Deadline, _ usage: inout CallUsage, _ sink: any ToolEventSink
    ) async -> Result<ToolReply, ToolError> {
        if entry.spec.isPrivileged {
            // TOOL-7: only through an artifact that an admin owns; this host has no artifacts, so nobody may.
            return .failure(ToolError(.forbidden, "this tool is privileged: it is called only through an artifact that an admin owns"))
        }
        guard gate.enter(call.caller) else { return .failure(.busy("too many calls of this user are running")) }
        defer { gate.leave(call.caller) }
        let now = Moment(nanoseconds: began.nanoseconds)
        let token: Breaker.Token
        switch entry.admit(at: now) {
        case .admitted(let admitted): token = admitted
        case .refused(let wait):
            return .failure(
                ToolError(
                    .server, "this \(entry.spec.noun) has failed too often and is paused",
                    ["reason": "breaker_open", "retry_after_ms": .number(JSONNumber(wait))]))
        }
        let result = await validated(call, entry, began, &usage, sink)
        let verdict = Self.verdict(result, entry.spec)
        entry.record(verdict, token, at: Moment(nanoseconds: Deadline.now().nanoseconds))
        if let trial { observe(trial, entry, verdict) }
        return result
    }

    /// What a result says about the tool itself: the caller's own faults and the host's queues say nothing.
    private static func verdict(_ result: Result<ToolReply, ToolError>, _ spec: ToolSpec) -> ToolEntry.Verdict {
        switch result {
        case .success: return .success
        case .failure(let error):
            if error.details["reason"]?.stringValue == "plugin_error" {
                return PluginErrorCode.isOutage(error.details["plugin_code"]?.stringValue ?? "", of: spec.adapter) ? .failure : .success
            }
            // A provider whose answers break the contract is of no more use than one that is gone.
            if spec.adapter != nil, error.details["reason"]?.stringValue == "plugin_output" { return .failure }
            switch error.code {
            case .server: return error.details["reason"]?.stringValue == "draining" ? .neither : .failure
            case .validation, .unauthorized, .forbidden, .notFound, .rateLimited, .conflict: return .neither
            }
        }
    }

    private func validated(
        _ call: ToolCall, _ entry: ToolEntry, _ began: Deadline, _ usage: inout CallUsage, _ sink: any ToolEventSink
    ) async -> Result<ToolReply, ToolError> {
        if let error = Self.check(call.input, entry.spec) { return .failure(error) }
        let asked = min(call.timeoutMilliseconds ?? entry.spec.timeoutMilliseconds, entry.spec.timeoutMilliseconds)
        let cap = entry.spec.adapter == nil ? options.callMillisecondsMax : entry.spec.timeoutMilliseconds
        let deadline = began.adding(milliseconds: min(max(1, asked), cap))
        let result = await tried(call, entry, deadline, &usage, sink)
        guard case .success(var reply) = result, reply.contentType == .htmlUntrusted, call.wantsHTML else { return result }
        switch await sanitized(reply.output, call, deadline) {
        case .success(let html):
            reply.sanitizedHTML = html
            return .success(reply)
        case .failure(let error): return .failure(error)
        }
    }

    /// The input against its size and schema.
    static func check(_ input: [UInt8], _ spec: ToolSpec) -> ToolError? {
        guard input.count <= spec.inputBytesMax else {
            return ToolError(
                .validation, "the input has \(input.count) bytes; this \(spec.noun) takes \(spec.inputBytesMax)",
                ["where": "input", "limit_bytes": .number(JSONNumber(spec.inputBytesMax))])
        }
        do {
            let document = try JSONDocument(parsing: input, limits: JSONLimits(bytesMax: spec.inputBytesMax, depthMax: ToolLimits.depthMax))
            if spec.input.isValid(document) { return nil }
            return .schema("input", of: spec, spec.input.validate(document, failuresMax: ToolLimits.schemaFailuresMax))
        } catch {
            return .notJSON("input", error)
        }
    }

    // MARK: Tries

    /// One try after the other until one succeeds, none is left, or the deadline over all of them passes.
    private func tried(
        _ call: ToolCall, _ entry: ToolEntry, _ deadline: Deadline, _ usage: inout CallUsage, _ sink: any ToolEventSink
    ) async -> Result<ToolReply, ToolError> {
        let egress = ToolCallHost.EgressCount()
        let host = ToolCallHost(
            entry: entry, caller: call.caller, requestID: call.requestID, traceparent: call.traceparent, sink: sink, service: self, egress: egress,
            deadline: deadline,
            tape: call.tape, watch: watch(entry))
        defer {
            // Beside what went through tunnels.
            let fetched = egress.value
            usage.egressRequests += fetched.requests
            usage.egressBytes += fetched.bytes
        }
        let policy = call.retriesMax.map { RetryPolicy(retries: $0, isIdempotent: entry.spec.isIdempotent) } ?? entry.policy
        var tries = 0
        var lost = 0
        while true {
            tries += 1
            let request = workerCall(call, entry, deadline)
            let outcome =
                if let watch = host.watch {
                    await watch.run { await entry.pool.call(request, host: host) }
                } else {
                    await entry.pool.call(request, host: host)
                }
            usage.add(outcome.usage)
            if outcome.reachedPlugin { usage.begun += 1 }
            let (result, failure) = await conclude(outcome, call, entry, deadline, host.watch)
            guard let failure, host.watch?.events ?? 0 == 0 else { return host.watch?.telling(result) ?? result }
            if failure == .beforePlugin, case .died = outcome.end, lost < ToolLimits.lostWorkersMax, !Task.isCancelled {
                // The worker was dead, or dying, when it was chosen: another's fault, and no try of this call.
                lost += 1
                tries -= 1
                continue
            }
            let wait = policy.backoffMilliseconds(
                after: failure, tries: tries, random: .random(in: .min ... .max), at: Moment(nanoseconds: Deadline.now().nanoseconds),
                deadline: Moment(nanoseconds: deadline.nanoseconds))
            guard let wait else { return result }
            do {
                try await (EventLoop.current ?? workers.eventLoop).sleep(until: .after(milliseconds: wait))
            } catch {
                return .failure(.cancelled)
            }
            usage.retries += 1
        }
    }

    /// Who listens to an adapter's call; nobody to a tool's.
    private func watch(_ entry: ToolEntry) -> AdapterWatch? {
        guard entry.spec.adapter != nil else { return nil }
        let silence = entry.spec.silenceMilliseconds.map { min($0, options.silenceMilliseconds ?? $0) }
        return AdapterWatch(silenceMilliseconds: silence, on: EventLoop.current ?? workers.eventLoop)
    }

    private func workerCall(_ call: ToolCall, _ entry: ToolEntry, _ deadline: Deadline) -> WorkerCall {
        let key = IsolationKey(
            entry.spec.isolation, tenant: call.caller.tenant, user: call.caller.user,
            call: entry.spec.isolation == .call ? workers.uniqueNumber() : 1)
        return WorkerCall(
            tool: entry.spec.name, requestID: call.requestID, tenant: call.caller.tenant, traceparent: call.traceparent, input: call.input,
            attachments: call.attachments, key: key, deadline: deadline)
    }

    /// The result of a try, and how it failed if it did.
    private func conclude(
        _ outcome: WorkerCallOutcome, _ call: ToolCall, _ entry: ToolEntry, _ deadline: Deadline, _ watch: AdapterWatch?
    ) async -> (Result<ToolReply, ToolError>, RetryPolicy.Failure?) {
        switch outcome.end {
        case .result(let result): return (Self.reply(result, entry.spec), nil)
        // A plugin that keeps an eye on its deadline gives up by itself, at the very moment.
        case .failure(let failure) where failure.code == "cancelled" && deadline.hasPassed: return (.failure(.timeout(entry.spec.subject)), nil)
        case .failure(let failure): return (.failure(Self.pluginError(failure, of: entry.spec)), nil)
        case .cancelled: return (.failure(watch?.silence ?? .cancelled), nil)
        case .deadline: return (.failure(.timeout(entry.spec.subject)), nil)
        case .refused(let refusal): return (.failure(Self.error(refusal)), Self.isWorthARetry(refusal) ? .beforePlugin : nil)
        case .died(let reason):
            if case .violation(let violation) = reason, outcome.reachedPlugin {
                await auditViolation(violation, plugin: entry.spec.plugin, version: entry.spec.version, tool: entry.spec.name, call: call)
                return (.failure(Self.error(reason, entry.spec.subject)), nil)
            } else if case .violation(let violation) = reason {
                // Made after the call before, by whatever that left running.
                await auditViolation(violation, plugin: entry.spec.plugin, version: entry.spec.version)
            }
            // Its worker was taken away by a reload before it heard of the call.
            if reason == .drained, !outcome.reachedPlugin { return (.failure(.drainedBefore), nil) }
            return (.failure(Self.error(reason, entry.spec.subject)), outcome.reachedPlugin ? .inPlugin : .beforePlugin)
        }
    }
}
