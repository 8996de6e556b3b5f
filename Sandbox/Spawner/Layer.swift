/// One protection as it is shown: the word that `sandbox.require` knows, and what stands behind it here.
struct Layer {
    /// Whether it holds in every worker.
    enum State: String {
        case held
        case missing
        /// Something else keeps the same promise on this rung.
        case notNeeded = "not_needed"
    }

    let name: String
    let state: State
    /// What holds it, or why it is missing.
    let detail: String
    /// How to get it, for one that is missing.
    let remedy: String

    static func held(_ name: String, _ detail: String) -> Layer { Layer(name: name, state: .held, detail: detail, remedy: "") }
    static func notNeeded(_ name: String, _ detail: String) -> Layer { Layer(name: name, state: .notNeeded, detail: detail, remedy: "") }
    static func missing(_ name: String, _ why: String, _ remedy: String) -> Layer {
        Layer(name: name, state: .missing, detail: why, remedy: remedy)
    }

    var json: String {
        #"{"name":\#(quoted(name)),"state":\#(quoted(state.rawValue)),"held":\#(state == .held),"detail":\#(quoted(detail)),"remedy":\#(quoted(remedy))}"#
    }
}

/// A JSON string: what the kernel's messages and paths may hold beside letters.
func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": out += "\\" + String(scalar)
        case _ where scalar.value < 0x20: out += " "
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}
