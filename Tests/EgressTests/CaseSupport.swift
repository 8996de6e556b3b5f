import Glibc
import HTTP
import Registry
import TestKit

@testable import Egress
@testable import IO

/// One attack on the proxy, or one ordinary request beside them, and what must become of it.
struct EgressCase: Sendable {
    let name: String
    /// Such as `200`, `refused host_not_allowed` or `failed tls`.
    let expected: String
    let url: String
    var method = "GET"
    var fields: [(name: String, value: String)] = []
    var follows = false
    /// Milliseconds that the plugin gives it.
    var patience: Int?
    /// No name may have been asked for, and no server reached.
    var isSilent = false

    init(
        _ name: String, _ expected: String, _ url: String, method: String = "GET", fields: [(name: String, value: String)] = [],
        follows: Bool = false, patience: Int? = nil, isSilent: Bool = false
    ) {
        (self.name, self.expected, self.url, self.method, self.fields) = (name, expected, url, method, fields)
        (self.follows, self.patience, self.isSilent) = (follows, patience, isSilent)
    }
}

extension Result where Success == EgressReply, Failure == EgressError {
    /// In the words of a case.
    var outcome: String {
        switch self {
        case .success(let reply): "\(reply.status)"
        case .failure(.refused(let rule)): "refused \(rule.rawValue)"
        case .failure(.failed(let failure)): "failed \(failure.phase.rawValue)"
        case .failure(.cancelled): "cancelled"
        }
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

/// A server that says what no good one would: a script for each path.
final class RawUpstream: Sendable {
    enum Script: Sendable {
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
    let port: Int

    init(_ scripts: [String: Script]) throws {
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

/// A DNS server on loopback, over UDP and TCP: each question gets the next of its name's answers, the last one again and again.
final class CaseNameServer: Sendable {
    /// Records of one answer: aliases, then addresses.
    struct Answer: Sendable {
        var aliases: [String] = []
        var addresses: [String] = []
        /// Says over UDP that it did not fit, so that the resolver asks again over TCP.
        var isCut = false
    }

    private let sockets: (udp: Int32, tcp: Int32)
    private let threads: [JoinedThread]
    private let zone: Box<[String: [Answer]]>
    let address: SocketAddress
    /// Questions by name, type and way.
    let asked = Box<[String]>([])

    init(_ zone: [String: [Answer]]) throws {
        self.zone = Box(zone)
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let listener = try Sockets.listen(on: any)
        let bound = try Sockets.localAddress(listener.raw)
        address = bound
        let tcp = listener.release()
        _ = fcntl(tcp, F_SETFL, fcntl(tcp, F_GETFL) & ~O_NONBLOCK)
        let udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var here = sockaddr_in()
        here.sin_family = sa_family_t(AF_INET)
        here.sin_port = bound.port.bigEndian
        here.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafePointer(to: &here) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(udp, $0, size) } }
        guard code == 0 else { throw IOError(.closed, "bind") }
        sockets = (udp, tcp)
        let (asked, zone) = (asked, self.zone)
        threads = [
            try JoinedThread { Self.serveDatagrams(udp, zone, asked) }, try JoinedThread { Self.serveStreams(tcp, zone, asked) },
        ]
    }

    private static func serveDatagrams(_ fd: Int32, _ zone: Box<[String: [Answer]]>, _ asked: Box<[String]>) {
        var buffer = [UInt8](repeating: 0, count: 1500)
        while true {
            var peer = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(fd, &buffer, buffer.count, 0, $0, &length) }
            }
            if count <= 12 { return }
            let reply = answer(Array(buffer[..<count]), zone, asked, isStream: false)
            _ = withUnsafePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, reply, reply.count, 0, $0, length) }
            }
        }
    }

    private static func serveStreams(_ listener: Int32, _ zone: Box<[String: [Answer]]>, _ asked: Box<[String]>) {
        var buffer = [UInt8](repeating: 0, count: 1500)
        while true {
            let fd = accept(listener, nil, nil)
            if fd < 0 { return }
            // Both questions of a look-up may come in one piece.
            var pending: [UInt8] = []
            while true {
                let count = recv(fd, &buffer, buffer.count, 0)
                if count <= 0 { break }
                pending += buffer[..<count]
                while pending.count > 2 {
                    let length = Int(pending[0]) << 8 | Int(pending[1])
                    guard pending.count >= 2 + length else { break }
                    let reply = answer(Array(pending[2..<(2 + length)]), zone, asked, isStream: true)
                    pending.removeFirst(2 + length)
                    let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 255)] + reply
                    _ = Glibc.send(fd, framed, framed.count, Int32(MSG_NOSIGNAL))
                }
            }
            close(fd)
        }
    }

    private static func answer(_ query: [UInt8], _ zone: Box<[String: [Answer]]>, _ asked: Box<[String]>, isStream: Bool) -> [UInt8] {
        var labels: [String] = []
        var index = 12
        while query[index] != 0 {
            let end = index + 1 + Int(query[index])
            labels.append(String(decoding: query[(index + 1)..<end], as: UTF8.self))
            index = end
        }
        let (name, type) = (labels.joined(separator: "."), Int(query[index + 2]))
        asked.lock.withLock { $0.append("\(name)/\(type)/\(isStream ? "tcp" : "udp")") }
        let found: Answer? = zone.lock.withLock { zone in
            guard var list = zone[name] else { return nil }
            // The next answer is for the next look-up, which asks for both families.
            let answer = list[0]
            if list.count > 1, type == 28 { list.removeFirst() }
            zone[name] = list
            return answer
        }
        let question = Array(query[12..<(index + 5)])
        guard let found else { return Array(query[..<2]) + [0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0] + question }
        if found.isCut, !isStream { return Array(query[..<2]) + [0x83, 0x80, 0, 1, 0, 0, 0, 0, 0, 0] + question }
        var records: [[UInt8]] = []
        var owner = name
        for alias in found.aliases {
            records.append(record(owner, 5, encoded(alias)))
            owner = alias
        }
        for text in found.addresses {
            guard let bytes = SocketAddress(text, port: 0)?.bytes, (bytes.count == 4) == (type == 1) else { continue }
            records.append(record(owner, type, bytes))
        }
        return Array(query[..<2]) + [0x81, 0x80, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0] + question + records.flatMap { $0 }
    }

    private static func encoded(_ name: String) -> [UInt8] { name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0] }

    private static func record(_ name: String, _ type: Int, _ data: [UInt8]) -> [UInt8] {
        encoded(name) + [0, UInt8(type), 0, 1, 0, 0, 0, 0, 0, UInt8(data.count)] + data
    }

    func stop() {
        shutdown(sockets.tcp, Int32(SHUT_RDWR))
        shutdown(sockets.udp, Int32(SHUT_RDWR))
        for thread in threads { thread.join() }
        close(sockets.tcp)
        close(sockets.udp)
    }
}
