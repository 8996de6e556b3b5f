import IO
import TestKit
import Testing

@testable import HTTP

/// A client that others wrote: Python's `websockets`, pinned.
@Suite(.serialized) struct WebSocketForeignTests {
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

    @Test("a foreign client (Python's websockets) is echoed, with and without compression and context")
    func foreign() async throws {
        let python = "\(try PythonPackages.bin("websockets==17.4"))/python"
        let folder = TemporaryFolder()
        let script = folder.write(Self.script, to: "client.py")
        for keepsContext in [false, true] {
            let running = try Running(echoing(roomy { $0.compression?.keepsContext = keepsContext }))
            let url = "ws://127.0.0.1:\(running.address.port)/"
            for arguments in [[url], [url, "deflate"]] {
                let outcome = Shell.run("'\(python)' '\(script)' \(arguments.joined(separator: " "))")
                #expect(outcome.status == 0 && outcome.output.contains("well"), "\(outcome.output)")
                #expect(outcome.output.contains("permessage-deflate") == (arguments.count > 1), "\(outcome.output)")
            }
            #expect(try await running.becomesEmpty())
            await running.stop()
        }
    }
}
