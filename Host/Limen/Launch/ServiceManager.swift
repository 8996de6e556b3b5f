import CLinux
import Glibc

/// What the service tells systemd of its state (sd_notify(3)), so that `systemctl start` returns when it serves.
enum ServiceManager {
    /// Sends one message where NOTIFY_SOCKET says; nobody asked when there is none. A message that is lost makes a start look slow, nothing worse.
    static func tell(_ state: String) {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), name.hasPrefix("/") || name.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A leading @ stands for the NUL byte of an abstract name.
        let path = Array(name.utf8).enumerated().map { $0.offset == 0 && $0.element == UInt8(ascii: "@") ? 0 : $0.element }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        guard path.count <= MemoryLayout<sockaddr_un>.size - start else { return }
        withUnsafeMutableBytes(of: &address) { bytes in
            for (index, byte) in path.enumerated() { bytes[start + index] = byte }
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array(state.utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, socklen_t(start + path.count))
            }
        }
    }
}
