package import JSON

/// What must come of one call.
package indirect enum Expectation: Sendable {
    /// The call succeeds and its report has exactly these attempts; `A|B` means either, `*` anything.
    case reports([String: String])
    /// The call succeeds, whatever it answers.
    case succeeds
    /// A tripwire: the worker is killed, and the audit log names this system call.
    case violation(String)
    /// The worker dies for one of these reasons (`KillReason.name`) and the call fails with `server_error`.
    case dies([String])
    /// The plugin fails the call itself: the caller hears that it was the plugin, whatever code it claims.
    case pluginFails
    /// The host refuses the worker's answer; the worker lives or not, the caller learns that the output was invalid.
    case badOutput
    /// The call is over because its caller gave up.
    case cancelled
    /// The plugin never becomes ready: the registry or the first load refuses it, with a reason that contains one of these.
    case refused([String])
    /// Kernels differ, and each of these keeps the promise.
    case either([Expectation])
}

/// What came of one call, in the suite's words.
package struct Observation: Sendable {
    /// `ok`, or the error code of SPEC 12.
    package var code: String
    /// The output of a call that succeeded.
    package var output: JSONValue?
    package var message = ""
    /// `details.reason` or the like, as the host told the caller.
    package var reason: String?
    /// The audit entry's outcome, kill reason and system call; nil when there was no entry.
    package var audit: AuditTrace?
    /// Why the registry calls the plugin broken or refused, if it does.
    package var brokenReason: String?

    package init(code: String) { self.code = code }
}

/// What the audit log says of one call.
package struct AuditTrace: Sendable {
    package var outcome: String
    package var killReason: String?
    package var systemCall: String?

    package init(outcome: String, killReason: String?, systemCall: String?) {
        self.outcome = outcome
        self.killReason = killReason
        self.systemCall = systemCall
    }
}

extension Expectation {
    /// What is wrong with an observation; empty when it is as promised.
    package func mismatches(_ seen: Observation) -> [String] {
        switch self {
        case .reports(let attempts): reportMismatches(attempts, seen)
        case .succeeds: seen.code == "ok" ? auditPresence(seen) : ["code \(seen.code) (\(seen.message)), expected ok"]
        case .violation(let call): deathMismatches(["violation"], seen) + auditMismatch("system call", call, seen.audit?.systemCall)
        case .dies(let reasons): deathMismatches(reasons, seen)
        case .pluginFails:
            seen.reason == "plugin_error" && seen.code != "ok" ? auditPresence(seen) : ["code \(seen.code) (\(seen.message)), expected plugin_error"]
        case .badOutput:
            seen.reason == "plugin_output" && seen.audit != nil && seen.output == nil
                ? [] : ["code \(seen.code), reason \(seen.reason ?? "none") (\(seen.message)), expected plugin_output with an audit entry"]
        case .cancelled: seen.code == "cancelled" ? auditPresence(seen) : ["code \(seen.code), expected cancelled"]
        case .refused(let reasons): refusalMismatches(reasons, seen)
        case .either(let options):
            options.contains { $0.mismatches(seen).isEmpty } ? [] : options.flatMap { $0.mismatches(seen) }
        }
    }

    private func reportMismatches(_ attempts: [String: String], _ seen: Observation) -> [String] {
        guard seen.code == "ok", let saw = seen.output?["saw"]?.objectValue else {
            return ["code \(seen.code) (\(seen.message); audit \(seen.audit?.killReason ?? "none")), expected a report"]
        }
        var wrong: [String] = []
        for (attempt, expected) in attempts.sorted(by: { $0.key < $1.key }) {
            let found = saw[attempt]?.stringValue ?? "nothing"
            if expected != "*", expected != found, !expected.split(separator: "|").contains(Substring(found)) {
                wrong.append("\(attempt): \(found), expected \(expected)")
            }
        }
        for key in saw.keys where attempts[key] == nil { wrong.append("\(key): \(saw[key]?.stringValue ?? "?"), expected no such attempt") }
        return wrong + auditPresence(seen)
    }

    private func deathMismatches(_ reasons: [String], _ seen: Observation) -> [String] {
        guard seen.code == "server_error" else { return ["code \(seen.code) (\(seen.output?.text.prefix(300) ?? "")), expected server_error"] }
        guard let found = seen.audit?.killReason else { return ["no audit entry with a kill reason (\(seen.message)), expected \(reasons)"] }
        return reasons.contains(found) ? [] : ["kill reason \(found) (\(seen.message)), expected \(reasons.joined(separator: " or "))"]
    }

    private func refusalMismatches(_ reasons: [String], _ seen: Observation) -> [String] {
        guard seen.code != "ok" else { return ["the plugin served a call"] }
        let reason = seen.brokenReason ?? "\(seen.message) \(seen.reason ?? "") \(seen.audit?.killReason ?? "")"
        return reasons.contains { reason.contains($0) } ? [] : ["reason: \(reason), expected one with \(reasons.joined(separator: " or "))"]
    }

    private func auditPresence(_ seen: Observation) -> [String] { seen.audit == nil ? ["no audit entry"] : [] }

    private func auditMismatch(_ what: String, _ expected: String, _ found: String?) -> [String] {
        found == expected ? [] : ["audit \(what): \(found ?? "none"), expected \(expected)"]
    }

    /// A short form for the line of a case that passed.
    package var summary: String {
        switch self {
        case .reports(let attempts):
            Set(attempts.values.filter { $0.allSatisfy { $0.isUppercase || $0 == "|" || $0.isNumber } }).sorted().joined(separator: " ")
        case .succeeds: "ok"
        case .violation(let call): "killed, \(call)"
        case .dies(let reasons): "dies, \(reasons.joined(separator: "|"))"
        case .pluginFails: "plugin_error"
        case .badOutput: "output refused"
        case .cancelled: "cancelled"
        case .refused: "refused"
        case .either(let options): options.map(\.summary).joined(separator: " or ")
        }
    }
}
