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
    /// Addresses of one host that are dialled, and when the next is dialled beside one that says nothing (RFC 8305, 5), in milliseconds.
    static let addressesDialledMax = 8
    static let dialStaggerMilliseconds = 250
    /// To find, connect to and shake hands with a server; and for a request in all (SPEC 5), in milliseconds.
    static let connectMillisecondsMax = 10_000
    package static let requestMillisecondsMax = 30_000
    /// Requests of one plugin and tenant at once (SPEC 5).
    package static let concurrentMax = 64
    /// Lines of the log about one plugin's requests, a second and at once; what is beyond is counted only.
    static let linesPerSecond = 50
    static let linesBurst = 200
    /// Plugins and tenants whose rates are kept.
    static let metersMax = 4096
    /// Idle connections in all and of one key, and how long one is kept, in milliseconds.
    static let idleMax = 256
    static let idleOfKeyMax = 4
    static let idleMilliseconds = 30_000
    /// Sets of secrets whose scrubbers are kept.
    static let scrubbersMax = 256
    /// Bytes of a `fetch` frame's request, body apart.
    static let requestJSONBytesMax = 64 << 10
    /// Bytes of a request's body that is written piece by piece.
    package static let requestBodyBytesMax = 64 << 20
    /// Decisions that the admin API shows.
    package static let recordsMax = 256
    /// Fields of a plugin's request, bytes of one name and of all together.
    package static let fieldsMax = 64
    package static let fieldNameBytesMax = 128
    package static let fieldBytesMax = 16 << 10

    /// Tunnels of one plugin at a time, requests for one among them (SPEC 5).
    package static let tunnelsMax = 64
    /// From a connection to the end of its request's head, and from there to an open tunnel.
    package static let tunnelHeadMilliseconds = 10_000
    package static let tunnelConnectMilliseconds = 10_000
    /// Without a byte either way.
    package static let tunnelIdleMilliseconds = 60_000
    /// The longest life of a tunnel, whatever passes through it.
    package static let tunnelMillisecondsMax = 600_000
    /// Bytes carried at once, and turns of one direction before the other tunnels of the loop get theirs.
    static let tunnelBufferBytes = 64 << 10
    static let tunnelBurstMax = 16
    /// Connections taken from a listener in one turn.
    static let tunnelAcceptsMax = 64
    /// How long a refused client may take to read why, and what it may still send.
    static let tunnelRefusalMilliseconds = 1_000
    static let tunnelLingerBytesMax = 64 << 10
    /// How often a flood is reported, and how long a host without descriptors waits before it looks again.
    static let turnedAwayMilliseconds = 1_000
    static let starvedMilliseconds = 100
}
