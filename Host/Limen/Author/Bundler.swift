import Crypto
import Glibc
import JSON

/// Writes a bundle's final `plugin.json`: what the author asks for, what the library says of itself, and every file's digest.
struct Bundler {
    /// A staged bundle folder.
    let folder: String
    let name: String
    let asked: JSONObject

    /// Reads the staged folder's `plugin.json`.
    init(_ folder: String) throws(CommandError) {
        let source = try SourceFolder(folder)
        self.folder = folder
        name = source.name
        asked = source.manifest
    }

    /// Whether the folder is a packed bundle already.
    var isPacked: Bool { asked["files"] != nil }

    /// Path of the library in the bundle.
    var library: String { asked["library"]?.stringValue ?? "lib/lib\(name).so" }

    /// Merges and writes in the canonical form, which is what gets signed.
    func write(description: JSONValue, publisher: String) throws(CommandError) {
        guard description["name"]?.stringValue == name else {
            throw CommandError("plugin.json says \(name), the library says \(description["name"]?.text ?? "nothing")")
        }
        guard description["version"] == asked["version"] else {
            throw CommandError("plugin.json says version \(asked["version"]?.text ?? "-"), the library says \(description["version"]?.text ?? "-")")
        }
        var manifest = asked
        if manifest["abi"] == nil { manifest["abi"] = 1 }
        if manifest["kind"] == nil { manifest["kind"] = description["adapters"] == nil ? "tool" : "adapter" }
        if manifest["publisher"] == nil { manifest["publisher"] = .string(publisher) }
        manifest["library"] = .string(library)
        if let tools = description["tools"]?.arrayValue, !tools.isEmpty { manifest["tools"] = .array(try merged(tools)) }
        if let adapters = description["adapters"] { manifest["adapters"] = adapters }
        Folder.removeEmpty(beneath: folder)
        var files = JSONObject()
        for path in Self.files(beneath: folder) where path != "plugin.json" && path != "SIGNATURE" {
            files[path] = .string(SHA256.hash(try File.read("\(folder)/\(path)")).hex)
        }
        manifest["files"] = .object(files)
        manifest["sha256"] = files[library]
        do {
            try File.write(JSONValue.object(manifest).canonical(), to: "\(folder)/plugin.json")
        } catch let error as JSONError {
            throw CommandError("plugin.json has no canonical form and cannot be signed: \(error.message)")
        } catch {
            throw CommandError("\(error)")
        }
    }

    /// The library's tools with the author's overlay (examples, time-outs, titles) by name.
    private func merged(_ tools: [JSONValue]) throws(CommandError) -> [JSONValue] {
        var overlays: [String: JSONObject] = [:]
        for overlay in asked["tools"]?.arrayValue ?? [] {
            guard let object = overlay.objectValue, let tool = object["name"]?.stringValue else {
                throw CommandError("plugin.json: each of /tools needs a name")
            }
            overlays[tool] = object
        }
        var result: [JSONValue] = []
        for tool in tools {
            guard var object = tool.objectValue, let toolName = object["name"]?.stringValue else {
                throw CommandError("the library describes a tool without a name")
            }
            if let overlay = overlays.removeValue(forKey: toolName) {
                // The library is held to these at run time, so a file cannot say otherwise.
                for key in ["description", "input_schema", "output_schema"] {
                    if let said = object[key], let written = overlay[key], said != written {
                        throw CommandError("plugin.json: the \(key) of \(toolName) is not what the library says")
                    }
                }
                for (key, value) in overlay { object[key] = value }
            }
            result.append(.object(object))
        }
        if let unknown = overlays.keys.sorted().first { throw CommandError("plugin.json: the library has no tool \(unknown)") }
        return result
    }

    /// Paths of the regular files beneath a folder, relative to it, sorted.
    static func files(beneath folder: String, prefix: String = "") -> [String] {
        Folder.names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            return Path.isFolder(path) ? files(beneath: path, prefix: "\(prefix)\(name)/") : ["\(prefix)\(name)"]
        }
    }
}
