/// Which certificate is for a name that a client asks for (SNI, RFC 6066): exact names before wildcards, earlier certificates before later ones.
struct TLSNameTable: Sendable {
    private var exact: [String: Int] = [:]
    /// By what stands after `*.`.
    private var wildcard: [String: Int] = [:]

    /// Adds the names of certificate number `index`.
    mutating func add(_ names: [String], index: Int) {
        for name in names {
            let name = TLSNameTable.normal(name)
            if name.hasPrefix("*.") {
                let parent = String(name.dropFirst(2))
                if wildcard[parent] == nil { wildcard[parent] = index }
            } else if exact[name] == nil {
                exact[name] = index
            }
        }
    }

    /// The number of the certificate for `name`, nil when none is.
    func find(_ name: String) -> Int? {
        let name = TLSNameTable.normal(name)
        if let index = exact[name] { return index }
        // A wildcard stands for one label (RFC 6125, 6.4.3).
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcard[String(name[name.index(after: dot)...])]
    }

    private static func normal(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
