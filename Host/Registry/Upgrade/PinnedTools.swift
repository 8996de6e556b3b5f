internal import Crypto
internal import JSON

/// What of a plugin's tools was approved: names, titles, descriptions and schemas, and where a manifest differs from it.
enum PinnedTools {
    private static let members = ["title", "description", "input_schema", "output_schema"]

    /// The pinned members of every tool, by name, independent of formatting and order.
    static func json(_ manifest: Manifest) -> JSONValue {
        .array(manifest.tools.sorted { $0.name < $1.name }.map(json))
    }

    private static func json(_ tool: ToolManifest) -> JSONValue {
        var object: JSONObject = [
            "name": .string(tool.name), "title": .string(tool.title), "description": .string(tool.description), "input_schema": tool.inputSchema,
        ]
        if let output = tool.outputSchema { object["output_schema"] = output }
        return .object(object)
    }

    /// Each tool and member that is not what was approved with this version, with its place in the file.
    static func differences(_ manifest: Manifest, approved: JSONValue, file: String) -> [ManifestProblem] {
        let known = approved.arrayValue ?? []
        func problem(_ pointer: String, _ what: String) -> ManifestProblem {
            ManifestProblem(
                file: file, pointer: pointer,
                reason: "\(what) is not what was approved with version \(manifest.version); a change needs a new version")
        }
        var found: [ManifestProblem] = []
        for (index, tool) in manifest.tools.enumerated() {
            guard let old = known.first(where: { $0["name"]?.stringValue == tool.name }) else {
                found.append(problem("/tools/\(index)/name", "the tool \"\(tool.name)\""))
                continue
            }
            let new = json(tool)
            for member in members where new[member] != old[member] {
                found.append(problem("/tools/\(index)/\(member)", "the \(member) of \"\(tool.name)\""))
            }
        }
        for old in known {
            guard let name = old["name"]?.stringValue, manifest.tool(name) == nil else { continue }
            found.append(problem("/tools", "that the tool \"\(name)\" is missing"))
        }
        return found
    }
}
