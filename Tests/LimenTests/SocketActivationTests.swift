import CLinux
import Glibc
import IO
import Testing

@Suite("Limen: a socket from systemd", .serialized)
struct SocketActivationTests {
    /// What systemd does: listens, and starts the service with the socket as descriptor 3.
    struct Manager: ~Copyable {
        let descriptor: Int32
        let port: UInt16

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            self.descriptor = descriptor
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard isBound, listen(descriptor, 64) == 0 else { throw Command.Failure("cannot listen") }
            port = UInt16(bigEndian: address.sin_port)
        }

        deinit { close(descriptor) }

        /// Starts the service; bash gives the descriptor its number and the process its id.
        func start(_ folder: String, _ run: Int, sockets: Int = 1, stranger: Bool = false) throws -> pid_t {
            let places = (0..<sockets).map { "\(3 + $0)<&\(descriptor)" }.joined(separator: " ")
            let pid = stranger ? "1" : "$$"
            let limen = "\(Command.bin)/limen serve --listen 127.0.0.1:0 --data \(folder)/data"
            let words = "exec \(places) \(descriptor)<&-; export LISTEN_PID=\(pid) LISTEN_FDS=\(sockets); exec \(limen)"
            let child = try Command.start(["/bin/bash", "-c", words], output: "\(folder)/out\(run)", complaints: "\(folder)/log\(run)")
            _ = Command.servers.withLock { $0.insert(child) }
            return child
        }

        /// The status line of the answer to one request on a connection of its own; empty when it was refused or broken.
        static func ask(_ port: UInt16) -> String {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
            guard connected == 0 else { return "refused" }
            let request = Array("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
            guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return "broken" }
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 30_000) > 0 else { return "no answer" }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            return String(decoding: buffer[..<max(0, count)].prefix { $0 != 13 }, as: UTF8.self)
        }
    }

    private func end(_ child: pid_t) -> Int32 {
        kill(child, SIGTERM)
        _ = Command.servers.withLock { $0.remove(child) }
        return Command.wait(child)
    }

    @Test("it serves on systemd's socket, and a client that comes between two runs waits and is answered (OPS-3)")
    func restart() throws {
        let folder = Command.temporary()
        let manager = try Manager()
        let port = manager.port
        let first = try manager.start(folder, 1)
        // Before anything listens but the socket: the request waits in its queue.
        #expect(Manager.ask(port) == "HTTP/1.1 200 OK")
        #expect(Command.text("\(folder)/out1").contains("http://127.0.0.1:\(port)"))
        #expect(end(first) == 0)
        let second = try manager.start(folder, 2)
        #expect(Manager.ask(port) == "HTTP/1.1 200 OK")
        #expect(end(second) == 0)
    }

    @Test("clients that come all the time meet no refusal while the service restarts (OPS-3)")
    func restartUnderLoad() throws {
        let folder = Command.temporary()
        let manager = try Manager()
        let first = try manager.start(folder, 1)
        #expect(Manager.ask(manager.port) == "HTTP/1.1 200 OK")
        let clients = try Visitors(port: manager.port)
        usleep(200_000)
        #expect(end(first) == 0)
        let second = try manager.start(folder, 2)
        for _ in 0..<600 where !Command.text("\(folder)/out2").contains("serves on") { usleep(50_000) }
        usleep(200_000)
        let (answered, failures) = clients.stop()
        #expect(answered > 20 && failures.isEmpty, "\(answered) answered; \(failures)")
        #expect(end(second) == 0)
    }

    @Test("a process with privilege holds no listening socket once the host runs")
    func holders() throws {
        let folder = Command.temporary()
        let manager = try Manager()
        let child = try manager.start(folder, 1)
        #expect(Manager.ask(manager.port) == "HTTP/1.1 200 OK")
        var link = stat()
        #expect(fstat(manager.descriptor, &link) == 0)
        var counts: [String: Int] = [:]
        for pid in Command.processes(naming: folder) {
            let isSpawner = Command.text("/proc/\(pid)/comm").hasPrefix("limen-spawner")
            counts[isSpawner ? "spawner" : "host", default: 0] += holds(pid, inode: link.st_ino)
        }
        #expect(counts == ["spawner": 0, "host": 1])
        #expect(end(child) == 0)
    }

    @Test("several sockets are refused by name, and another process's variables are ignored")
    func refusals() throws {
        let folder = Command.temporary()
        let manager = try Manager()
        let child = try manager.start(folder, 1, sockets: 2)
        #expect(Command.wait(child) != 0)
        _ = Command.servers.withLock { $0.remove(child) }
        #expect(Command.text("\(folder)/log1").contains("limen.socket"))
        let other = try manager.start(folder, 2, stranger: true)
        for _ in 0..<600 where !Command.text("\(folder)/out2").contains("serves on") { usleep(50_000) }
        #expect(Command.text("\(folder)/out2").contains("serves on"))
        #expect(!Command.text("\(folder)/out2").contains(":\(manager.port)"))
        #expect(end(other) == 0)
    }

    private func holds(_ pid: pid_t, inode: ino_t) -> Int {
        Command.names("/proc/\(pid)/fd").count { name in
            var buffer = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/\(pid)/fd/\(name)", &buffer, buffer.count)
            return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self) == "socket:[\(inode)]"
        }
    }
}
