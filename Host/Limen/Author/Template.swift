import Glibc

/// What `limen plugin new` writes.
struct Template {
    static let languages = ["swift", "c", "rust"]

    let folder: String
    let replacements: [(placeholder: String, value: String)]

    /// Finds the template of a language.
    /// - Throws: `CommandError` when the SDK's folder is not found.
    init(language: String, name: String) throws(CommandError) {
        guard let home = Path.home() else { throw CommandError("the SDK is not where this program was built") }
        folder = "\(home)/SDK/Templates/\(language)"
        guard Path.isFolder(folder) else { throw CommandError("there is no template for \(language) in \(home)/SDK/Templates") }
        replacements = [("@NAME@", name), ("@TYPE@", PluginNames.typeName(name)), ("@LIMEN_PATH@", home)]
    }

    /// Writes the template into a new folder.
    /// - Throws: `CommandError`; an existing folder is never touched.
    func write(to target: String) throws(CommandError) {
        guard !Path.exists(target) else { throw CommandError("\(target) exists already") }
        try copy(folder, target)
    }

    private func copy(_ source: String, _ target: String) throws(CommandError) {
        guard mkdir(target, 0o755) == 0 else { throw CommandError("cannot make \(target): \(Path.reason())") }
        for entry in Folder.names(in: source) where entry != ".build" {
            let from = "\(source)/\(entry)"
            // A template's own manifest of the package manager must not look like one inside this repository.
            let name = fill(entry.hasSuffix(".template") ? String(entry.dropLast(".template".count)) : entry)
            if Path.isFolder(from) {
                try copy(from, "\(target)/\(name)")
            } else {
                let text = String(decoding: try File.read(from), as: UTF8.self)
                try File.write(Array(fill(text).utf8), to: "\(target)/\(name)")
            }
        }
    }

    private func fill(_ text: String) -> String {
        var text = text
        for (placeholder, value) in replacements { text = text.replacing(placeholder, with: value) }
        return text
    }
}
