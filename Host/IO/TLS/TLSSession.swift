import COpenSSL
import Glibc

/// TLS on one connection's non-blocking descriptor, which stays the caller's; every call on the connection's loop.
///
/// A call that cannot go on says so by nil (or false) and by `wants`; the same call is then made again after the descriptor is ready for that.
/// After an edge `receive` must be called until it says nil: what has come may lie inside OpenSSL, where no descriptor tells of it.
package final class TLSSession: @unchecked Sendable {
    // SAFETY: used on one loop at a time; `SSL` objects of one context may live on several loops by OpenSSL's own rules.

    /// What the last call that could not go on waits for.
    package enum Direction: Sendable { case read, write }

    /// Where the session is in its life.
    private enum Phase {
        /// Goes to `open` or `failed`.
        case shaking
        /// Goes to `closing` or `failed`.
        case open
        /// We have said goodbye; what the peer still sends may be read. Goes to `failed`.
        case closing
        /// Nothing follows.
        case failed
    }

    let ssl: OpaquePointer
    /// What the session's callbacks point to; lives as long as the session.
    private let owner: AnyObject
    private let transport: TLSTransport
    private var phase = Phase.shaking
    /// A write that has begun and must be made again before anything else is sent.
    private var isWritePending = false
    /// What the last call that could not go on waits for.
    package private(set) var wants = Direction.read
    /// Where a client's sessions are kept, by what.
    var cacheKey: String?
    /// The context of a client's session.
    var client: TLSClientContext? { owner as? TLSClientContext }

    /// Takes over `ssl`.
    init(ssl: OpaquePointer, fd: Int32, isServer: Bool, owner: AnyObject) throws(TLSError) {
        self.ssl = ssl
        self.owner = owner
        transport = TLSTransport(fd: fd, looksForHTTP: isServer)
        // Both directions share the one reference.
        guard let bio = transport.makeBIO() else { throw TLSError(.system(Errno(ENOMEM)), .configuration, "no memory for a connection") }
        SSL_set_bio(ssl, bio, bio)
        if isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
    }

    deinit {
        SSL_free(ssl)
        transport.free()
    }

    /// Goes on with the handshake; true when it is over, false when `wants` says what to wait for.
    package func handshake() throws(TLSError) -> Bool {
        if phase != .shaking { return phase != .failed }
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            phase = .open
            return true
        }
        guard try waits(result, .handshake) else { throw fail(.protocolViolation, .handshake, "the peer closed during the handshake") }
        return false
    }

    /// Bytes of content received, 0 after the peer's goodbye, nil when nothing has come yet.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> Int? {
        var count = 0
        OpenSSLErrors.clear()
        let result = SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
        if result == 1 { return count }
        return try waits(result, .read) ? nil : 0
    }

    /// Bytes of `bytes` from `offset` on that were sent, nil when there is no room yet: the next call must then begin with the same bytes.
    package func send(_ bytes: UnsafeRawBufferPointer) throws(TLSError) -> Int? {
        if bytes.isEmpty { return 0 }
        var count = 0
        OpenSSLErrors.clear()
        let result = SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        isWritePending = result != 1
        if result == 1 { return count }
        guard try waits(result, .write) else { throw TLSError(.system(Errno(EPIPE)), .write, "the peer has said goodbye") }
        return nil
    }

    /// Says that nothing more will be sent (close_notify); one try, nothing waits, and nothing at all after a failure.
    package func sayGoodbye() {
        guard phase == .open, !isWritePending else { return }
        phase = .closing
        OpenSSLErrors.clear()
        // 0 is success too (the peer's goodbye is not awaited); a peer that takes nothing hears nothing.
        let result = SSL_shutdown(ssl)
        if result < 0 { OpenSSLErrors.clear() }
    }

    /// Whether a call that failed is to be made again; false after the peer's goodbye, and everything else is thrown.
    private func waits(_ result: Int32, _ phase: TLSError.Phase) throws(TLSError) -> Bool {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: wants = .read
        case SSL_ERROR_WANT_WRITE: wants = .write
        case SSL_ERROR_ZERO_RETURN: return false
        default: throw diagnose(phase)
        }
        return true
    }

    private func diagnose(_ phase: TLSError.Phase) -> TLSError {
        let state = transport.state.pointee
        if state.isPlain { return fail(.plainHTTP, phase, "the peer speaks plain HTTP") }
        // At the end of a connection OpenSSL still tries to complain, which fails too: what came first counts.
        if state.isAtEnd, phase != .write { return fail(.truncated, phase, "the connection ended without the peer's goodbye") }
        if state.failure != 0 {
            let error = Errno(state.failure)
            return fail(.system(error), phase, error.description)
        }
        let trust = SSL_get_verify_result(ssl)
        if phase == .handshake, trust != Int(X509_V_OK), SSL_is_server(ssl) == 0 {
            return fail(.untrusted, phase, String(cString: X509_verify_cert_error_string(trust)))
        }
        guard let (library, reason, text) = OpenSSLErrors.take() else { return fail(.protocolViolation, phase, "the handshake failed") }
        if library == ERR_LIB_SSL, reason == SSL_R_INVALID_STATUS_RESPONSE { return fail(.untrusted, phase, text) }
        return fail(.protocolViolation, phase, text)
    }

    private func fail(_ kind: TLSError.Kind, _ phase: TLSError.Phase, _ reason: String) -> TLSError {
        self.phase = .failed
        return TLSError(kind, phase, reason)
    }
}

extension TLSSession {
    /// Such as `TLSv1.3`.
    package var version: String { String(cString: SSL_get_version(ssl)) }
    /// Such as `TLS_AES_128_GCM_SHA256`.
    package var cipher: String { SSL_get_cipher(ssl) }
    /// Whether the handshake took up an earlier session.
    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    /// The name that the client asked for.
    package var serverName: String? { copenssl_server_name(ssl).map { String(cString: $0) } }
    /// What was agreed on by ALPN.
    package var applicationProtocol: String? {
        var bytes: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &bytes, &count)
        guard let bytes, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
    }

    private func SSL_get_cipher(_ ssl: OpaquePointer) -> String {
        SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "none"
    }
}
