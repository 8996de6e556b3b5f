internal import Glibc

/// The shared conformance data, read in place: `LIMEN_CONFORMANCE`, or `../shared/conformance` beside the package.
package enum Conformance {
    /// Where the data lies.
    package static let folder: String = {
        if let path = getenv("LIMEN_CONFORMANCE") { return String(cString: path) }
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        for up in ["/../shared/conformance", "/../../shared/conformance"] where access("/" + package + up, R_OK) == 0 {
            return "/" + package + up
        }
        return "../shared/conformance"
    }()

    /// Whether a file or folder is there.
    package static func exists(_ path: String) -> Bool { access("\(folder)/\(path)", R_OK) == 0 }

    /// The bytes of a file.
    package static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen("\(folder)/\(path)", "rb") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}

extension Conformance {
    /// The names of what is in a folder, sorted.
    package static func list(_ path: String) -> [String] {
        guard let stream = opendir("\(folder)/\(path)") else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// All JSON files below a folder, as paths below it.
    package static func files(_ path: String, _ prefix: String = "") -> [String] {
        list(path).flatMap { name in name.hasSuffix(".json") ? [prefix + name] : files(path + "/" + name, prefix + name + "/") }
    }
}
