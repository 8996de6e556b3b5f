/// The bounds of this target.
package enum Limits {
    /// Bytes of a URL; RFC 9110 section 4.1 asks for at least 8000.
    package static let urlBytesMax = 8000
    /// Bytes of a host name without the root's dot (RFC 1035 section 2.3.4: 255 on the wire).
    package static let hostBytesMax = 253
    /// Bytes of one label of a host name (RFC 1035 section 2.3.4).
    package static let labelBytesMax = 63
    /// Answers of a resolver that are looked at; what comes after is not used.
    package static let answersMax = 64
    /// Redirects of one request (SPEC 5).
    package static let redirectsMax = 5
    /// Hosts for which an operator may open private networks, and networks of one host.
    package static let privateHostsMax = 64
    package static let privateNetworksMax = 16
    /// Rules of one policy; the manifest schema has the same bound.
    package static let rulesMax = 64
    /// Fields of a plugin's request, bytes of one name and of all together.
    package static let fieldsMax = 64
    package static let fieldNameBytesMax = 128
    package static let fieldBytesMax = 16 << 10
}
