import Glibc
import IO
import TestKit

@testable import HTTP

/// One authority for all tests of a run, and certificates for `main.test`.
enum Authority {
    static let shared = Result { try TestAuthority() }
    static let main = Result { try shared.get().issue("main", names: ["DNS:main.test", "IP:127.0.0.1"]) }
    static var root: String { get throws { try shared.get().root } }

    static func server() throws -> TLSServerContext {
        let issued = try main.get()
        return try TLSServerContext([.init(certificate: issued.certificate, key: issued.key)])
    }

    static func client(_ context: TLSClientContext? = nil, host: String = "main.test") throws -> HTTPClient.TLS {
        HTTPClient.TLS(try context ?? TLSClientContext(authorities: root), host: host)
    }
}

extension Running {
    /// A server that speaks TLS for `main.test`.
    convenience init(
        secure handler: any HTTPHandler, _ context: TLSServerContext? = nil, loops: Int = 2,
        _ change: (inout HTTPServerConfiguration) -> Void = { _ in }
    ) throws {
        let tls = try context ?? Authority.server()
        try self.init(handler, loops: loops) {
            $0.tls = tls
            change(&$0)
        }
    }

    /// curl with our authority, for `https://main.test:PORT` as `$URL`.
    func curl(_ options: String) throws -> Shell.Outcome {
        Shell.run(
            "URL=https://main.test:\(address.port); timeout 20 curl -sS --cacert \(try Authority.root) --resolve main.test:\(address.port):127.0.0.1 \(options)"
        )
    }

    /// Runs `body` with a connection on one of the server's loops.
    func connected<T: Sendable>(_ body: @escaping @Sendable (SecureClient) async throws -> T) async throws -> T {
        let (loop, address) = (group.loops[0], address)
        return try await OwnedTask(on: loop) {
            let client = try await SecureClient(address, loop)
            defer { client.stream.close() }
            return try await body(client)
        }.value
    }
}

/// A client that says exactly what it is told, over TLS.
struct SecureClient {
    let stream: SocketStream
    private let deadline = Deadline.after(milliseconds: 10_000)

    init(_ address: SocketAddress, _ loop: EventLoop) async throws {
        let context = try TLSClientContext(authorities: Authority.root)
        let socket = try Sockets.connect(to: address)
        let registration = try loop.register(socket.release())
        do {
            try await registration.writable(until: deadline)
            stream = SocketStream(registration, tls: try await context.connect(registration, host: "main.test", until: deadline))
        } catch {
            SocketStream(registration).close()
            throw error
        }
    }

    func send(_ text: String) async throws { try await stream.write(Array(text.utf8), until: deadline) }

    /// What comes until the server's goodbye, or until `word` has come so many times.
    func receive(until word: String? = nil, times: Int = 1) async throws -> String {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        var all = ""
        while true {
            let count = try await stream.read(into: buffer, until: deadline)
            if count == 0 { return all }
            all += String(decoding: buffer[..<count], as: UTF8.self)
            if let word, all.components(word) >= times { return all }
        }
    }
}

/// Python's ssl as a server that says one thing to one client and ends, with a goodbye or without.
final class ForeignTLSServer: Sendable {
    let address: SocketAddress
    private let folder = TemporaryFolder()

    init(_ reply: String, goodbye: Bool) throws {
        let issued = try Authority.main.get()
        let script = """
            import socket,ssl,sys
            context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1],sys.argv[2])
            listener=socket.create_server(("127.0.0.1",0))
            print("port",listener.getsockname()[1],flush=True)
            client,_=listener.accept()
            s=context.wrap_socket(client,server_side=True)
            s.recv(65536)
            s.sendall(sys.argv[3].encode().decode("unicode_escape").encode())
            if sys.argv[4]=="bye":
                try: s.unwrap()
                except OSError: pass
            s.close()
            """
        let file = folder.write(script, to: "server.py")
        let output = Shell.run(
            "cd \(folder.path) && (timeout 20 python3 \(file) \(issued.certificate) \(issued.key) '\(reply)' \(goodbye ? "bye" : "cut") >out 2>err &) ; "
                + "for i in $(seq 200); do grep -q port out && break; sleep 0.02; done; cat out err"
        ).output
        guard let start = output.firstRange(of: "port ")?.upperBound, let port = UInt16(output[start...].prefix { $0.isNumber }),
            let address = SocketAddress("127.0.0.1", port: port)
        else { throw TestAuthority.Failure(description: output) }
        self.address = address
    }
}
