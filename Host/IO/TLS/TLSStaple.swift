import COpenSSL
import Glibc

/// An OCSP response (RFC 6960) about one certificate, by which a server shows that it is not revoked.
struct TLSStaple: Sendable {
    let bytes: [UInt8]
    /// Until when it says so, in seconds since 1970.
    let until: Int

    /// What a response says of a certificate.
    enum Judgement: Hashable {
        case good(until: Int)
        case revoked
        /// It is about other certificates.
        case foreign
        /// It says nothing that could be believed.
        case unusable(String)
    }

    /// Judges a response about `certificate`: signed by `issuer`, or by whom it sent for that, and of today.
    static func judge(_ bytes: UnsafeBufferPointer<UInt8>, _ certificate: OpaquePointer, issuer: OpaquePointer) -> Judgement {
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        var position = bytes.baseAddress
        guard let response = d2i_OCSP_RESPONSE(nil, &position, bytes.count) else { return .unusable("is no OCSP response in DER form") }
        defer { OCSP_RESPONSE_free(response) }
        let status = OCSP_response_status(response)
        guard status == OCSP_RESPONSE_STATUS_SUCCESSFUL, let basic = OCSP_response_get1_basic(response) else {
            return .unusable("is the responder's error \(String(cString: OCSP_response_status_str(Int(status))))")
        }
        defer { OCSP_BASICRESP_free(basic) }
        for digest in [EVP_sha1(), EVP_sha256()] {
            guard let id = OCSP_cert_to_id(digest, certificate, issuer) else { return .unusable("cannot be compared with the certificate") }
            defer { OCSP_CERTID_free(id) }
            if let judgement = judge(basic, id, issuer: issuer) { return judgement }
        }
        return .foreign
    }

    /// nil when the response does not speak of `id`.
    private static func judge(_ basic: OpaquePointer, _ id: OpaquePointer, issuer: OpaquePointer) -> Judgement? {
        var status: Int32 = 0
        var reason: Int32 = 0
        var begin: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var end: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        guard OCSP_resp_find_status(basic, id, &status, &reason, nil, &begin, &end) == 1 else { return nil }
        guard copenssl_ocsp_is_signed(basic, issuer) == 1 else { return .unusable("is not signed by the certificate's issuer") }
        guard let end, let until = TLSTime.seconds(end) else { return .unusable("does not say until when it holds") }
        guard OCSP_check_validity(begin, end, IOLimits.clockSkewSeconds, -1) == 1 else {
            return .unusable("is stale: it held until \(TLSTime.text(until)); fetch a new one")
        }
        switch status {
        case V_OCSP_CERTSTATUS_GOOD: return .good(until: until)
        case V_OCSP_CERTSTATUS_REVOKED: return .revoked
        default: return .unusable("says that the responder does not know the certificate")
        }
    }
}
