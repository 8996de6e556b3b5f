import API
import Config
import CLinux
import Glibc
import IO
import JSON
import Telemetry

/// The server's certificates while it runs: read again when their files change, warned of before they end, counted.
final class Certificates: Sendable {
    /// Days before its end from which on a certificate is warned of, once a day.
    static let warningDays = 14
    private static let lookMilliseconds = 2_000

    let context: TLSServerContext
    private let log: Log
    private let pool: BlockingPool
    private let seen: Lock<Seen>

    private struct Seen: Sendable {
        /// What the files looked like when they were last taken over, and at the last look.
        var inForce: [FileMark?]
        var last: [FileMark?]
        var warned = 0
    }

    /// Enough to tell one content of a file from another.
    private struct FileMark: Sendable, Hashable {
        let device: UInt
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
        let changed: Int

        /// nil when there is no such file now.
        init?(_ path: String) {
            var information = stat()
            guard stat(path, &information) == 0 else { return nil }
            (device, inode, size) = (UInt(information.st_dev), UInt(information.st_ino), Int(information.st_size))
            (seconds, nanoseconds) = (information.st_mtim.tv_sec, information.st_mtim.tv_nsec)
            changed = information.st_ctim.tv_sec &* 1_000_000_000 &+ information.st_ctim.tv_nsec
        }
    }

    /// Reads the files that the settings name; nil when they name none.
    /// - Throws: `CommandError` that says what is wrong with which file.
    init?(_ settings: Configuration, log: Log, atEnd: (@escaping @Sendable () -> Void) -> Void) throws {
        guard let tls = settings.listen.tls else { return nil }
        do throws(TLSError) {
            context = try TLSServerContext(Self.files(tls), staples: tls.staples)
        } catch {
            throw CommandError("listen.tls: \(error)")
        }
        self.log = log
        let pool = try BlockingPool(name: "certificates", threads: 1, queueMax: 4)
        self.pool = pool
        atEnd { pool.shutdown() }
        let marks = Self.marks(context)
        seen = Lock(Seen(inForce: marks, last: marks))
        report("certificate")
    }

    static func files(_ tls: Configuration.TLS) -> [TLSServerContext.Files] {
        zip(tls.certificates, tls.keys).map { TLSServerContext.Files(certificate: $0, key: $1) }
    }

    private static func marks(_ context: TLSServerContext) -> [FileMark?] {
        (context.files.flatMap { [$0.certificate, $0.key] } + context.staples).map { FileMark($0) }
    }

    /// Looks at the files every two seconds until the task is cancelled, and takes over what has changed and has been left alone since the last look.
    func watch(on loop: EventLoop) async throws {
        while true {
            try await loop.sleep(until: .after(milliseconds: Self.lookMilliseconds))
            try await pool.run { self.look() }
        }
    }

    private func look() {
        let marks = Self.marks(context)
        let isSettled = seen.withLock { seen in
            defer { seen.last = marks }
            return marks == seen.last && marks != seen.inForce
        }
        if isSettled { takeOver("files changed") }
        warn()
    }

    /// Reads the files now, because somebody said so.
    func reload(_ cause: String) async {
        do {
            try await pool.run { self.takeOver(cause) }
        } catch {
            log.error("certificates were not read again", [("cause", .string(cause)), ("reason", .string("\(error)"))])
        }
    }

    /// What is broken changes nothing, and is not tried again before it changes.
    private func takeOver(_ cause: String) {
        let marks = Self.marks(context)
        do throws(TLSError) {
            try context.reload()
            report("certificate", cause)
        } catch {
            log.error("certificates were not taken over; the old ones stay", [("cause", .string(cause)), ("reason", .string("\(error)"))])
        }
        seen.withLock { $0.inForce = marks }
    }

    private func report(_ message: String, _ cause: String = "start") {
        for certificate in context.certificates {
            log.info(
                message,
                [
                    ("cause", .string(cause)), ("file", .string(certificate.file)), ("names", .array(certificate.names.map { .string($0) })),
                    ("ends", .string(certificate.end)), ("stapled", .bool(certificate.isStapled)),
                ])
        }
        for error in context.leftOut { log.warning("an OCSP response is not stapled", [("reason", .string("\(error)"))]) }
        seen.withLock { $0.warned = 0 }
        warn()
    }

    private func warn() {
        let now = time(nil)
        let isDue = seen.withLock { seen in
            guard now - seen.warned >= 86_400 else { return false }
            seen.warned = now
            return true
        }
        guard isDue else { return }
        for certificate in context.certificates where certificate.secondsLeft(now: now) < Self.warningDays * 86_400 {
            let fields: [(String, JSONValue)] = [("file", .string(certificate.file)), ("ends", .string(certificate.end))]
            if certificate.secondsLeft(now: now) <= 0 {
                log.error("a certificate has ended: clients refuse it; put a new one in its place", fields)
            } else {
                log.warning("a certificate ends soon: put a new one in its place, it is taken over at once", fields)
            }
        }
    }

    /// Registers when certificates end, and how handshakes do.
    func observe(in metrics: Metrics) {
        let expiry = metrics.gauge(
            "limen_tls_certificate_expiry_seconds", help: "Seconds until a certificate ends, negative afterwards.", labels: ["certificate"])
        let handshakes = metrics.counter("limen_tls_handshakes_total", help: "TLS handshakes, by how they ended.", labels: ["outcome"])
        metrics.beforeScrape { [context] in
            for certificate in context.certificates { expiry.set(Double(certificate.secondsLeft()), certificate.file) }
            let counts = context.statistics
            for (outcome, count) in [
                ("full", counts.full), ("resumed", counts.resumed), ("failed", counts.failed), ("timed_out", counts.timedOut),
                ("plain_http", counts.plain),
            ] { handshakes.raise(to: Double(count), outcome) }
        }
    }
}

/// Where a server may listen without TLS.
enum PlainListening {
    /// - Throws: `CommandError` for an address that others can reach, unless TLS or a proxy in front is set.
    static func check(_ address: SocketAddress, _ settings: Configuration) throws(CommandError) {
        if address.isLoopback || settings.listen.tls != nil || settings.listen.behindProxy { return }
        throw CommandError(
            "\(address) can be reached from other machines, and without TLS keys and contents would cross the network in the clear. "
                + "Set listen.tls.certificate and listen.tls.key; or, if a proxy in front speaks TLS and nobody else reaches this address, "
                + "listen.behind_proxy to true (LIMEN_LISTEN_BEHIND_PROXY=true)")
    }
}
