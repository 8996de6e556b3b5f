import COpenSSL
import Glibc

/// What a server shows to its clients at one time: certificates, their names, and what is stapled to them. Never changes; a reload makes another.
final class TLSServerIdentity: @unchecked Sendable {
    // SAFETY: all members are set before `init` returns; OpenSSL lets threads make sessions of one context at once.

    /// One certificate's context.
    final class Entry {
        let context: OpaquePointer
        let pair: TLSKeyPair
        var staple: TLSStaple?
        unowned let identity: TLSServerIdentity

        init(context: OpaquePointer, pair: TLSKeyPair, identity: TLSServerIdentity) {
            (self.context, self.pair, self.identity) = (context, pair, identity)
        }
        deinit { SSL_CTX_free(context) }

        var summary: TLSCertificate {
            var summary = pair.summary
            summary.isStapled = staple.map { $0.until > time(nil) } ?? false
            return summary
        }
    }

    let tickets: TLSTicketKeys
    private(set) var entries: [Entry] = []
    private var names = TLSNameTable()
    /// OCSP files that are not stapled, and why.
    private(set) var leftOut: [TLSError] = []

    init(_ files: [TLSServerContext.Files], staples: [String], tickets: TLSTicketKeys) throws(TLSError) {
        precondition(!files.isEmpty, "a server has a certificate")
        self.tickets = tickets
        for (index, file) in files.enumerated() {
            let pair = try TLSKeyPair(certificate: file.certificate, key: file.key)
            entries.append(Entry(context: try TLSServerIdentity.makeContext(pair, file), pair: pair, identity: self))
            names.add(pair.summary.names, index: index)
        }
        for entry in entries { TLSServerIdentity.setCallbacks(entry) }
        for path in staples {
            do throws(TLSError) { try staple(path) } catch { leftOut.append(error) }
        }
    }

    /// A new connection's `SSL`, with the first certificate until the client has said whom it wants.
    func makeSSL() -> OpaquePointer? { SSL_new(entries[0].context) }

    private static func makeContext(_ pair: TLSKeyPair, _ file: TLSServerContext.Files) throws(TLSError) -> OpaquePointer {
        OpenSSLErrors.clear()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError(.protocolViolation, .configuration, OpenSSLErrors.text(otherwise: "no context"))
        }
        do throws(TLSError) {
            guard copenssl_context_prepare(context) == 1, SSL_CTX_set_session_id_context(context, Array("limen".utf8), 5) == 1 else {
                throw TLSError(.protocolViolation, .configuration, OpenSSLErrors.text(otherwise: "the library refuses its settings"))
            }
            copenssl_context_no_session_cache(context)
            SSL_CTX_set_timeout(context, IOLimits.ticketKeyMilliseconds / 1000)
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            guard SSL_CTX_use_certificate(context, pair.certificate) == 1 else {
                throw .file(file.certificate, "is refused by OpenSSL: \(OpenSSLErrors.text(otherwise: "no reason"))")
            }
            for certificate in pair.chain where copenssl_context_add_chain(context, certificate) != 1 {
                throw .file(file.certificate, "has a chain that OpenSSL refuses: \(OpenSSLErrors.text(otherwise: "no reason"))")
            }
            guard SSL_CTX_use_PrivateKey(context, pair.key) == 1 else {
                throw .file(file.key, "is refused by OpenSSL: \(OpenSSLErrors.text(otherwise: "no reason"))")
            }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        return context
    }

    /// The entries outlive every session (each session holds the identity), so the callbacks may point to them.
    private static func setCallbacks(_ entry: Entry) {
        let pointer = Unmanaged.passUnretained(entry).toOpaque()
        SSL_CTX_set_ex_data(entry.context, 0, pointer)
        SSL_CTX_set_alpn_select_cb(
            entry.context, { _, out, outCount, offered, count, _ in TLSProtocolChoice.choose(out, outCount, offered, count) }, nil)
        copenssl_context_on_server_name(entry.context, { ssl, _, entry in TLSServerIdentity.choose(ssl, TLSServerIdentity.entry(entry)) }, pointer)
        copenssl_context_on_status(entry.context, { ssl, entry in TLSServerIdentity.staple(ssl, TLSServerIdentity.entry(entry)) }, pointer)
        SSL_CTX_set_tlsext_ticket_key_evp_cb(entry.context) { ssl, name, iv, cipher, mac, encrypts in
            guard let name, let iv, let cipher, let mac, let entry = TLSServerIdentity.entry(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0)) else {
                return -1
            }
            return entry.identity.tickets.begin(name: name, iv: iv, cipher: cipher, mac: mac, encrypts: encrypts == 1)
        }
    }

    private static func entry(_ pointer: UnsafeMutableRawPointer?) -> Entry? {
        pointer.map { Unmanaged<Entry>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Takes the certificate for the name that the client wants; a name that is nobody's gets the first.
    private static func choose(_ ssl: OpaquePointer?, _ entry: Entry?) -> Int32 {
        guard let ssl, let entry, let name = copenssl_server_name(ssl) else { return SSL_TLSEXT_ERR_NOACK }
        guard let index = entry.identity.names.find(String(cString: name)) else { return SSL_TLSEXT_ERR_OK }
        let chosen = entry.identity.entries[index].context
        return SSL_set_SSL_CTX(ssl, chosen) == chosen ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private static func staple(_ ssl: OpaquePointer?, _ entry: Entry?) -> Int32 {
        guard let ssl, let staple = entry?.staple, staple.until > time(nil) else { return SSL_TLSEXT_ERR_NOACK }
        return copenssl_set_staple(ssl, staple.bytes, staple.bytes.count) == 1 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
    }

    /// Staples a response to the certificates that it is about.
    private func staple(_ path: String) throws(TLSError) {
        let bytes = try TLSFile.read(path)
        var isUsed = false
        var problem: String?
        for entry in entries {
            guard let issuer = entry.pair.chain.first else {
                problem = problem ?? "cannot be checked: \(entry.pair.summary.file) does not hold the issuer's certificate after the server's own"
                continue
            }
            switch bytes.withUnsafeBufferPointer({ TLSStaple.judge($0, entry.pair.certificate, issuer: issuer) }) {
            case .good(let until):
                entry.staple = TLSStaple(bytes: bytes, until: until)
                isUsed = true
            case .revoked: throw .file(path, "says that \(entry.pair.summary.file) is revoked: have a new certificate made")
            case .unusable(let reason): problem = reason
            case .foreign: continue
            }
        }
        if !isUsed { throw .file(path, problem ?? "is about none of the certificates") }
    }
}

/// ALPN (RFC 7301): what Limen speaks is http/1.1.
enum TLSProtocolChoice {
    /// As a client offers it: each name with its length before it.
    static let offer: [UInt8] = [8] + Array("http/1.1".utf8)

    /// A client that offers other protocols alone is refused, as RFC 7301 wants it: it would not understand what follows.
    static func choose(
        _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ outCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
        _ count: UInt32
    ) -> Int32 {
        guard let out, let outCount, let offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        var position = 0
        while position < Int(count) {
            let length = Int(offered[position])
            guard position + 1 + length <= Int(count) else { break }
            let name = UnsafeBufferPointer(start: offered + position + 1, count: length)
            if name.elementsEqual(offer.dropFirst()) {
                out.pointee = offered + position + 1
                outCount.pointee = UInt8(length)
                return SSL_TLSEXT_ERR_OK
            }
            position += 1 + length
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
