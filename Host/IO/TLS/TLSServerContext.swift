import COpenSSL
import Glibc
import Synchronization

/// TLS for a server: its certificates, which can be read again while connections run, and what came of its handshakes.
///
/// TLS 1.2 and 1.3, ciphers with forward secrecy alone, http/1.1 by ALPN, no renegotiation, no compression, session tickets under keys that change.
package final class TLSServerContext: Sendable {
    /// A certificate's files in PEM form: the server's own certificate with its chain after it, and the private key.
    package struct Files: Sendable, Hashable {
        package let certificate: String
        package let key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// How handshakes ended, since the start.
    package struct Statistics: Sendable, Hashable {
        package var full: UInt64 = 0
        package var resumed: UInt64 = 0
        package var failed: UInt64 = 0
        package var timedOut: UInt64 = 0
        /// Clients that spoke plain HTTP.
        package var plain: UInt64 = 0
    }

    package let files: [Files]
    /// OCSP responses in DER form; each is stapled to the certificate that it is about.
    package let staples: [String]
    private let tickets = TLSTicketKeys()
    private let identity: Lock<TLSServerIdentity>
    private let counts = Lock(Statistics())

    /// Reads everything; the first of `files` is shown to clients that ask for nobody, or for somebody else. Throws what is wrong with which file.
    package init(_ files: [Files], staples: [String] = []) throws(TLSError) {
        self.files = files
        self.staples = staples
        identity = Lock(try TLSServerIdentity(files, staples: staples, tickets: tickets))
    }

    /// Reads the files again: new connections get what they hold now, those that run keep what they have. When something is wrong, all stays as it
    /// was. Reads files, so not on a loop.
    package func reload() throws(TLSError) {
        let fresh = try TLSServerIdentity(files, staples: staples, tickets: tickets)
        identity.withLock { $0 = fresh }
    }

    private var current: TLSServerIdentity { identity.withLock { $0 } }

    /// What is in force, in the order of `files`.
    package var certificates: [TLSCertificate] { current.entries.map(\.summary) }
    /// OCSP files that are not stapled, and why; the certificates serve without them.
    package var leftOut: [TLSError] { current.leftOut }
    package var statistics: Statistics { counts.withLock { $0 } }

    /// A session for an accepted connection; its handshake is still to come.
    package func session(_ fd: Int32) throws(TLSError) -> TLSSession {
        let identity = current
        OpenSSLErrors.clear()
        guard let ssl = identity.makeSSL() else {
            throw TLSError(.system(Errno(ENOMEM)), .configuration, OpenSSLErrors.text(otherwise: "no memory for a connection"))
        }
        return try TLSSession(ssl: ssl, fd: fd, isServer: true, owner: identity)
    }

    /// Shakes hands with the client of an accepted connection by the deadline, on its loop.
    package func accept(_ registration: FDRegistration, until deadline: Deadline) async throws(IOError) -> TLSSession {
        do throws(IOError) {
            let session: TLSSession
            do throws(TLSError) { session = try self.session(registration.fd) } catch { throw IOError(.tls(error), "handshake") }
            try await session.handshake(on: registration, until: deadline)
            let isResumed = session.isResumed
            counts.withLock { if isResumed { $0.resumed += 1 } else { $0.full += 1 } }
            return session
        } catch {
            count(error)
            throw error
        }
    }

    private func count(_ error: IOError) {
        counts.withLock { counts in
            switch error.code {
            case .timedOut: counts.timedOut += 1
            case .tls(let error) where error.kind == .plainHTTP: counts.plain += 1
            default: counts.failed += 1
            }
        }
    }
}
