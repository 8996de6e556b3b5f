import Glibc
import IO

/// A server that says what no good one would: a script for each path.
package final class RawUpstream: Sendable {
    package enum Script: Sendable {
        /// These bytes, then the end.
        case says(String)
        /// These bytes, one every few milliseconds, then silence.
        case drips(String)
        /// The first bytes, then the second ones without end.
        case endless(String, String)
        /// Nothing, until the client goes.
        case silent
    }

    private let listener: Int32
    private let thread: JoinedThread
    package let port: Int

    package init(_ scripts: [String: Script]) throws {
        guard let address = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let socket = try Sockets.listen(on: address)
        port = Int(try Sockets.localAddress(socket.raw).port)
        listener = socket.release()
        let listener = listener
        _ = fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK)
        thread = try JoinedThread {
            while true {
                let fd = accept(listener, nil, nil)
                if fd < 0 { return }
                Self.serve(fd, scripts)
                close(fd)
            }
        }
    }

    private static func serve(_ fd: Int32, _ scripts: [String: Script]) {
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = recv(fd, &buffer, buffer.count, 0)
        let words = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: " ")
        guard words.count > 1, let script = scripts[String(words[1])] else { return }
        func send(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0
        }
        switch script {
        case .says(let text): _ = send(text)
        case .drips(let text):
            for character in text.utf8 {
                guard send(String(decoding: [character], as: UTF8.self)) else { return }
                usleep(5_000)
            }
            _ = recv(fd, &buffer, buffer.count, 0)
        case .endless(let first, let next):
            guard send(first) else { return }
            while send(next) { continue }
        case .silent: _ = recv(fd, &buffer, buffer.count, 0)
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        thread.join()
        close(listener)
    }
}

/// A thread that can be kept anywhere; joined once.
final class JoinedThread: Sendable {
    private let thread: Lock<IO.Thread?>

    init(_ body: @escaping @Sendable () -> Void) throws {
        thread = Lock(nil)
        var started: IO.Thread? = try IO.Thread(name: "case", body)
        thread.withLock { swap(&$0, &started) }
    }

    func join() {
        var started: IO.Thread?
        thread.withLock { swap(&$0, &started) }
        started?.join()
    }
}
