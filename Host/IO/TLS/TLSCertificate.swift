import COpenSSL
import Glibc

/// A server's certificate as people want to know it.
package struct TLSCertificate: Sendable, Hashable {
    /// The file that it came from.
    package let file: String
    /// The DNS names that it is for; wildcards begin with `*.`.
    package let names: [String]
    /// When it begins and ends, in seconds since 1970.
    package let notBefore: Int
    package let notAfter: Int
    /// Whether an OCSP response is stapled to it.
    package internal(set) var isStapled = false

    /// Seconds until it ends, negative afterwards.
    package func secondsLeft(now: Int = time(nil)) -> Int { notAfter - now }
    /// When it ends, for people.
    package var end: String { TLSTime.text(notAfter) }
}

/// A certificate with its chain and its private key, read and found to belong together.
final class TLSKeyPair {
    let certificate: OpaquePointer
    let chain: [OpaquePointer]
    let key: OpaquePointer
    let summary: TLSCertificate

    /// Reads both files; throws what is wrong with which, and what to do.
    init(certificate path: String, key keyPath: String) throws(TLSError) {
        var certificates = try TLSKeyPair.certificates(path)
        do throws(TLSError) {
            summary = try TLSKeyPair.check(certificates[0], path)
            key = try TLSKeyPair.privateKey(keyPath)
        } catch {
            for certificate in certificates { X509_free(certificate) }
            throw error
        }
        certificate = certificates.removeFirst()
        chain = certificates
        guard X509_check_private_key(certificate, key) == 1 else {
            OpenSSLErrors.clear()
            throw .file(keyPath, "is not the key of \(path): put the certificate and the key that it was made with together")
        }
    }

    deinit {
        X509_free(certificate)
        for certificate in chain { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// All certificates of a PEM file, the server's own first.
    private static func certificates(_ path: String) throws(TLSError) -> [OpaquePointer] {
        let bytes = try TLSFile.read(path)
        var found: [OpaquePointer] = []
        OpenSSLErrors.clear()
        withBIO(bytes) { bio in
            while found.count <= IOLimits.certificateChainMax, let next = PEM_read_bio_X509(bio, nil, noPassphrase, nil) { found.append(next) }
        }
        // The reading ends with "no start line"; what is wrong before that is told.
        let end = OpenSSLErrors.take()
        let isWhole = end.map { $0.library == ERR_LIB_PEM && $0.reason == PEM_R_NO_START_LINE } ?? true
        if isWhole, !found.isEmpty, found.count <= IOLimits.certificateChainMax { return found }
        for certificate in found { X509_free(certificate) }
        if !isWhole { throw .file(path, "holds a damaged certificate: \(end?.text ?? "unreadable")") }
        throw .file(
            path,
            found.isEmpty
                ? "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)" : "holds more than \(IOLimits.certificateChainMax) certificates")
    }

    private static func privateKey(_ path: String) throws(TLSError) -> OpaquePointer {
        var bytes = try TLSFile.read(path, isSecret: true)
        defer { TLSFile.wipe(&bytes) }
        OpenSSLErrors.clear()
        if let key = withBIO(bytes, { PEM_read_bio_PrivateKey($0, nil, noPassphrase, nil) }) { return key }
        let text = OpenSSLErrors.text(otherwise: "unreadable")
        let isLocked = ["-----BEGIN ENCRYPTED", "Proc-Type: 4,ENCRYPTED"].contains { contains(bytes, $0) }
        throw .file(
            path,
            isLocked
                ? "is locked by a passphrase, which nobody could type: openssl pkey -in \(path) -out FILE"
                : "holds no private key in PEM form: \(text)")
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains(text)
    }

    /// What a server's certificate must be today.
    private static func check(_ certificate: OpaquePointer, _ path: String) throws(TLSError) -> TLSCertificate {
        guard let begin = TLSTime.seconds(X509_get0_notBefore(certificate)), let end = TLSTime.seconds(X509_get0_notAfter(certificate)) else {
            throw .file(path, "has no readable dates")
        }
        let now = time(nil)
        if end <= now { throw .file(path, "expired on \(TLSTime.text(end)): renew it") }
        if begin > now { throw .file(path, "is not valid before \(TLSTime.text(begin)): look at the clock of this machine (\(TLSTime.text(now)))") }
        guard X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1 else {
            throw .file(path, "is not for servers (extended key usage without serverAuth): have one made for a server")
        }
        return TLSCertificate(file: path, names: names(of: certificate), notBefore: begin, notAfter: end)
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { names in
            copenssl_dns_names(certificate, names) { context, bytes, count in
                guard let bytes, let names = context?.assumingMemoryBound(to: [String].self) else { return }
                names.pointee.append(String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self))
            }
        }
        return names
    }

    private static func withBIO<T>(_ bytes: [UInt8], _ body: (OpaquePointer?) -> T) -> T {
        bytes.withUnsafeBytes { buffer in
            let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count))
            defer { BIO_free(bio) }
            return body(bio)
        }
    }

    /// OpenSSL's own would ask at the terminal.
    private static let noPassphrase: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = { _, _, _, _ in
        -1
    }
}
