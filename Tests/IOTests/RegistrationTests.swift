import Glibc
import IO
import Testing

@Suite struct RegistrationTests {
    @Test("readable waits for data, sees what came before, and times out")
    func readable() async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let registration = try loop.register(pair.near)
            defer { registration.deregister() }
            let start = Deadline.now()
            #expect(await codeThrown { try await registration.readable(until: .after(milliseconds: 30)) } == .timedOut)
            #expect((29..<2000).contains(elapsed(since: start)))
            loop.schedule(at: .after(milliseconds: 10)) { try? pair.send([1, 2, 3]) }
            try await registration.readable(until: .after(milliseconds: 1000))
            // Nothing was read, so it must still be readable although no new edge comes.
            try await registration.readable(until: .after(milliseconds: 1000))
            var buffer = [UInt8](repeating: 0, count: 2)
            #expect(try buffer.withUnsafeMutableBytes { try Syscall.read(pair.near, $0) } == 2)
            try await registration.readable(until: .after(milliseconds: 1000))
            #expect(try buffer.withUnsafeMutableBytes { try Syscall.read(pair.near, $0) } == 1)
            #expect(await codeThrown { try await registration.readable(until: .after(milliseconds: 10)) } == .timedOut)
        }
    }

    @Test("a deadline moved back and forth between waits is kept each time")
    func movingDeadlines() async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let registration = try loop.register(pair.near)
            defer { registration.deregister() }
            for wait in [60, 10, 40, 5, 20] {
                let start = Deadline.now()
                #expect(await codeThrown { try await registration.readEdge(until: .after(milliseconds: wait)) } == .timedOut)
                #expect((wait - 1..<wait + 2000).contains(elapsed(since: start)))
            }
        }
    }

    @Test("writable waits for room, and writing all passes on what fits")
    func writable() async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let near = try loop.register(pair.near)
            let far = try loop.register(pair.far)
            defer {
                near.deregister()
                far.deregister()
            }
            let payload = [UInt8](repeating: 7, count: 4 << 20)
            let writer = OwnedTask(on: loop) {
                try await near.write(payload, until: .after(milliseconds: 5000))
            }
            let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
            defer { scratch.deallocate() }
            var total = 0
            while total < payload.count { total += try await far.read(into: scratch, until: .after(milliseconds: 5000)) }
            try await writer.value
            #expect(total == payload.count)
            // Fill it, then a wait for room must time out.
            while try payload.withUnsafeBytes({ try Syscall.send(pair.near, $0) }) != nil {}
            #expect(await codeThrown { try await near.writable(until: .after(milliseconds: 20)) } == .timedOut)
        }
    }

    @Test("cancelling the task ends a wait, and only that wait")
    func cancellation() async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let registration = try loop.register(pair.near)
            defer { registration.deregister() }
            let waiting = OwnedTask(on: loop) { await codeThrown { try await registration.readable(until: .distantFuture) } }
            try await loop.sleep(until: .after(milliseconds: 10))
            let start = Deadline.now()
            waiting.cancel()
            #expect(try await waiting.value == .cancelled)
            #expect(elapsed(since: start) < 2000)
            loop.schedule(at: .after(milliseconds: 10)) { try? pair.send([1]) }
            try await registration.readable(until: .after(milliseconds: 1000))
        }
    }

    @Test("the end of the peer wakes the reader and is told as a half or a whole end", arguments: [true, false])
    func hangup(half: Bool) async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let registration = try loop.register(pair.near)
            defer { registration.deregister() }
            let told = Lock<[Bool]>([])
            registration.onHangup = { isHalf in told.withLock { $0.append(isHalf) } }
            if half { try Sockets.shutdownWrites(pair.far) } else { try pair.closeFar() }
            try await registration.readable(until: .after(milliseconds: 1000))
            try await loop.sleep(until: .after(milliseconds: 5))
            #expect(registration.hasHungUp)
            #expect(told.withLock { $0 }.first == half)
        }
    }

    @Test("deregistering ends the waits, and an event of the former tenant never reaches the next")
    func staleEvents() async throws {
        try await onLoop { loop in
            for _ in 0..<200 {
                let pair = try Pair()
                let first = try loop.register(pair.near)
                let waiting = OwnedTask(on: loop) { await codeThrown { try await first.readEdge(until: .distantFuture) } }
                await Task.yield()
                try pair.send([1])
                first.deregister()
                first.deregister()
                let other = try Pair()
                let second = try loop.register(other.near)
                #expect(await codeThrown { try await second.readEdge(until: .after(milliseconds: 1)) } == .timedOut)
                #expect(try await waiting.value == .closed)
                second.deregister()
                #expect(await codeThrown { try await second.readable(until: .distantFuture) } == .closed)
            }
            #expect(loop.statistics.registrations == 0)
        }
    }

    @Test("a descriptor that cannot be watched is an error, not a trap")
    func badDescriptor() async throws {
        let code = try await onLoop { loop in await codeThrown { _ = try loop.register(9999) } }
        #expect(code == .system(Errno(EBADF)))
    }
}
