import Glibc
import HTTP
import IO
import JSON

/// A server over a data folder of its own, with bundled plugins, beneath the real spawner.
final class LiveServer: Sendable {
    let folder: String
    var data: String { "\(folder)/data" }
    private let state: Lock<State>
    private let group: EventLoopGroup
    /// Run as an account that is not root, on a machine that delegates its cgroups to it.
    private let isOrdinary: Bool
    /// The folder of manifests, when it is not the data folder's own.
    private let manifests: String?

    private struct State {
        var child: pid_t = 0
        var port: UInt16 = 0
    }

    /// Packs and signs the plugins, once for all tests: what a server gets is a copy. `tests.json` is their publisher's trust file.
    private static let bundles: Result<String, any Error> = Result {
        let folder = Command.temporary()
        let sources = ["Calc", "Markdown", "Sanitizer", "Sysprobe", "Web"].map { "\(Command.root)/Plugins/\($0)" }
        let key = try Command.limen("plugin", "key", "new", "--name", "tests", "--output", "\(folder)/tests.key")
        guard key.code == 0 else { throw Command.Failure("key: \(key.complaints)") }
        try Command.write(Command.limen("plugin", "key", "show", "--key", "\(folder)/tests.key").output, to: "\(folder)/tests.json")
        try packPatience(into: folder)
        let outcome = try Command.limen(
            ["plugin", "pack"] + sources + ["--libraries", Command.bin, "--output", folder, "--key", "\(folder)/tests.key"])
        guard outcome.code == 0 else { throw Command.Failure("pack: \(outcome.complaints)") }
        return folder
    }

    /// The key that the tests' bundles are signed with, and its trust file.
    static func publisher() throws -> (key: String, trust: String) {
        let folder = try bundles.get()
        return ("\(folder)/tests.key", "\(folder)/tests.json")
    }

    /// Runs `limen` as whoever runs the server.
    func limen(_ words: [String]) throws -> Command.Outcome { try isOrdinary ? Ordinary.limen(words) : Command.limen(words) }

    /// Takes what that key signs.
    func trustTests() throws {
        let outcome = try limen(["plugin", "trust", "add", Self.publisher().trust, "--data", data])
        guard outcome.code == 0 else { throw Command.Failure("trust: \(outcome.complaints)") }
    }

    /// Tests/Fixtures/Patience, built away from the sources.
    private static func packPatience(into folder: String) throws {
        let source = "\(Command.temporary())/patience"
        mkdir(source, 0o755)
        for file in ["patience.c", "Makefile", "plugin.json"] {
            try Command.write(Command.text("\(Command.root)/Tests/Fixtures/Patience/\(file)"), to: "\(source)/\(file)")
        }
        let outcome = try Command.limen("plugin", "pack", source, "--output", folder, "--key", "\(folder)/tests.key")
        guard outcome.code == 0 else { throw Command.Failure("pack: \(outcome.complaints)") }
    }

    /// `hosts` is whom plugins may reach that leave that to the operator.
    init(
        plugins: [String] = ["calc", "markdown", "sanitizer", "sysprobe"], hosts: [String] = [], isOrdinary: Bool = false,
        environment: [String: String] = [:]
    ) throws {
        folder = isOrdinary ? Ordinary.folder() : Command.temporary()
        self.isOrdinary = isOrdinary
        group = try EventLoopGroup(count: 1)
        state = Lock(State())
        manifests = nil
        let bundles = try Self.bundles.get()
        if !plugins.isEmpty { try trustTests() }
        for plugin in plugins {
            let named = hosts.isEmpty ? [] : ["--hosts", hosts.joined(separator: ",")]
            let outcome = try limen(["plugin", "install", "\(bundles)/\(plugin)-1.0.0", "--enable", "--data", data] + named)
            guard outcome.code == 0 else { throw Command.Failure("install: \(outcome.complaints)") }
        }
        try start(environment: environment)
    }

    /// A second host, with data of its own, over the manifests and bundles of another.
    init(sharing other: LiveServer) throws {
        folder = Command.temporary()
        isOrdinary = false
        group = try EventLoopGroup(count: 1)
        state = Lock(State())
        manifests = "\(other.data)/manifests"
        try start()
    }

    /// A host beside another on one PostgreSQL: with a data folder of its own, the other's manifests and bundles, and a copy of its keys, unless `keys` puts
    /// others into the folder.
    init(besides other: LiveServer, environment: [String: String], keys: ((_ data: String) throws -> Void)? = nil) throws {
        folder = Command.temporary()
        isOrdinary = false
        group = try EventLoopGroup(count: 1)
        state = Lock(State())
        manifests = "\(other.data)/manifests"
        guard mkdir(data, 0o700) == 0 else { throw Command.Failure("cannot make \(data)") }
        for name in ["bundles", "trust"] where access("\(other.data)/\(name)", F_OK) == 0 {
            try Command.copy("\(other.data)/\(name)", to: "\(data)/\(name)")
        }
        if keys == nil { try Command.copy("\(other.data)/keys", to: "\(data)/keys") }
        try Command.give(data, toOwnerOf: other.data)
        try keys?(data)
        try start(environment: environment)
    }

    var log: String { Command.text("\(folder)/log") }
    var key: String { String(Command.text("\(data)/admin.key").prefix { $0 != "\n" }) }
    var port: UInt16 { state.withLock { $0.port } }
    var pid: pid_t { state.withLock { $0.child } }
    /// The process that serves, beneath the spawner.
    var host: pid_t? { processes().first { !Command.text("/proc/\($0)/comm").hasPrefix("limen-spawner") } }

    /// No class runs dry, whatever the tests ask; a test of rates sets its own.
    private static let roomyRates = Dictionary(
        uniqueKeysWithValues: ["READS", "WRITES", "TOOLS", "LOGIN", "OPERATIONS", "STRANGERS"].map {
            ("LIMEN_LIMITS_RATES_\($0)_PER_MINUTE", "1000000000")
        })

    /// Starts the server and waits until it is ready.
    func start(environment: [String: String] = [:]) throws {
        let words = ["serve", "--listen", "127.0.0.1:0", "--data", data] + (manifests.map { ["--manifests", $0] } ?? [])
        let child = try Command.start(
            isOrdinary ? Ordinary.words(words + ["--accept-groups"]) : ["\(Command.bin)/limen"] + words,
            output: "\(folder)/out", complaints: "\(folder)/log",
            environment: Self.roomyRates.merging(environment) { $1 })
        state.withLock { $0.child = child }
        _ = Command.servers.withLock { $0.insert(child) }
        for _ in 0..<600 {
            if let port = announcedPort() {
                state.withLock { $0.port = port }
                return
            }
            if waitpid(child, nil, WNOHANG) == child {
                state.withLock { $0.child = 0 }
                _ = Command.servers.withLock { $0.remove(child) }
                break
            }
            usleep(50_000)
        }
        throw Command.Failure("the server did not start: \(log)")
    }

    private func announcedPort() -> UInt16? {
        let text = Command.text("\(folder)/out")
        guard let end = text.firstRange(of: "http://127.0.0.1:")?.upperBound else { return nil }
        let digits = text[end...].prefix { $0.isNumber }
        return digits.endIndex < text.endIndex ? UInt16(digits) : nil
    }

    /// Asks the server to stop and waits.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        let child = state.withLock { state in
            defer { state.child = 0 }
            return state.child
        }
        guard child > 0 else { return -1 }
        _ = Command.servers.withLock { $0.remove(child) }
        kill(child, signal)
        return Command.wait(child)
    }

    deinit {
        stop(SIGTERM)
        group.stop()
    }

    /// Sends a request with the key.
    func send(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, accept: String? = nil, key: String? = nil,
        headers more: [(String, String)] = [], port other: UInt16? = nil
    ) async throws -> (
        status: Int, json: JSONValue, text: String
    ) {
        var headers: HTTPHeaders = ["Authorization": "Bearer \(key ?? self.key)"]
        if let accept { headers.add("Accept", accept) }
        for (name, value) in more { headers.add(name, value) }
        if body != nil { headers.add("Content-Type", "application/json") }
        let request = HTTPClientRequest(method, target, headers: headers, body: Array((body ?? "").utf8))
        let port = other ?? state.withLock { $0.port }
        guard let address = SocketAddress("127.0.0.1", port: port) else { throw Command.Failure("address") }
        let loop = group.next()
        let response = try await OwnedTask(on: loop) {
            let client = HTTPClient(address: address, loop: loop)
            defer { client.close() }
            return try await client.send(request)
        }.value
        let bytes = response.bytes ?? []
        // try?: what is no JSON, such as metrics, is compared as text.
        let json = (try? JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 8 << 20))) ?? .null
        return (response.status, json, String(decoding: bytes, as: UTF8.self))
    }

    /// Sends bytes as they are and reads what comes until the server closes or `milliseconds` have passed.
    func raw(_ bytes: String, milliseconds: Int32 = 5_000) -> String {
        guard let descriptor = connect(bytes) else { return "" }
        defer { close(descriptor) }
        return read(descriptor, milliseconds: milliseconds)
    }

    /// Opens a connection and sends bytes as they are; the caller closes it.
    func connect(_ bytes: String) -> Int32? {
        let port = state.withLock { $0.port }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            return nil
        }
        let request = Array(bytes.utf8)
        _ = Glibc.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        return descriptor
    }

    /// Reads until the server closes, nothing has come for `milliseconds`, or what came holds `word`.
    func read(_ descriptor: Int32, until word: String? = nil, milliseconds: Int32 = 5_000) -> String {
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, milliseconds) > 0 else { break }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            reply.append(contentsOf: buffer[..<count])
            if let word, String(decoding: reply, as: UTF8.self).contains(word) { break }
        }
        return String(decoding: reply, as: UTF8.self)
    }

    /// The bytes of a call with the key, on a connection that ends with it.
    func invocation(_ tool: String, _ input: String, accept: String = "application/json", requestID: String = "call") -> String {
        let body = "{\"input\":\(input)}"
        return "POST /v1/tools/\(tool)/invoke HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(key)\r\nX-Request-Id: \(requestID)\r\n"
            + "Accept: \(accept)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    /// Processes whose command line names this server's folder, or that are its workers.
    func processes() -> [pid_t] { Command.processes(naming: folder) }
}
