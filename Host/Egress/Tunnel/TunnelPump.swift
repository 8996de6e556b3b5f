internal import Glibc
internal import IO

/// Carries bytes both ways between a plugin's client and its server until both have ended, or the quota has.
///
/// What is read is sent on at once from a buffer that all tunnels of a loop share; only what the other side does not take yet is kept, and while it is kept
/// nothing more is read. An idle tunnel therefore holds no buffer at all.
final class TunnelPump: @unchecked Sendable {
    // SAFETY: used only on the loop that both sockets live on.
    private let client: SocketStream
    private let server: SocketStream
    private let scratch: UnsafeMutableRawBufferPointer
    private let passed: (Int) -> Void
    private(set) var meter: TunnelMeter

    /// - Parameters:
    ///   - scratch: lent for as long as the pump lives; its contents are nobody's after a wait.
    ///   - passed: hears of bytes as they are read.
    init(
        client: SocketStream, server: SocketStream, scratch: UnsafeMutableRawBufferPointer, quota: TunnelQuota, passed: @escaping (Int) -> Void
    ) {
        self.passed = passed
        self.client = client
        self.server = server
        self.scratch = scratch
        meter = TunnelMeter(quota, at: .now())
    }

    /// Runs the tunnel; both sockets are closed when it returns.
    func run() async -> TunnelEnd {
        await withTaskGroup(of: TunnelEnd?.self) { group in
            group.addTask { await self.carry(.up) }
            group.addTask { await self.carry(.down) }
            var end = TunnelEnd.finished
            for await outcome in group {
                // The first reason is the reason; closing ends the other direction.
                if let outcome, end == .finished { end = outcome }
                if outcome != nil { close() }
            }
            close()
            return end
        }
    }

    private func close() {
        client.close()
        server.close()
    }

    /// One direction until its end, which is carried over as such; a reason when it is the whole tunnel's end.
    private func carry(_ direction: TunnelMeter.Direction) async -> TunnelEnd? {
        let (from, to) = direction == .up ? (client, server) : (server, client)
        do throws(IOError) {
            var turn = 0
            while true {
                guard let count = try from.receive(into: scratch) else {
                    if let end = try await wait({ deadline throws(IOError) in try await from.readEdge(until: deadline) }) { return end }
                    continue
                }
                if count == 0 {
                    try to.shutdownWrites()
                    return nil
                }
                passed(count)
                if let end = meter.take(count, direction, at: from.loop.turnDeadline) { return end }
                if let end = try await pass(UnsafeRawBufferPointer(rebasing: scratch[..<count]), to) { return end }
                turn += 1
                // A side that always has more must not hold the loop.
                if turn % Limits.tunnelBurstMax == 0 { await Task.yield() }
            }
        } catch {
            return .broken
        }
    }

    /// Sends all of `bytes`, which are copied only if they do not go at once.
    private func pass(_ bytes: UnsafeRawBufferPointer, _ to: SocketStream) async throws(IOError) -> TunnelEnd? {
        let sent = try Self.send(bytes, to)
        guard sent < bytes.count else { return nil }
        let rest = Array(bytes[sent...])
        var offset = 0
        while offset < rest.count {
            if let count = try to.send(rest, from: offset) {
                offset += count
            } else if let end = try await wait({ deadline throws(IOError) in try await to.writeEdge(until: deadline) }) {
                return end
            }
        }
        return nil
    }

    private static func send(_ bytes: UnsafeRawBufferPointer, _ to: SocketStream) throws(IOError) -> Int {
        guard to.registration.isOpen else { throw IOError(.closed, "write") }
        do throws(Errno) { return try Syscall.send(to.registration.fd, bytes) ?? 0 } catch { throw IOError(.system(error), "write") }
    }

    /// Waits for an edge as long as the quota lets the tunnel be idle.
    private func wait(_ edge: (Deadline) async throws(IOError) -> Void) async throws(IOError) -> TunnelEnd? {
        do throws(IOError) {
            try await edge(meter.next)
            return nil
        } catch {
            guard error.code == .timedOut else { throw error }
            return meter.expired(at: .now())
        }
    }
}
