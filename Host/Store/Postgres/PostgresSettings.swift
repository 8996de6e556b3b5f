/// Where a PostgreSQL is and how it is used. Prints without its password.
package struct PostgresSettings: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// A host name, an address, or the folder of a Unix socket (begins with `/`).
    package var host: String
    /// TCP port, or the number in the socket's name.
    package var port: Int
    /// The database.
    package var database: String
    /// The role. It should be neither superuser nor exempt from row-level security.
    package var user: String
    /// Its password; nil where the server asks for none.
    package var password: String?
    /// PEM file of the authorities that the server's certificate is checked against; nil for the system's.
    package var authorities: String?
    /// A streaming replica of the same server, for reads that may lag (`Database.readLate`), with the same database, role, password and authorities; nil for none.
    package var replica: Replica?
    /// Connections at most.
    package var connectionsMax = StoreLimits.connectionsDefault
    /// How long a body waits for a connection.
    package var acquireMilliseconds = StoreLimits.acquireMillisecondsDefault
    /// How long a connection is kept that nobody uses.
    package var idleMilliseconds = StoreLimits.idleMillisecondsDefault

    /// Names a database.
    package init(host: String, port: Int = 5432, database: String, user: String, password: String? = nil, authorities: String? = nil) {
        (self.host, self.port, self.database, self.user, self.password) = (host, port, database, user, password)
        self.authorities = authorities
    }

    /// Where a replica is.
    package struct Replica: Sendable, Hashable {
        package var host: String
        package var port: Int

        /// Names one.
        package init(host: String, port: Int) { (self.host, self.port) = (host, port) }
    }

    /// How the replica is spoken to; who asks it does not wait long, as there is somebody else to ask.
    package var ofReplica: PostgresSettings? {
        guard let replica else { return nil }
        var settings = self
        (settings.host, settings.port, settings.replica) = (replica.host, replica.port, nil)
        settings.acquireMilliseconds = min(acquireMilliseconds, StoreLimits.replicaAcquireMilliseconds)
        return settings
    }

    /// Without the password.
    package var description: String { "\(user)@\(host):\(port)/\(database)" }
    /// Nothing: a dump would show the password.
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether the server is reached by a Unix socket.
    var isSocket: Bool { host.hasPrefix("/") }
    /// Whether the server is this machine: then, and only then, TLS is not asked for.
    var isLocal: Bool { isSocket || host == "localhost" || host == "::1" || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." } }

    /// Whether the server's certificate is verified: always, but on this machine.
    package var needsTLS: Bool { !isLocal }

    /// libpq's own words; `address` is what the host's name was resolved to, so that libpq asks no name service on a loop.
    func words(address: String?) -> [(String, String)] {
        var words = [
            ("host", host), ("port", String(port)), ("dbname", database), ("user", user), ("application_name", "limen"),
            ("client_encoding", "UTF8"), ("sslmode", isLocal ? "disable" : "verify-full"), ("gssencmode", "disable"),
            ("sslrootcert", authorities ?? "/etc/ssl/certs/ca-certificates.crt"), ("ssl_min_protocol_version", "TLSv1.2"),
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"), ("tcp_user_timeout", "30000"),
            (
                "options",
                "-c timezone=UTC -c limen.tenant=* -c statement_timeout=\(StoreLimits.statementMillisecondsMax) -c idle_in_transaction_session_timeout=\(StoreLimits.statementMillisecondsMax)"
            ),
        ]
        if let password { words.append(("password", password)) }
        if let address { words.append(("hostaddr", address)) }
        return words
    }
}
