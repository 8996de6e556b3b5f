import COpenSSL
import Glibc

/// TLS for a client: the server's certificate is always verified, against the system's roots and what is added, for exactly the host that was asked for.
///
/// There is no way to switch that off. TLS 1.2 and 1.3, http/1.1 by ALPN, sessions taken up again by host, port and scope.
package final class TLSClientContext: @unchecked Sendable {
    // SAFETY: `context` is set up before `init` returns and then only used to make sessions, which OpenSSL allows from any thread; the cache locks.
    private let context: OpaquePointer
    private let cache = TLSSessionCache()

    /// - Parameters:
    ///   - authorities: a PEM file of roots beside the system's own.
    ///   - revocations: a PEM file of revocation lists; certificates of their issuers are looked up there, others are not.
    package init(authorities: String? = nil, revocations: String? = nil) throws(TLSError) {
        OpenSSLErrors.clear()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw TLSError(.protocolViolation, .configuration, OpenSSLErrors.text(otherwise: "no context"))
        }
        self.context = context
        guard copenssl_context_prepare(context) == 1, SSL_CTX_set_default_verify_paths(context) == 1,
            SSL_CTX_set_alpn_protos(context, TLSProtocolChoice.offer, UInt32(TLSProtocolChoice.offer.count)) == 0
        else { throw TLSError(.protocolViolation, .configuration, OpenSSLErrors.text(otherwise: "the library refuses its settings")) }
        if let authorities, SSL_CTX_load_verify_file(context, authorities) != 1 {
            throw .file(authorities, "holds no certificates of authorities in PEM form: \(OpenSSLErrors.text(otherwise: "unreadable"))")
        }
        if let revocations, copenssl_context_add_revocations(context, revocations) != 1 {
            throw .file(revocations, "holds no revocation lists in PEM form: \(OpenSSLErrors.text(otherwise: "unreadable"))")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { isGood, store in TLSClientContext.verify(isGood, store) }
        copenssl_context_own_session_cache(context)
        SSL_CTX_sess_set_new_cb(context) { ssl, session in TLSClientContext.keep(ssl, session) }
        copenssl_context_on_status(context, { ssl, _ in TLSClientContext.acceptsStaple(ssl) }, nil)
    }

    deinit { SSL_CTX_free(context) }

    /// Servers of whom a session is kept.
    package var cachedServers: Int { cache.count }

    /// A session for a connection to `host`; its handshake is still to come.
    /// - Parameters:
    ///   - host: a name in ASCII, or an IP address; the certificate must be for it.
    ///   - scope: connections of different scopes never share a session.
    package func session(_ fd: Int32, host: String, port: UInt16 = 443, scope: String = "") throws(TLSError) -> TLSSession {
        let host = host.hasSuffix(".") ? String(host.dropLast()) : host
        // An empty name would be no check at all, a leading dot one for a whole domain.
        guard !host.isEmpty, !host.hasPrefix("."), host.utf8.count <= 253, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw TLSError(.untrusted, .configuration, "no host to verify the certificate for")
        }
        OpenSSLErrors.clear()
        guard let ssl = SSL_new(context) else {
            throw TLSError(.system(Errno(ENOMEM)), .configuration, OpenSSLErrors.text(otherwise: "no memory for a connection"))
        }
        let isAddress = SocketAddress(host, port: 0) != nil
        let isSet =
            isAddress
            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
            : SSL_set1_host(ssl, host) == 1 && copenssl_set_server_name(ssl, host) == 1
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard isSet, copenssl_ask_for_staple(ssl) == 1 else {
            SSL_free(ssl)
            throw TLSError(.untrusted, .configuration, OpenSSLErrors.text(otherwise: "the host cannot be verified"))
        }
        let key = "\(host.lowercased()) \(port) \(scope)"
        cache.offer(key, in: ssl)
        let session = try TLSSession(ssl: ssl, fd: fd, isServer: false, owner: self)
        session.cacheKey = key
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(session).toOpaque())
        return session
    }

    /// Shakes hands with a server over a connected socket by the deadline, on its loop.
    package func connect(
        _ registration: FDRegistration, host: String, port: UInt16 = 443, scope: String = "", until deadline: Deadline
    ) async throws(IOError) -> TLSSession {
        let session: TLSSession
        do throws(TLSError) {
            session = try self.session(registration.fd, host: host, port: port, scope: scope)
        } catch {
            throw IOError(.tls(error), "handshake")
        }
        try await session.handshake(on: registration, until: deadline)
        return session
    }

    /// Verification's last word on one certificate: nothing that it refuses is let through, but an issuer of whom there is no revocation list.
    private static func verify(_ isGood: Int32, _ store: OpaquePointer?) -> Int32 {
        if isGood == 1 { return 1 }
        guard X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL else { return 0 }
        X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }

    /// Keeps a session that the server offers; 1 when the reference is taken over.
    private static func keep(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
        guard let session, let pointer = SSL_get_ex_data(ssl, 0) else { return 0 }
        let connection = Unmanaged<TLSSession>.fromOpaque(pointer).takeUnretainedValue()
        guard let key = connection.cacheKey, let context = connection.client else { return 0 }
        context.cache.store(session, for: key)
        return 1
    }

    /// 1 when the stapled OCSP response, if there is one, says that the certificate stands; a certificate that promises one must bring it.
    private static func acceptsStaple(_ ssl: OpaquePointer?) -> Int32 {
        // A session that is taken up again brings no certificate and no response.
        guard let ssl, SSL_session_reused(ssl) == 0 else { return 1 }
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return 0 }
        var bytes: UnsafePointer<UInt8>?
        let count = copenssl_get_staple(ssl, &bytes)
        guard let bytes, count > 0 else { return copenssl_must_staple(certificate) == 1 ? 0 : 1 }
        guard let issuer = copenssl_verified_issuer(ssl) else { return 0 }
        if case .good = TLSStaple.judge(UnsafeBufferPointer(start: bytes, count: count), certificate, issuer: issuer) { return 1 }
        return 0
    }
}
