import CLinux
import Glibc

/// Where this process may make cgroups, as the kernel shows it: version 2 if it has the controllers, else version 1.
package struct CgroupLayout: Sendable, Equatable {
    package enum Version: Sendable, Equatable {
        /// Own directory of each hierarchy, by controller.
        case v1([String: String])
        /// Own directory of the unified hierarchy.
        case v2(String)
    }

    package var version: Version

    /// Without these a worker's limits would be words.
    package static let controllers = ["memory", "pids", "cpu"]

    /// Reads the layout from `/proc/self`.
    /// - Throws: `JailError` if a controller is missing from both versions.
    package static func discover() throws(JailError) -> CgroupLayout {
        try parse(mountinfo: try readText("/proc/self/mountinfo"), membership: try readText("/proc/self/cgroup"))
    }

    /// Finds own directories; `mountinfo` and `membership` are the two files' texts (cgroups(7), proc(5)).
    /// - Throws: `JailError` naming the missing controller.
    package static func parse(mountinfo: String, membership: String) throws(JailError) -> CgroupLayout {
        var unified: String?
        var legacy: [String: String] = [:]
        let own = memberships(membership)
        for line in mountinfo.split(separator: "\n") {
            guard let mount = CgroupMount(line) else { continue }
            if mount.isUnified, hasControllers(mount.point), let path = own[""] { unified = mount.directory(of: path) }
            for controller in mount.controllers where legacy[controller] == nil {
                if let path = own[controller] { legacy[controller] = mount.directory(of: path) }
            }
        }
        if let unified { return CgroupLayout(version: .v2(unified)) }
        for controller in controllers where legacy[controller] == nil {
            throw JailError("cgroup controller \(controller) is in no hierarchy", errno: ENOENT)
        }
        return CgroupLayout(version: .v1(legacy.filter { controllers.contains($0.key) }))
    }

    /// Whether the controllers are in this hierarchy at all; a hybrid host has them in version 1's.
    private static func hasControllers(_ root: String) -> Bool {
        let present = CgroupHome.words(root + "/cgroup.controllers")
        return controllers.allSatisfy(present.contains)
    }

    /// Own path by controller; the unified hierarchy's under the empty name.
    private static func memberships(_ text: String) -> [String: String] {
        var paths: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) { paths[String(controller)] = String(parts[2]) }
        }
        return paths
    }
}

/// One line of mountinfo that mounts a cgroup hierarchy.
private struct CgroupMount {
    var root: String
    var point: String
    var isUnified: Bool
    var controllers: [String]

    init?(_ line: Substring) {
        let fields = line.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), dash + 3 < fields.count, fields.count > 5 else { return nil }
        isUnified = fields[dash + 1] == "cgroup2"
        guard isUnified || fields[dash + 1] == "cgroup" else { return nil }
        root = String(fields[3])
        point = String(fields[4])
        controllers = isUnified ? [] : fields[dash + 3].split(separator: ",").map(String.init)
    }

    func directory(of path: String) -> String {
        let below = root != "/" && path.hasPrefix(root) ? String(path.dropFirst(root.utf8.count)) : path
        return below == "/" || below.isEmpty ? point : point + below
    }
}

/// The whole of a small file of the kernel's.
/// - Throws: `JailError` naming the file.
package func readText(_ path: String) throws(JailError) -> String {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    try require("read \(path)", checked(fd))
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count < 4 << 20 {
        let count = try require("read \(path)", checked(Int32(read(fd, &chunk, chunk.count))))
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Writes a small file of the kernel's in one piece.
/// - Throws: `JailError` naming the file.
package func writeText(_ text: String, to path: String) throws(JailError) {
    let fd = open(path, O_WRONLY | O_CLOEXEC)
    try require("write \(path)", checked(fd))
    defer { close(fd) }
    let bytes = Array(text.utf8)
    try require("write \(path)", checked(Int32(write(fd, bytes, bytes.count))))
}
