import Glibc
import IO
import TestKit
import Testing

@testable import HTTP

@Suite(.serialized) struct TLSTests {
    @Test("curl verifies the server and gets what it asks for: replies, uploads, streams and files, over one connection")
    func curl() async throws {
        let folder = TemporaryFolder()
        let bytes = folder.write(String(repeating: "0123456789abcdef", count: 1 << 16), to: "megabyte")
        let file = try HTTPFile(FileDescriptor(open(bytes, O_RDONLY | O_CLOEXEC)))
        let running = try Running(
            secure: Answer(bodyBytesMax: 4 << 20) { request in
                switch request.path {
                case "/file": file.reply(to: request, contentType: "text/plain")
                case "/back": HTTPResponse(contentType: "application/octet-stream", request.body)
                case "/stream": .stream(contentType: "text/plain") { writer in for index in 0..<1000 { try await writer.write("\(index),") } }
                default: await echo(request)
                }
            })
        let hello = try running.curl(
            "-v $URL/a $URL/b $URL/stream -o /dev/null -o /dev/null -o /dev/null -w '%{http_code} %{http_version} %{num_connects}|'")
        #expect(hello.output.contains("200 1.1 1|") && hello.output.contains("200 1.1 0|"), "\(hello.output)")
        #expect(hello.output.contains("ALPN: server accepted http/1.1") && hello.output.contains("SSL certificate verify ok"))
        let moved = try running.curl(
            "$URL/file -o \(folder.path)/got && cmp \(folder.path)/got \(bytes) && echo file-same; "
                + "timeout 20 curl -sS --cacert \(Authority.root) --resolve main.test:\(running.address.port):127.0.0.1 --data-binary @\(bytes) $URL/back "
                + "-o \(folder.path)/back && cmp \(folder.path)/back \(bytes) && echo upload-same")
        #expect(moved.output.contains("file-same") && moved.output.contains("upload-same"), "\(moved.output)")
        #expect(try running.curl("$URL/stream").output == (0..<1000).map { "\($0)," }.joined())
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("plain HTTP on the TLS port gets a plain 400 that says what to do, whatever its method", arguments: ["GET", "OPTIONS", "PATCH"])
    func plain(method: String) async throws {
        let running = try Running(secure: Answer(body: echo)) {
            $0.errorResponse = { _, message, _ in HTTPResponse(contentType: "text/plain", Array(message.utf8)) }
        }
        let client = try RawClient(running.address)
        try client.send("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        let reply = client.receiveAll()
        #expect(reply.hasPrefix("HTTP/1.1 400 ") && reply.contains("https://") && reply.contains("Connection: close"), "\(reply)")
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("a client that does not shake hands in time is cut, and the time it took is taken from its first head")
    func slow() async throws {
        let running = try Running(secure: Answer(body: echo)) { $0.headMillisecondsMax = 600 }
        let start = Deadline.now()
        let silent = try RawClient(running.address)
        let partial = try RawClient(running.address)
        try partial.send([22, 3, 1, 2, 0, 1])
        #expect(silent.receiveAll() == "" && partial.receiveAll() == "")
        let waited = Int((Deadline.now().nanoseconds - start.nanoseconds) / 1_000_000)
        #expect((500...3000).contains(waited), "\(waited) ms")
        // Shaken hands, then half a head.
        let reply = try await running.connected { client in
            try await client.send("GET / HTTP/1.1\r\n")
            return try await client.receive()
        }
        #expect(reply.hasPrefix("HTTP/1.1 408 "), "\(reply)")
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("requests that come in one record, or a byte a record, are all answered")
    func records() async throws {
        let running = try Running(secure: Answer(body: echo))
        let request = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        let together = try await running.connected { client in
            try await client.send(String(repeating: request, count: 60))
            return try await client.receive(until: "POST /p 5", times: 60)
        }
        #expect(together.components("POST /p 5") == 60)
        let apart = try await running.connected { client in
            for byte in request { try await client.send(String(byte)) }
            return try await client.receive(until: "POST /p 5")
        }
        #expect(apart.components("POST /p 5") == 1)
        await running.stop()
    }

    @Test("a client that has said goodbye still gets its reply; a server that drains says goodbye to idle clients, and one that breaks off does not")
    func goodbyes() async throws {
        let running = try Running(
            secure: Answer { request in
                if request.path != "/broken" { return await echo(request) }
                return .stream(contentType: "text/plain") { writer in
                    try await writer.write("part")
                    throw IOError(.closed, "test")
                }
            })
        let half = try await running.connected { client in
            try await client.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
            client.stream.sayGoodbye()
            return try await client.receive()
        }
        #expect(half.contains("GET /half 0"), "\(half)")
        // HTTP/1.0: the content ends with the connection, so the goodbye alone tells a whole from a part.
        let broken = try await running.connected { client -> TLSError? in
            try await client.send("GET /broken HTTP/1.0\r\n\r\n")
            do {
                _ = try await client.receive()
                return nil
            } catch let error as IOError {
                if case .tls(let error) = error.code { return error }
                return nil
            }
        }
        #expect(broken?.kind == .truncated)
        let drained = try await running.connected { client in
            try await client.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.receive(until: "GET /idle 0")
            let drain = OwnedTask(on: running.group.loops[1]) { await running.server.drain(within: 2000) }
            let rest = try await client.receive()
            await drain.finish()
            return rest
        }
        #expect(drained == "")
        await running.group.shutdown()
    }

    @Test("a WebSocket is spoken over TLS, with messages larger than a record, by a client that others wrote")
    func webSocket() async throws {
        let running = try Running(secure: echoing(roomy()))
        let outcome = Shell.run(
            """
            timeout 30 python3 - \(running.address.port) \(try Authority.root) <<'END'
            import os,socket,ssl,struct,sys
            context=ssl.create_default_context(cafile=sys.argv[2])
            s=context.wrap_socket(socket.create_connection(("127.0.0.1",int(sys.argv[1]))),server_hostname="main.test")
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: main.test\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
            f=s.makefile("rb")
            assert f.readline().startswith(b"HTTP/1.1 101")
            while f.readline().strip(): pass
            for size in (1,125,126,65535,65536,500000):
                data=os.urandom(size)
                head=bytes([0x82])+(bytes([0x80|size]) if size<126 else bytes([0xfe])+struct.pack(">H",size) if size<65536 else bytes([0xff])+struct.pack(">Q",size))
                s.sendall(head+b"\\0\\0\\0\\0"+data)
                got=b""; final=False
                while not final:
                    a,b=f.read(2)
                    final=a&0x80!=0
                    n=b&127
                    if n==126: n=struct.unpack(">H",f.read(2))[0]
                    elif n==127: n=struct.unpack(">Q",f.read(8))[0]
                    got+=f.read(n)
                assert got==data,size
            s.sendall(bytes([0x88,0x82,0,0,0,0,3,232]))
            assert f.read(2)[0]==0x88
            print("well")
            END
            """)
        #expect(outcome.output.contains("well"), "\(outcome.output)")
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("events come at once over TLS, and a client that goes ends the stream")
    func events() async throws {
        let ended = Shared(0)
        let running = try Running(
            secure: Answer { request in
                .events(heartbeatMilliseconds: 20) { stream in
                    defer { ended.lock.withLock { $0 += 1 } }
                    for index in 0..<1000 { try await stream.send(ServerSentEvent(data: "\(index)")) }
                    if request.path == "/all" { return }
                    try await stream.loop.sleep(until: .after(milliseconds: 60_000))
                }
            })
        let all = try running.curl("-N $URL/all").output
        #expect(all.components("data: ") == 1000 && all.contains("data: 999\n"))
        let cut = try running.curl("-N --max-time 1 $URL/long").output
        #expect(cut.components("data: ") == 1000 && cut.components(":\n\n") > 5, "\(cut.suffix(200))")
        #expect(try await running.becomesEmpty())
        #expect(ended.value == 2)
        await running.stop()
    }

    @Test("a reload while fifty connections run requests drops none, and new connections get the new certificate")
    func reload() async throws {
        let authority = try Authority.shared.get()
        let folder = TemporaryFolder()
        let files = TLSServerContext.Files(certificate: "\(folder.path)/tls.pem", key: "\(folder.path)/tls.key")
        func put(_ name: String) throws {
            let issued = try authority.issue(name, names: ["DNS:main.test"])
            #expect(Shell.run("cp \(issued.certificate) \(files.certificate); cp -p \(issued.key) \(files.key)").status == 0)
        }
        try put("before")
        let context = try TLSServerContext([files])
        let running = try Running(secure: Answer(body: echo), context)
        let tls = try Authority.client()
        let (done, failed, isOver) = (Shared(0), Shared<[String]>([]), Shared(false))
        let scope = TaskScope()
        for index in 0..<50 {
            let loop = running.group.loops[index % 2]
            scope.start(on: loop) {
                let client = HTTPClient(address: running.address, loop: loop, tls: tls)
                defer { client.close() }
                while !isOver.value {
                    do {
                        let response = try await client.send(HTTPClientRequest(.get, "/x"))
                        #expect(response.status == 200)
                        done.lock.withLock { $0 += 1 }
                    } catch {
                        return failed.lock.withLock { $0.append("\(error)") }
                    }
                }
            }
        }
        func shown() -> String { Shell.run("timeout 5 openssl s_client -connect 127.0.0.1:\(running.address.port) </dev/null | grep subject").output }
        while done.value < 200 && failed.value.isEmpty { usleep(5_000) }
        #expect(shown().contains("CN = before") && running.server.connectionCount >= 50)
        for name in ["between", "after"] {
            try put(name)
            try context.reload()
            #expect(shown().contains("CN = \(name)\n"))
        }
        let before = done.value
        while done.value < before + 200 && failed.value.isEmpty { usleep(5_000) }
        isOver.lock.withLock { $0 = true }
        await scope.finish()
        #expect(failed.value == [])
        // Fifty handshakes and those of s_client: nobody had to come again.
        #expect(context.statistics.full + context.statistics.resumed == 53 && context.statistics.failed == 0, "\(context.statistics)")
        await running.stop()
    }

    @Test("a connection too many is closed before its handshake, and the others go on")
    func tooMany() async throws {
        let running = try Running(secure: Answer(body: echo)) { $0.connectionsMax = 1 }
        let reply = try await running.connected { client in
            let other = try RawClient(running.address)
            #expect(other.receiveAll() == "")
            try await client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            return try await client.receive(until: "GET /one 0")
        }
        #expect(reply.contains("GET /one 0"))
        await running.stop()
    }

    @Test("an idle TLS connection costs little: buffers are given back")
    func idle() async throws {
        let running = try Running(secure: Answer(body: echo), loops: 1)
        func resident() -> Int {
            let fields = Shell.run("cat /proc/\(getpid())/statm").output.split(separator: " ")
            return (Int(fields[1]) ?? 0) * 4096
        }
        let folder = TemporaryFolder()
        let script = folder.write(
            """
            import socket,ssl,sys,time
            context=ssl.create_default_context(); context.check_hostname=False; context.verify_mode=ssl.CERT_NONE
            held=[]
            for _ in range(int(sys.argv[2])):
                s=context.wrap_socket(socket.create_connection(("127.0.0.1",int(sys.argv[1]))))
                s.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"); s.recv(4096); held.append(s)
            print("held",flush=True)
            time.sleep(60)
            """, to: "hold.py")
        func open(_ count: Int) -> Shell.Outcome {
            Shell.run(
                """
                cd \(folder.path) && rm -f out && { python3 \(script) \(running.address.port) \(count) >out 2>&1 & echo $! >pid; }
                for i in $(seq 1000); do grep -q held out 2>/dev/null && break; sleep 0.02; done; cat out
                """)
        }
        func letGo() { _ = Shell.run("kill $(cat \(folder.path)/pid)") }
        // What the first connections bring with them once and for all.
        #expect(open(20).output.contains("held"))
        letGo()
        #expect(try await running.becomesEmpty())
        let before = resident()
        let count = 800
        #expect(open(count).output.contains("held"))
        let each = (resident() - before) / count
        print("an idle TLS connection: \(each) bytes of resident memory, HTTP and all")
        #expect(running.server.connectionCount == count && each < 64 * 1024, "\(each) bytes")
        letGo()
        #expect(try await running.becomesEmpty())
        await running.stop()
    }
}

@Suite(.serialized) struct TLSClientTests {
    @Test("an https client gets a megabyte both ways over one connection, and the next connection takes the session up again")
    func exchange() async throws {
        let context = try Authority.server()
        let running = try Running(secure: Answer(bodyBytesMax: 4 << 20) { HTTPResponse(contentType: "text/plain", $0.body) }, context)
        let tls = try Authority.client()
        let body = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        for _ in 0..<3 {
            let client = HTTPClient(address: running.address, loop: running.group.loops[1], tls: tls)
            for _ in 0..<3 { #expect(try await client.send(HTTPClientRequest(.post, "/", body: body)).bytes == body) }
            #expect(running.server.connectionCount == 1)
            client.close()
            #expect(try await running.becomesEmpty())
        }
        #expect(context.statistics.full == 1 && context.statistics.resumed == 2, "\(context.statistics)")
        let head = try await HTTPClient(address: running.address, loop: running.group.loops[0], tls: tls).send(HTTPClientRequest(.get, "/"))
        #expect(head.status == 200)
        await running.stop()
    }

    @Test("an error says in which phase it happened: connect, tls, headers, body")
    func phases() async throws {
        let running = try Running(
            secure: Answer { request in
                if request.path == "/body" {
                    return .stream(contentType: "text/plain") { writer in
                        try await writer.write("a")
                        try await writer.loop.sleep(until: .after(milliseconds: 30_000))
                    }
                }
                do { try await EventLoop.current?.sleep(until: .after(milliseconds: 30_000)) } catch { return HTTPResponse(status: 500) }
                return HTTPResponse(status: 200)
            })
        let loop = running.group.loops[0]
        func failure(_ address: SocketAddress, _ tls: HTTPClient.TLS, _ path: String = "/", _ milliseconds: Int = 3000) async throws
            -> HTTPClientError?
        {
            let client = HTTPClient(address: address, loop: loop, tls: tls)
            defer { client.close() }
            do {
                _ = try await client.send(HTTPClientRequest(.get, path), until: .after(milliseconds: milliseconds))
                return nil
            } catch {
                return error as? HTTPClientError
            }
        }
        let nobody = try #require(SocketAddress("127.0.0.1", port: 1))
        let refused = try await failure(nobody, Authority.client())
        #expect(refused?.phase == .connect && refused?.ioError?.code == .system(Errno(ECONNREFUSED)))
        let wrong = try await failure(running.address, Authority.client(host: "other.test"))
        #expect(wrong?.phase == .tls && wrong?.tlsError?.kind == .untrusted, "\(String(describing: wrong))")
        let unknown = try await failure(running.address, Authority.client(TLSClientContext()))
        #expect(unknown?.phase == .tls && unknown?.tlsError?.kind == .untrusted)
        let late = try await failure(running.address, Authority.client(), "/", 300)
        #expect(late?.phase == .headers && late?.ioError?.code == .timedOut)
        let partial = try await failure(running.address, Authority.client(), "/body", 300)
        #expect(partial?.phase == .body && partial?.ioError?.code == .timedOut)
        let plain = try Running(Answer(body: echo))
        let mute = try await failure(plain.address, Authority.client())
        #expect(mute?.phase == .tls && mute?.tlsError?.kind == .protocolViolation, "\(String(describing: mute))")
        await plain.stop()
        await running.server.drain(within: 100)
        await running.group.shutdown()
    }

    @Test("a body that ends with the connection is whole only after the server's goodbye: an attacker who cuts the line is noticed")
    func truncation() async throws {
        let group = try EventLoopGroup(count: 1)
        let reply = #"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"#
        for (goodbye, text) in [(true, reply), (false, reply), (false, #"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it"#)] {
            let server = try ForeignTLSServer(text, goodbye: goodbye)
            let client = HTTPClient(address: server.address, loop: group.loops[0], tls: try Authority.client())
            defer { client.close() }
            do {
                let response = try await client.send(HTTPClientRequest(.get, "/"), until: .after(milliseconds: 5000))
                #expect(String(decoding: response.bytes ?? [], as: UTF8.self) == "all of it")
                #expect(goodbye || text.contains("Content-Length"))
            } catch {
                #expect(!goodbye)
                let error = error as? HTTPClientError
                #expect(error?.phase == .body && error?.tlsError?.kind == .truncated, "\(String(describing: error))")
            }
        }
        await group.shutdown()
    }
}
