import Glibc
import HTTP
import IO

/// Starts the server, says where it listens, and serves until SIGTERM.
enum BenchServer {
    static func run(_ options: BenchOptions) throws {
        let group = try EventLoopGroup(count: options["loops"])
        defer { group.stop() }
        let pool = try BlockingPool(name: "bench", threads: 2, queueMax: 256)
        defer { pool.shutdown() }
        guard let address = SocketAddress("127.0.0.1", port: UInt16(truncatingIfNeeded: options["port"])) else { return }
        var configuration = HTTPServerConfiguration(address: address)
        configuration.connectionsMax = options["connections"]
        configuration.connectionsPerAddressMax = options["per-address"]
        configuration.headMillisecondsMax = options["head-ms"]
        configuration.idleMillisecondsMax = options["idle-ms"]
        let census = Census(group)
        let server = HTTPServer(configuration: configuration, group: group, handler: BenchHandler(census: census, pool: pool, file: try makeFile()))
        census.connections = { [weak server] in server?.connectionCount ?? 0 }
        let signals = try SignalSource([SIGTERM, SIGINT])
        try group.runBlocking {
            let bound = try server.start()
            say("serving on \(bound)\n", to: STDOUT_FILENO)
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            let listener = OwnedTask(on: group.loops[0]) { try await signals.receive { _ in continuation.finish() } }
            for await _ in stream { continue }
            listener.cancel()
            await listener.finish()
            await server.drain(within: 1000)
        }
    }

    /// 100 KiB without a name on the disk.
    private static func makeFile() throws -> HTTPFile {
        var template = Array("/tmp/limen-bench-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0, unlink(template) == 0 else { throw BenchOptions.Failure(description: "there is no room in /tmp") }
        let bytes = (0..<102_400).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw BenchOptions.Failure(description: "there is no room in /tmp") }
        return try HTTPFile(FileDescriptor(descriptor))
    }

    /// Past the C library's buffers: a pipe's reader waits for the line.
    static func say(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        let written = write(descriptor, bytes, bytes.count)
        assert(written == bytes.count)
    }
}
