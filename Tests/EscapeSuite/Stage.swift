import Glibc

/// A folder that any account can read, with copies of the programs and the hostile libraries; and a data folder beneath it.
struct Stage {
    let path: String
    var libraries: String { path + "/hostile" }
    var data: String { path + "/data" }
    var tls: String { path + "/tls" }
    /// Whether there is an authority of the suite's own in `tls`.
    let hasTLS: Bool
    func program(_ name: String) -> String { path + "/bin/" + name }

    /// Copies everything; `owner` gets the data folder.
    init(rung: EscapeRung, build: String, hostile: String, owner: uid_t?) throws(EscapeError) {
        Self.sweep()
        let base = "/tmp/limen-escape-\(getpid())-\(rung.rawValue)"
        path = base
        try Files.makeFolder(base)
        hasTLS = try TLSServer.makeCertificates(in: base + "/tls")
        for folder in [base, base + "/bin", base + "/hostile", base + "/data"] { try Files.makeFolder(folder) }
        for name in ["limen-spawner", "limen-worker", "limen-escape"] { try Files.copy(build + "/" + name, to: base + "/bin/" + name, mode: 0o755) }
        for name in Files.list(hostile) where name.hasSuffix(".so") { try Files.copy(hostile + "/" + name, to: libraries + "/" + name, mode: 0o755) }
        if access(hostile + "/curl", R_OK) == 0 {
            try Files.makeFolder(libraries + "/curl")
            for name in Files.list(hostile + "/curl") { try Files.copy(hostile + "/curl/" + name, to: libraries + "/curl/" + name, mode: 0o755) }
        }
        if let owner { guard chown(data, owner, owner) == 0 else { throw Files.failure("chown", data) } }
    }

    /// Removes what suites left that were killed.
    private static func sweep() {
        for name in Files.list("/tmp") where name.hasPrefix("limen-escape-") {
            guard let pid = Int32(name.split(separator: "-")[2]), kill(pid, 0) != 0, errno == ESRCH else { continue }
            Files.removeTree("/tmp/" + name)
        }
    }

    func remove() { Files.removeTree(path) }
}
