import Glibc
import IO
import JSON
import Telemetry

/// Tells of changes in the folders of manifests and of trust files (inotify(7)), gathered over a moment: an editor writes more than once.
struct ManifestWatch: Sendable {
    /// Those that do not exist are left out.
    let folders: [String]
    let log: Log

    /// Calls `body` after each burst of changes, until the task is cancelled.
    func forEachChange(_ body: () async -> Void) async throws {
        guard let loop = EventLoop.current else { preconditionFailure("a folder is watched on a loop") }
        let raw = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard raw >= 0 else { return complain("inotify") }
        let descriptor = FileDescriptor(raw)
        let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
        for folder in folders where inotify_add_watch(descriptor.raw, folder, events) < 0 && errno != ENOENT { return complain("watch") }
        let registration = try loop.register(descriptor.raw)
        defer { registration.deregister() }
        while true {
            if drain(descriptor.raw) {
                try await loop.sleep(until: .after(milliseconds: 200))
                _ = drain(descriptor.raw)
                await body()
            } else {
                try await registration.readEdge(until: Deadline.distantFuture)
            }
        }
    }

    /// Reads what there is; true when a manifest was among it.
    private func drain(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16384)
        var found = false
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return found }
            found = Self.concernsManifests(buffer[..<count]) || found
        }
    }

    /// Whether one of the events (inotify(7): wd, mask, cookie, length, name) names a manifest, or says that events were lost.
    static func concernsManifests(_ events: ArraySlice<UInt8>) -> Bool {
        var rest = events
        while rest.count >= 16 {
            func number(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(rest[rest.startIndex + offset + $1]) << UInt32(8 * $1) } }
            let (mask, length) = (number(4), Int(number(12)))
            if mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
            let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
            // Files that begin with a dot are ours or an editor's, on their way to their real name.
            if name.suffix(5).elementsEqual(".json".utf8), name.first != UInt8(ascii: ".") { return true }
            rest = rest.dropFirst(16 + length)
        }
        return false
    }

    private func complain(_ step: String) {
        log.warning("manifests are not watched; use SIGHUP", [("step", .string(step)), ("errno", JSONValue(Int64(errno)))])
    }
}
