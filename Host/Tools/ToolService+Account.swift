import IO
import JSON
import Store
import Supervisor
import Workers

/// Every call leaves a record and is paid for.
extension ToolService {
    /// Records a call; answers why it must fail if it cannot be recorded.
    func account(_ call: ToolCall, _ entry: ToolEntry, _ outcome: ToolOutcome) async -> ToolError? {
        let isFailure: Bool
        var reason: String?
        switch outcome.result {
        case .success: isFailure = false
        case .failure(let error):
            isFailure = true
            reason = error.details["reason"]?.stringValue ?? error.message
        }
        do {
            if let usage { try await usage.add(Self.amount(outcome.usage, isFailure), to: usageKey(call, entry)) }
            guard let audit else { return nil }
            try await audit.append(
                AuditEntry(
                    actor: call.caller.keyID, tenant: call.caller.tenant, action: call.model == nil ? "tool.call" : "adapter.call",
                    plugin: entry.spec.plugin,
                    version: entry.spec.version, tool: entry.spec.name, callID: call.requestID, outcome: outcome.name, reason: reason,
                    details: details(call, outcome.usage)))
            return nil
        } catch {
            observer.log(4, "a call could not be recorded", ["tool": entry.spec.id, "request_id": call.requestID, "cause": "\(error)"])
            return ToolError(.server, "the call could not be recorded", ["reason": "audit", "retry_after_ms": 1_000])
        }
    }

    private func usageKey(_ call: ToolCall, _ entry: ToolEntry) -> UsageKey {
        UsageKey(tenant: call.caller.tenant, actor: call.caller.user, plugin: entry.spec.plugin, tool: entry.spec.name)
    }

    private static func amount(_ usage: CallUsage, _ isFailure: Bool) -> UsageAmount {
        var amount = UsageAmount()
        amount.calls = 1
        amount.failures = isFailure ? 1 : 0
        amount.wallMicroseconds = Int64(clamping: usage.wallNanoseconds / 1_000)
        amount.cpuMicroseconds = Int64(clamping: usage.cpuNanoseconds / 1_000)
        amount.inputBytes = Int64(usage.inputBytes)
        amount.outputBytes = Int64(usage.outputBytes)
        return amount
    }

    private func details(_ call: ToolCall, _ usage: CallUsage) -> JSONObject {
        var details: JSONObject = [
            "user": .string(call.caller.user), "wall_us": .number(JSONNumber(usage.wallNanoseconds / 1_000)),
            "cpu_us": .number(JSONNumber(usage.cpuNanoseconds / 1_000)), "retries": .number(JSONNumber(usage.retries)),
        ]
        if let model = call.model { details["model"] = .string(model.printable(bytesMax: ToolLimits.modelBytesMax)) }
        return details
    }

    /// Records a tripwire: plugin, version, tool, call, user and system call; durable before anything else happens.
    func auditViolation(_ violation: Violation, plugin: String, version: String, tool: String? = nil, call: ToolCall? = nil) async {
        observer.log(4, "forbidden system call", ["plugin": plugin, "version": version, "tool": tool ?? "", "syscall": violation.name])
        guard let audit else { return }
        var details: JSONObject = ["syscall": .string(violation.name), "number": .number(JSONNumber(violation.number))]
        details["arguments"] = .array(violation.arguments.map { .string("0x" + String($0, radix: 16)) })
        if let call { details["user"] = .string(call.caller.user) }
        do {
            try await audit.record(
                AuditEntry(
                    actor: call?.caller.keyID ?? "system", tenant: call?.caller.tenant ?? "system", action: "sandbox.violation", plugin: plugin,
                    version: version, tool: tool, callID: call?.requestID, outcome: "violation", reason: violation.name, details: details))
        } catch {
            observer.log(4, "a violation could not be recorded", ["plugin": plugin, "syscall": violation.name, "cause": "\(error)"])
        }
    }
}
