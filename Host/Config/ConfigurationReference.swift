internal import JSON

/// The table of settings for people, made from the same table that the program uses.
package enum ConfigurationReference {
    /// Both tables with their headings: `limen config reference`, and deploy/configuration.md.
    package static func document() -> String {
        """
        # Configuration

        Made by `limen config reference` from the tables that the program itself uses; a test compares.

        ## limen.json

        Checked whole at start; `LIMEN_*` variables go before the file.

        \(markdown())
        ## Settings of the database

        Changed while the server runs, on every host at once: `PUT /v1/admin/settings`, of a plan `PUT /v1/admin/plans/NAME`. They go before limen.json.

        \(RuntimeSettings.markdown())
        """
    }

    /// A Markdown table: setting, variable, what it may be, default, meaning.
    package static func markdown() -> String {
        var lines = ["| setting | variable | value | default | meaning |", "|---|---|---|---|---|"]
        for setting in SettingsTable.all {
            let fallback = setting.fallback.map { "`\($0.text)`" } ?? "unset"
            lines.append(
                "| `\(setting.path.joined(separator: "."))` | `\(setting.variable)` | \(form(setting.kind)) | \(fallback) | \(setting.summary) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What a value may be that is no variable.
    static func range(_ kind: Setting.Kind) -> String {
        switch kind {
        case .milliseconds(let range): "milliseconds, \(range.lowerBound) to \(range.upperBound)"
        case .bytes(let range): "bytes, \(range.lowerBound) to \(range.upperBound)"
        default: form(kind)
        }
    }

    /// What a value may be, in words.
    static func form(_ kind: Setting.Kind) -> String {
        switch kind {
        case .integer(let range): "a whole number, \(range.lowerBound) to \(range.upperBound)"
        case .milliseconds(let range):
            "milliseconds, \(range.lowerBound) to \(range.upperBound); variables also `500ms`, `15s`, `2m`, `1h`"
        case .bytes(let range): "bytes, \(range.lowerBound) to \(range.upperBound); variables also `512KiB`, `64MiB`, `2GiB`"
        case .flag: "true or false"
        case .text(let bytesMax): "text, at most \(bytesMax) bytes"
        case .choice(let words): "one of " + words.map { "`\($0)`" }.joined(separator: ", ")
        case .origins(let countMax): "at most \(countMax) origins, such as `https://app.example.org`"
        case .texts(let max): "a text or a list of up to \(max); variables separate them by commas"
        case .list(let words): "some of " + words.map { "`\($0)`" }.joined(separator: ", ")
        }
    }
}
