import Config
import CLinux
import Glibc
import IO

/// What `limen doctor` says of the certificates that the settings name.
enum CertificateRows {
    /// A row a certificate; none when there are no settings of TLS.
    static func rows(_ arguments: Arguments) -> [[String]] {
        let settings: Configuration
        do { settings = try Settings.load(arguments) } catch { return [["settings", "BROKEN", "\(error)"]] }
        guard let tls = settings.listen.tls else { return [] }
        return Certificates.files(tls).map { row($0) } + staples(tls)
    }

    private static func row(_ files: TLSServerContext.Files) -> [String] {
        do throws(TLSError) {
            let certificate = try TLSServerContext([files]).certificates[0]
            if let stranger = owner(files.key) { return ["certificate", "BROKEN", stranger] }
            let days = certificate.secondsLeft() / 86_400
            return [
                "certificate", days < Certificates.warningDays ? "ENDS SOON" : "yes",
                "\(certificate.file) for \(certificate.names.joined(separator: ", ")), \(days) days left, until \(certificate.end)",
            ]
        } catch {
            return ["certificate", "BROKEN", "\(error)"]
        }
    }

    private static func staples(_ tls: Configuration.TLS) -> [[String]] {
        if tls.staples.isEmpty { return [] }
        do throws(TLSError) {
            let context = try TLSServerContext(Certificates.files(tls), staples: tls.staples)
            return context.leftOut.map { ["OCSP response", "LEFT OUT", "\($0)"] }
        } catch {
            // The certificates' own rows say it.
            return [["OCSP response", "not judged", "the certificates are broken"]]
        }
    }

    /// Root reads every file; the host, which is not root, does not.
    private static func owner(_ key: String) -> String? {
        var information = stat()
        let account = Account.current()
        guard getuid() == 0, stat(key, &information) == 0, information.st_uid != account.userID else { return nil }
        return "\(key): the host runs as user id \(account.userID) and cannot read it: chown \(account.argument) \(key)"
    }
}
