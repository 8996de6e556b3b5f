import CLinux
import Glibc

/// Signals as values: a handler writes the number into a pipe, and a task waits for it.
package final class SignalSource: Sendable {
    private let readEnd: FileDescriptor
    private let writeEnd: FileDescriptor
    private let signals: [Int32]

    /// Takes over `signals` (SIGTERM, SIGINT, SIGHUP, …) for the whole process until it is let go.
    package init(_ signals: [Int32]) throws(IOError) {
        var fds: (Int32, Int32) = (-1, -1)
        do {
            _ = try withUnsafeMutableBytes(of: &fds) { bytes throws(Errno) in
                try Syscall.retrying { clinux_pipe2(bytes.baseAddress?.assumingMemoryBound(to: Int32.self)) }
            }
            readEnd = FileDescriptor(fds.0)
            writeEnd = FileDescriptor(fds.1)
            self.signals = signals
            for signal in signals { try Syscall.retrying { clinux_signal_to_pipe(signal, fds.1) } }
        } catch {
            throw IOError(.system(error), "signals")
        }
    }

    /// Calls `body` for each signal, one after another, until the task is cancelled; runs on the caller's loop.
    package func receive(_ body: (Int32) async -> Void) async throws(IOError) {
        guard let loop = EventLoop.current else { preconditionFailure("signals are awaited on a loop") }
        let registration = try loop.register(readEnd.raw)
        defer { registration.deregister() }
        while true {
            let number = try await next(registration)
            await body(Int32(number))
        }
    }

    private func next(_ registration: FDRegistration) async throws(IOError) -> UInt8 {
        while true {
            var number: UInt8 = 0
            do throws(Errno) {
                let count = try withUnsafeMutableBytes(of: &number) { bytes throws(Errno) in try Syscall.read(readEnd.raw, bytes) }
                if count == 1 { return number }
            } catch {
                throw IOError(.system(error), "signals")
            }
            try await registration.readEdge(until: .distantFuture)
        }
    }

    /// Makes writes to a closed pipe an error (EPIPE) instead of the end of the process; call it first thing in `main`.
    package static func ignoreBrokenPipes() {
        let result = clinux_signal_ignore(SIGPIPE)
        precondition(result == 0, "SIGPIPE can always be ignored")
    }

    deinit {
        // The handlers go before the pipe they write to.
        for signal in signals { _ = clinux_signal_default(signal) }
    }
}
