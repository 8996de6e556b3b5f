import EgressCases
import Glibc
import IO
import JSON
import Registry

/// The egress cases through jailed plugins and all of the host: a line for each, as for those of the escape suite.
struct EgressRun: Sendable {
    let rung: EscapeRung
    let libraries: String
    let data: String

    func run(channel: Int32, group: EventLoopGroup) async throws {
        let way = try EgressWay(on: group)
        let host = try ToolHost(channel: channel, libraries: libraries, data: data, loop: group.loops[1], way: way)
        let found = await host.rung()
        let plugins = EgressQuestion.Plugin.allCases.map { Self.escape($0, way) }
        try await host.prepare(plugins)
        Inside.report(rung, "host.rung", found == rung.spawnerName ? [] : ["the spawner holds \(found), not \(rung.spawnerName)"])
        for question in EgressQuestion.all(way) { Inside.report(rung, "egress.\(question.name)", await ask(question, host, way)) }
        for plugin in plugins { await host.finish(plugin) }
        Inside.report(rung, "host.audit-chain", await host.verify())
        await host.stop()
        await way.stop()
    }

    /// A plugin of the cases, with its grant.
    private static func escape(_ plugin: EgressQuestion.Plugin, _ way: EgressWay) -> EscapeCase {
        var made = EscapeCase(id: "egress.\(plugin.rawValue)", family: .network, library: "hostile-egress", steps: [])
        made.egress = .object(EgressQuestion.grant(plugin, way).json)
        made.hasSocket = plugin == .tunnels
        made.workers = 1
        return made
    }

    private func ask(_ question: EgressQuestion, _ host: ToolHost, _ way: EgressWay) async -> [String] {
        let before = way.names.asked.count
        let hex = question.bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let seen: Observation
        do {
            seen = try await host.perform(Self.escape(question.plugin, way), EscapeStep(question.attack, hex, .succeeds))
        } catch {
            return ["the suite failed: \(error)"]
        }
        guard let saw = seen.output?["saw"] else { return ["the call ended with \(seen.code) \(seen.message)"] }
        var wrong: [String] = []
        let outcome = question.outcome(saw)
        if outcome != question.expected { wrong.append("came to \(outcome), not \(question.expected): \(saw.text)") }
        if !EgressCases.keepsQuiet(saw["message"]?.stringValue ?? "") { wrong.append("names an address: \(saw.text)") }
        if question.isSilent, way.names.asked.count != before { wrong.append("asked the name service") }
        return wrong
    }
}
