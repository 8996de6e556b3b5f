import Glibc

/// Debian's nginx before two hosts, on a port of its own.
final class Balancer: Sendable {
    let port: UInt16
    private let folder: String
    private let child: pid_t

    init(_ ports: [UInt16]) throws {
        let folder = Command.temporary()
        let port = try Self.freePort()
        (self.folder, self.port) = (folder, port)
        let servers = ports.map { "server 127.0.0.1:\($0) max_fails=1 fail_timeout=1s;" }.joined(separator: " ")
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: " ")
        try Command.write(
            """
            daemon off; pid \(folder)/pid; error_log \(folder)/error.log; worker_processes 1;
            events { worker_connections 512; }
            http {
                access_log off; \(temporary)
                upstream hosts { \(servers) }
                server {
                    listen 127.0.0.1:\(port);
                    location / { proxy_pass http://hosts; proxy_connect_timeout 2s; proxy_read_timeout 20s; proxy_set_header Host $host; }
                }
            }
            """, to: "\(folder)/nginx.conf")
        child = try Command.start(
            ["/usr/sbin/nginx", "-p", folder, "-e", "\(folder)/error.log", "-c", "\(folder)/nginx.conf"], output: "\(folder)/out",
            complaints: "\(folder)/err")
        for _ in 0..<100 where !Self.answers(port) { usleep(50_000) }
    }

    private static func bound(_ port: UInt16, _ act: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> (Int32, Int32) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let outcome = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { act(descriptor, $0, size) }
        }
        return (descriptor, outcome)
    }

    private static func answers(_ port: UInt16) -> Bool {
        let (descriptor, outcome) = bound(port) { Glibc.connect($0, $1, $2) }
        close(descriptor)
        return outcome == 0
    }

    private static func freePort() throws -> UInt16 {
        let (descriptor, outcome) = bound(0) { Glibc.bind($0, $1, $2) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard outcome == 0, named == 0 else { throw Command.Failure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    deinit {
        kill(child, SIGTERM)
        _ = Command.wait(child)
        Command.remove(folder)
    }
}
