import Glibc
package import IO

/// A value that threads share.
private final class Shared<Value: Sendable>: Sendable {
    let lock: Lock<Value>
    init(_ value: Value) { lock = Lock(value) }
}

/// A DNS server on loopback, over UDP and TCP: each question gets the next of its name's answers, the last one again and again.
package final class CaseNameServer: Sendable {
    /// Records of one answer: aliases, then addresses.
    package struct Answer: Sendable {
        package var aliases: [String] = []
        package var addresses: [String] = []
        /// Says over UDP that it did not fit, so that the resolver asks again over TCP.
        package var isCut = false

        package init(aliases: [String] = [], addresses: [String] = [], isCut: Bool = false) {
            (self.aliases, self.addresses, self.isCut) = (aliases, addresses, isCut)
        }
    }

    private let sockets: (udp: Int32, tcp: Int32)
    private let threads: [JoinedThread]
    private let zone: Shared<[String: [Answer]]>
    package let address: SocketAddress
    /// Questions by name, type and way.
    package var asked: [String] { questions.lock.withLock { $0 } }
    private let questions = Shared<[String]>([])

    package init(_ zone: [String: [Answer]]) throws {
        self.zone = Shared(zone)
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
        let (asked, zone) = (questions, self.zone)
        threads = [
            try JoinedThread { Self.serveDatagrams(udp, zone, asked) }, try JoinedThread { Self.serveStreams(tcp, zone, asked) },
        ]
    }

    private static func serveDatagrams(_ fd: Int32, _ zone: Shared<[String: [Answer]]>, _ asked: Shared<[String]>) {
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

    private static func serveStreams(_ listener: Int32, _ zone: Shared<[String: [Answer]]>, _ asked: Shared<[String]>) {
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

    private static func answer(_ query: [UInt8], _ zone: Shared<[String: [Answer]]>, _ asked: Shared<[String]>, isStream: Bool) -> [UInt8] {
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

    package func stop() {
        shutdown(sockets.tcp, Int32(SHUT_RDWR))
        shutdown(sockets.udp, Int32(SHUT_RDWR))
        for thread in threads { thread.join() }
        close(sockets.tcp)
        close(sockets.udp)
    }
}
