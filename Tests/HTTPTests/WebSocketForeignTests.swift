import Foundation
import IO
import Testing

@testable import HTTP

/// A client that others wrote: Python's `websockets`, pinned, in a virtual environment below .build that is kept.
@Suite(.serialized) struct WebSocketForeignTests {
    private static let version = "websockets==17.4"
    private static let environment = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".build/websockets-17.4")

    private static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    /// The interpreter with the client, made at the first run; nil where it cannot be had.
    private static let python: String? = {
        let python = environment.appending(path: "bin/python").path
        let hasClient = { (try? run(python, ["-c", "import websockets"]).status) == 0 }
        if hasClient() { return python }
        // Whatever goes wrong, the client cannot be had.
        guard (try? run("/usr/bin/env", ["python3", "-m", "venv", environment.path]).status) == 0,
            (try? run(python, ["-m", "pip", "install", "--quiet", version]).status) == 0, hasClient()
        else { return nil }
        return python
    }()

    private static let script = """
        import asyncio, os, sys, websockets
        async def main(url, compression):
            async with websockets.connect(url, compression=compression, max_size=None) as ws:
                for size in (0, 1, 125, 126, 65535, 65536, 500000):
                    text = "ä" * (size // 2)
                    await ws.send(text)
                    assert await ws.recv() == text, size
                    data = os.urandom(size)
                    await ws.send(data)
                    assert await ws.recv() == data, size
                await ws.send(["frag", "ment", "s"])
                assert await ws.recv() == "fragments"
                await asyncio.wait_for(await ws.ping(b"hello"), 5)
                print("extensions", ws.response.headers.get("Sec-WebSocket-Extensions"))
            assert ws.close_code == 1000, ws.close_code
            print("well")
        asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
        """

    @Test(
        "a foreign client (Python's websockets) is echoed, with and without compression and context",
        .enabled("not run: python3 with venv, pip and an index of packages is needed") { python != nil })
    func foreign() async throws {
        let python = try #require(Self.python)
        for keepsContext in [false, true] {
            let running = try Running(echoing(roomy { $0.compression?.keepsContext = keepsContext }))
            let url = "ws://127.0.0.1:\(running.address.port)/"
            for arguments in [[url], [url, "deflate"]] {
                let (status, output) = try Self.run(python, ["-c", Self.script] + arguments)
                #expect(status == 0 && output.contains("well"), "\(output)")
                #expect(output.contains("permessage-deflate") == (arguments.count > 1), "\(output)")
            }
            #expect(try await running.becomesEmpty())
            await running.stop()
        }
    }
}
