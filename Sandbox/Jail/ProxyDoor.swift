/// The one way out of a jail with a socket grant: the host's CONNECT proxy, as a worker sees it.
package enum ProxyDoor {
    /// Where it listens, on 127.0.0.1 of the worker's own network namespace.
    package static let port: UInt16 = 3128
    /// Connections that wait for the host to take them.
    package static let backlog: Int32 = 64

    /// What a plugin's HTTP client is told by.
    ///
    /// Lower case only: every client that knows the variable reads that form, and some take the other for a header of a CGI request (`Proxy:`). There is no
    /// `http_proxy`, because a client sends it `GET http://…` and not CONNECT; for a plain server a client is told to tunnel (`curl --proxytunnel`).
    package static let variable = (name: "https_proxy", value: "http://127.0.0.1:\(port)")

    /// Where TLS libraries of Debian's look for the certificates of authorities.
    package static let authoritiesPath = "/etc/ssl/certs/ca-certificates.crt"
    /// What an OpenSSL built for Debian opens when it is told nothing.
    package static let authoritiesLink = "/usr/lib/ssl/cert.pem"
}
