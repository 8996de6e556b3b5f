import CLinux
import COpenSSL
import Glibc

/// What OpenSSL reads from and writes to: a non-blocking socket. It differs from OpenSSL's own in that a gone peer is never a signal, and in that it
/// notices a client that begins to speak plain HTTP.
struct TLSTransport {
    /// What a session and its BIO share.
    struct State {
        let fd: Int32
        /// Whether nothing has been read yet: the first byte tells TLS from plain HTTP.
        var isFresh: Bool
        var isPlain = false
        var isAtEnd = false
        /// errno of the last call that failed for good.
        var failure: Int32 = 0
    }

    /// Lives until the session is freed, which outlives the BIO.
    let state: UnsafeMutablePointer<State>

    /// - Parameter looksForHTTP: whether a first byte that is a capital letter ends the connection as plain HTTP.
    init(fd: Int32, looksForHTTP: Bool) {
        state = .allocate(capacity: 1)
        state.initialize(to: State(fd: fd, isFresh: looksForHTTP))
    }

    /// A BIO for one session, which takes it over; nil when there is no memory.
    func makeBIO() -> OpaquePointer? {
        guard let method = TLSTransport.method.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, state)
        BIO_set_init(bio, 1)
        return bio
    }

    /// After the BIO has gone.
    func free() { state.deallocate() }

    private struct Method: @unchecked Sendable {
        // SAFETY: made once, never changed afterwards, never freed.
        let pointer: OpaquePointer?
    }

    private static let method: Method = {
        guard let method = BIO_meth_new(copenssl_bio_type(), "limen socket") else { return Method(pointer: nil) }
        BIO_meth_set_read(method) { bio, buffer, count in TLSTransport.read(bio, buffer, count) }
        BIO_meth_set_write(method) { bio, buffer, count in TLSTransport.write(bio, buffer, count) }
        BIO_meth_set_ctrl(method) { bio, command, _, _ in TLSTransport.control(bio, command) }
        return Method(pointer: method)
    }()

    private static func state(of bio: OpaquePointer?) -> UnsafeMutablePointer<State>? {
        BIO_get_data(bio)?.assumingMemoryBound(to: State.self)
    }

    private static func read(_ bio: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
        guard let state = state(of: bio), let buffer else { return -1 }
        copenssl_no_retry(bio)
        while true {
            let got = recv(state.pointee.fd, buffer, Int(count), 0)
            if got > 0 {
                if state.pointee.isFresh {
                    state.pointee.isFresh = false
                    state.pointee.isPlain = (0x41...0x5a).contains(UInt8(bitPattern: buffer[0]))
                    if state.pointee.isPlain { return -1 }
                }
                return Int32(got)
            }
            if got == 0 {
                state.pointee.isAtEnd = true
                return 0
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { copenssl_retry_read(bio) } else { state.pointee.failure = code }
            return -1
        }
    }

    private static func write(_ bio: OpaquePointer?, _ buffer: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
        guard let state = state(of: bio) else { return -1 }
        copenssl_no_retry(bio)
        while true {
            let sent = send(state.pointee.fd, buffer, Int(count), Int32(MSG_NOSIGNAL))
            if sent >= 0 { return Int32(sent) }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { copenssl_retry_write(bio) } else { state.pointee.failure = code }
            return -1
        }
    }

    private static func control(_ bio: OpaquePointer?, _ command: Int32) -> Int {
        switch command {
        case BIO_CTRL_FLUSH, BIO_CTRL_DUP: 1
        case BIO_CTRL_EOF: state(of: bio)?.pointee.isAtEnd == true ? 1 : 0
        default: 0
        }
    }
}
