/// A certificate authority of a test's own, by the openssl command line.
package final class TestAuthority: Sendable {
    /// A certificate with its chain, and its key.
    package struct Issued: Sendable {
        package let certificate: String
        package let key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// What was asked of openssl and did not work.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    private let files = TemporaryFolder()
    package var folder: String { files.path }
    /// The root, as clients are told of it.
    package var root: String { "\(folder)/ca.pem" }

    package init(name: String = "Limen test authority") throws {
        _ = files.write(
            """
            [ca]
            default_ca = d
            [d]
            database = \(folder)/index.txt
            new_certs_dir = \(folder)
            serial = \(folder)/serial
            crlnumber = \(folder)/crlnumber
            certificate = \(folder)/ca.pem
            private_key = \(folder)/ca.key
            default_md = sha256
            default_days = 30
            default_crl_days = 30
            policy = any
            unique_subject = no
            copy_extensions = none
            [any]
            commonName = supplied
            [req]
            distinguished_name = dn
            [dn]

            """, to: "ca.cnf")
        _ = files.write("", to: "index.txt")
        _ = files.write("1000\n", to: "serial")
        _ = files.write("1000\n", to: "crlnumber")
        try openssl(
            "req -x509 -config \(folder)/ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -subj '/CN=\(name)' "
                + "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature "
                + "-addext subjectKeyIdentifier=hash -keyout \(folder)/ca.key -out \(folder)/ca.pem")
    }

    /// Makes a certificate.
    /// - Parameters:
    ///   - names: what it is for, such as `DNS:a.test` and `IP:127.0.0.1`.
    ///   - start, end: such as `20200101000000Z`; from yesterday for thirty days when nil.
    package func issue(
        _ file: String, names: [String], usage: String = "serverAuth", start: String? = nil, end: String? = nil, key: String = "ec",
        extra: String = ""
    ) throws -> Issued {
        let base = "\(folder)/\(file)"
        let kind = key == "ec" ? "ec -pkeyopt ec_paramgen_curve:P-256" : key
        try openssl("req -new -config \(folder)/ca.cnf -newkey \(kind) -nodes -subj /CN=\(file) -keyout \(base).key -out \(base).csr")
        let alternatives = names.isEmpty ? "" : "subjectAltName=\(names.joined(separator: ","))\n"
        let extensions = files.write("\(alternatives)extendedKeyUsage=\(usage)\nbasicConstraints=CA:FALSE\n\(extra)\n", to: "\(file).ext")
        var dates = start.map { " -startdate \($0)" } ?? ""
        dates += end.map { " -enddate \($0)" } ?? ""
        try openssl("ca -batch -notext -config \(folder)/ca.cnf -in \(base).csr -out \(base).leaf -extfile \(extensions)\(dates)")
        try run("cat \(base).leaf \(folder)/ca.pem > \(base).pem && chmod 600 \(base).key")
        return Issued(certificate: "\(base).pem", key: "\(base).key")
    }

    /// A certificate that nobody but itself vouches for.
    package func selfSigned(_ file: String, names: [String]) throws -> Issued {
        let base = "\(folder)/\(file)"
        try openssl(
            "req -x509 -config \(folder)/ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=\(file) "
                + "-addext subjectAltName=\(names.joined(separator: ",")) -keyout \(base).key -out \(base).pem")
        return Issued(certificate: "\(base).pem", key: "\(base).key")
    }

    /// Revokes what `issue` made under this name.
    package func revoke(_ file: String) throws { try openssl("ca -batch -config \(folder)/ca.cnf -revoke \(folder)/\(file).leaf") }

    /// The list of what is revoked now.
    package func revocations() throws -> String {
        try openssl("ca -batch -config \(folder)/ca.cnf -gencrl -out \(folder)/crl.pem")
        return "\(folder)/crl.pem"
    }

    /// What an OCSP responder of the authority says now of what `issue` made under this name.
    package func staple(_ file: String, days: Int? = 7, signedBy other: TestAuthority? = nil) throws -> String {
        let base = "\(folder)/\(file)"
        let signer = (other ?? self).folder
        try openssl("ocsp -no_nonce -issuer \(root) -cert \(base).leaf -reqout \(base).ocspreq")
        try openssl(
            "ocsp -index \(folder)/index.txt -CA \(root) -rsigner \(signer)/ca.pem -rkey \(signer)/ca.key -reqin \(base).ocspreq "
                + "-respout \(base).ocsp\(days.map { " -ndays \($0)" } ?? "")")
        return "\(base).ocsp"
    }

    private func openssl(_ words: String) throws { try run("openssl \(words)") }

    private func run(_ line: String) throws {
        let outcome = Shell.run(line)
        if outcome.status != 0 { throw Failure(description: "\(line)\n\(outcome.output)") }
    }
}
