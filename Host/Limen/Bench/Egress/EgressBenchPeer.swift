import Glibc
import IO

/// A proxy that others made, run from Debian's package on a loopback port with a configuration of the bench's own.
enum EgressBenchPeer: String, CaseIterable {
    case squid, tinyproxy

    private static let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]

    /// Where it is; nil when it is not installed.
    private var path: String? { Self.folders.map { "\($0)/\(rawValue)" }.first { access($0, X_OK) == 0 } }

    /// Starts it for one server behind; nil, with a line that names it, when it is not to be had.
    func start(port target: Int, in folder: String) throws -> (child: EgressBenchChild, address: SocketAddress)? {
        guard let path else {
            Output.progress("\(rawValue) is not installed: its columns are left out (make bench-egress installs it)")
            return nil
        }
        let port = try Self.freePort()
        let file = "\(folder)/\(rawValue).conf"
        try File.write(Array(configuration(port, target, folder).utf8), to: file)
        let child = try EgressBenchChild.start(path, self == .squid ? ["-N", "-f", file] : ["-d", "-c", file])
        guard let address = SocketAddress("127.0.0.1", port: UInt16(port)), Self.answers(address, child) else {
            child.end()
            Output.progress("\(rawValue) does not listen: its columns are left out (try: \(path) with \(file))")
            return nil
        }
        return (child, address)
    }

    /// No cache, no log, no look-up, no field of its own, and room for a thousand tunnels: as little work as it can do.
    private func configuration(_ port: Int, _ target: Int, _ folder: String) -> String {
        switch self {
        case .squid:
            """
            http_port 127.0.0.1:\(port)
            pid_filename none
            access_log none
            cache_log /dev/null
            cache_store_log none
            cache deny all
            cache_mem 8 MB
            memory_pools off
            pinger_enable off
            shutdown_lifetime 1 seconds
            via off
            forwarded_for delete
            acl behind port \(target)
            http_access allow behind
            http_access deny all

            """
        case .tinyproxy:
            """
            Port \(port)
            Listen 127.0.0.1
            Timeout 60
            MaxClients 1200
            LogLevel Critical
            Allow 127.0.0.1
            ConnectPort \(target)
            DisableViaHeader Yes

            """
        }
    }

    private static func freePort() throws -> Int {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw CommandError("no loopback") }
        let listener = try Sockets.listen(on: any)
        return Int(try Sockets.localAddress(listener.raw).port)
    }

    /// Waits until something listens.
    private static func answers(_ address: SocketAddress, _ child: EgressBenchChild) -> Bool {
        for _ in 0..<100 where child.isRunning {
            usleep(50_000)
            if connects(address) { return true }
        }
        return false
    }

    private static func connects(_ address: SocketAddress) -> Bool {
        do throws(Errno) {
            let socket = try Sockets.connect(to: address)
            usleep(5_000)
            return try Sockets.pendingError(socket.raw) == nil
        } catch {
            return false
        }
    }
}
