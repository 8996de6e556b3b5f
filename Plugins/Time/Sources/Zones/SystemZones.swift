import Glibc

/// The IANA database of this machine, read only.
package struct SystemZones: ZoneSource {
    private let directory: String

    package init(directory: String = "/usr/share/zoneinfo") { self.directory = directory }

    package func file(_ name: String) -> [UInt8]? {
        guard ZoneName.isValid(name) else { return nil }
        return read(name, bytesMax: Limits.zoneFileBytesMax)
    }

    /// The zones and links of `tzdata.zi`, else the zones of `zone1970.tab`.
    package func names() -> [String] {
        if let index = read("tzdata.zi", bytesMax: Limits.zoneIndexBytesMax) { return SystemZones.names(inIndex: index) }
        guard let table = read("zone1970.tab", bytesMax: Limits.zoneIndexBytesMax) else { return [] }
        let lines = String(decoding: table, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
        return lines.compactMap { $0.split(separator: "\t").dropFirst(2).first.map(String.init) }.filter(ZoneName.isValid).sorted()
    }

    static func names(inIndex index: [UInt8]) -> [String] {
        var names: [String] = []
        for line in index.split(separator: 10) where line.first == UInt8(ascii: "Z") || line.first == UInt8(ascii: "L") {
            let words = line.split(separator: 32)
            let place = line.first == UInt8(ascii: "Z") ? 1 : 2
            guard words.count > place else { continue }
            let name = String(decoding: words[place], as: UTF8.self)
            if ZoneName.isValid(name) { names.append(name) }
        }
        return names.sorted()
    }

    private func read(_ name: String, bytesMax: Int) -> [UInt8]? {
        let descriptor = open(directory + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= bytesMax else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let rest = bytes.count - filled
            let start = filled
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + start }, rest) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return nil }
            filled += count
        }
        return bytes
    }
}
