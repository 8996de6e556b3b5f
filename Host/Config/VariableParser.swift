internal import JSON

/// Reads the text of an environment variable as the value of a setting; the one parser for booleans, numbers, durations and sizes.
enum VariableParser {
    /// The value; nil when the text does not have the form. Ranges are the schema's business.
    static func value(_ text: String, as kind: Setting.Kind) -> JSONValue? {
        switch kind {
        case .integer: Int(strict: text).map { .number(JSONNumber($0)) }
        case .milliseconds: scaled(text, milliseconds).map { .number(JSONNumber($0)) }
        case .bytes: scaled(text, sizes).map { .number(JSONNumber($0)) }
        case .flag: flag(text).map { .bool($0) }
        case .text, .choice: .string(text)
        case .list, .origins, .texts:
            .array(text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) })
        }
    }

    private static let milliseconds: [(suffix: String, factor: Int)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1)]
    private static let sizes: [(suffix: String, factor: Int)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("", 1)]

    private static func scaled(_ text: String, _ units: [(suffix: String, factor: Int)]) -> Int? {
        for unit in units where text.hasSuffix(unit.suffix) {
            guard let number = Int(strict: String(text.dropLast(unit.suffix.count))) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
            return overflow ? nil : product
        }
        return nil
    }

    private static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: nil
        }
    }
}

extension Int {
    /// Decimal digits only: no sign, blank or plus, which `Int.init` would accept in part.
    fileprivate init?(strict text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self.init(text)
    }
}
