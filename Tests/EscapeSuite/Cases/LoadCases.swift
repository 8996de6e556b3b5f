/// Load time: constructors are the stranger's code; what is no plugin is refused with a reason.
extension EscapeCases {
    private static func load(_ variant: String, _ expected: Expectation, attack: String = "report") -> EscapeCase {
        .one(.load, variant, library: "load-\(variant)", attack: attack, expected)
    }
    private static func refused(_ variant: String, _ reasons: [String]) -> EscapeCase { load(variant, .refused(reasons)) }
    private static func loads(_ variant: String) -> EscapeCase { load(variant, .reports(["loaded": "yes"])) }

    /// The caller's deadline passes first; the worker is killed when the load deadline has.
    private static func endlessLoad(_ variant: String) -> EscapeCase {
        .one(.load, variant, library: "load-\(variant)", attack: "report", .dies(["timeout"])) {
            $0.timeoutMilliseconds = 4_000
            $0.isSlow = true
            $0.endsBy = ["load"]
        }
    }

    static let load: [EscapeCase] = [
        loads("honest"),
        load(
            "constructor-open",
            .reports(
                all(
                    ["socket", "unix socket", "fork", "execve", "setuid", "map rwx", "map rx", "prctl dumpable"], "EPERM",
                    ["open passwd": "ENOENT", "open root": "ENOENT", "create in /": "EROFS|EACCES"])), attack: "report-notes"
        ).landlock(reports: ["open passwd": "EACCES", "open root": "EACCES"]),
        load("resolver-open", .reports(["open passwd": "ENOENT"]), attack: "report-notes").landlock(.reports(["open passwd": "EACCES"])),
        load("constructor-threads", .reports(["threads past the limit": "EAGAIN"]), attack: "report-notes"),
        load(
            "constructor-filter",
            .reports(["map rwx": "EPERM", "map rx": "EPERM", "open passwd": "ENOENT", "socket": "EPERM", "fork": "EPERM"]), attack: "report-filter"
        ).landlock(reports: ["open passwd": "EACCES"]),
        .one(
            .load, "constructor-limits", library: "load-constructor-limits", attack: "report",
            .either([.reports(["loaded": "yes"]), .dies(["exit", "crash", "load"]), .refused(["load"])])),
        loads("constructor-signals"),
        .one(
            .load, "constructor-log-flood", library: "load-constructor-log-flood", attack: "report",
            .either([.reports(["loaded": "yes"]), .refused(["protocol", "load"])])),
        loads("exit-handler"),
        loads("size-huge"),
        endlessLoad("constructor-spin"), endlessLoad("constructor-sleep"), endlessLoad("entry-spin"),
        refused("constructor-crash", ["load", "signal"]), refused("constructor-abort", ["load", "signal"]),
        refused("constructor-exit", ["load", "status"]), refused("constructor-exit-group", ["load", "status"]),
        refused("constructor-tripwire", ["bpf", "violation"]), refused("constructor-unshare", ["unshare", "violation"]),
        refused("constructor-memory", ["memory"]).landlock(.refused(["died of signal"])),
        refused("constructor-close", ["load", "protocol", "status"]),
        refused("constructor-forge-ready", ["protocol", "description", "tools", "manifest"]), refused("constructor-forge-jailed", ["protocol"]),
        refused("constructor-garbage", ["protocol"]), refused("constructor-result", ["protocol"]),
        load("big-tls", .either([.refused(["load", "memory", "tls", "TLS"]), .reports(["loaded": "yes"])])),
        refused("big-bss", ["memory"]).landlock(.refused(["failed to map segment"])),
        refused("entry-missing", ["limen_plugin_entry"]), refused("entry-null", ["NULL", "load"]), refused("entry-crash", ["load", "signal"]),
        refused("entry-exit", ["load", "status"]), refused("entry-wild", ["load", "signal"]),
        refused("abi-2", ["ABI"]), refused("abi-0", ["ABI"]), refused("size-0", ["size"]), refused("size-short", ["size", "call"]),
        refused("call-null", ["call"]),
        load("call-wild", .dies(["crash"])),
        refused("description-null", ["load", "signal", "description"]), refused("description-empty", ["description", "JSON", "load"]),
        refused("description-invalid", ["description", "JSON"]), refused("description-other-tool", ["tool"]),
        refused("description-more-tools", ["tool", "hidden"]), refused("description-other-schema", ["schema", "tool"]),
        refused("description-no-tools", ["tool", "name"]), refused("description-other-name", ["calls itself neighbour"]),
        refused("description-huge", ["protocol", "description", "memory"]).landlock(.refused(["died of signal", "protocol", "description"])),
        refused("description-deep", ["description", "JSON", "deep", "nest"]),
        refused("text", ["ELF", "library", "too short"]), refused("empty", ["ELF", "empty", "library"]),
        refused("truncated", ["ELF", "truncated", "library", "while it was loading"]),
        refused("header-only", ["ELF", "truncated", "file", "library"]),
        refused("wrong-arch", ["architecture", "machine", "ELF", "cannot open shared object"]),
        refused("elf32", ["ELF", "64", "class"]), refused("object", ["shared", "ELF", "ET_DYN"]),
        refused("executable-stack", ["stack"]), load("text-relocations", .refused(["relocation", "segment", "load"])),
        refused("needed-missing", ["libevil"]), refused("needed-unlisted", ["sqlite"]), refused("runpath-scratch", ["libevil", "RUNPATH", "RPATH"]),
    ]

    private static func tampered(_ name: String, _ how: Tampering, _ expected: Expectation) -> EscapeCase {
        .one(.load, name, library: "load-honest", attack: "report", expected) { $0.tampering = how }
    }

    /// Bundles that are changed under the host's hands.
    static let tampering: [EscapeCase] = [
        tampered("wrong-digest", .wrongDigest, .refused(["sha256", "digest", "SHA-256"])),
        tampered("swapped-after-verification", .swappedAfterVerification, .reports(["loaded": "yes"])),
        tampered("overwritten-after-verification", .overwrittenAfterVerification, .refused(["is not the verified file"])),
        tampered("symbolic-link", .symbolicLink, .refused(["symbolic", "link"])),
        tampered("symbolic-folder", .symbolicFolder, .refused(["symbolic", "link", "folder"])),
        tampered("path-outside", .pathOutside, .refused(["library", "path", "pattern"])),
        tampered("unlisted-file", .unlistedFile, .refused(["listed", "files", "unlisted"])),
        tampered("missing-file", .missingFile, .refused(["missing", "No such file", "not there", "absent"])),
        tampered("unsigned", .unsigned, .refused(["is not signed"])),
        tampered("foreign-key", .foreignKey, .refused(["is not one of the trusted keys"])),
        tampered("changed-request", .changedRequest, .refused(["does not match SIGNATURE"])),
        tampered("set-user-id", .setUserID, .refused(["set-user-ID"])),
        tampered("fifo", .fifo, .refused(["regular", "file"])),
        tampered("grant-beyond-request", .grantBeyondRequest, .refused(["more than", "asked", "exceeds", "grant"])),
    ]
}
