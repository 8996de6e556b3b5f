import CLinux
import Glibc

/// Root often keeps clones and data where nobody else can look (`/root`, a private temporary folder), while the host is an ordinary user.
/// In a mount namespace of its own, the service sees those folders bound beneath a small file system at a path everybody can reach.
/// The namespace ends with the service and takes the mounts with it.
struct Reach {
    let account: Account
    private var stage: String?
    private var count = 0

    init(account: Account) { self.account = account }

    /// The path under which the account reaches `path`: the same when it can be reached already.
    /// - Throws: `CommandError` when a mount fails.
    mutating func reachable(_ path: String) throws(CommandError) -> String {
        guard getuid() == 0, let resolved = Path.absolute(path), !canReach(resolved) else { return path }
        if stage == nil { stage = try prepare(avoiding: resolved) }
        guard let stage else { return path }
        let place = "\(stage)/\(count)"
        count += 1
        if Path.isFolder(resolved) {
            guard mkdir(place, 0o755) == 0 else { throw CommandError("cannot make \(place): \(Path.reason())") }
        } else {
            let file = open(place, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
            guard file >= 0 else { throw CommandError("cannot make \(place): \(Path.reason())") }
            close(file)
        }
        try require(clinux_mount(resolved, place, nil, UInt(MS_BIND), nil), "bind \(resolved)")
        return place
    }

    /// The same for files that are replaced while the service runs, by their folders; separated by commas.
    /// - Throws: `CommandError` when a mount fails.
    mutating func reachable(filesIn paths: [String]) throws(CommandError) -> String {
        var words: [String] = []
        for path in paths {
            let (folder, place) = (Path.parent(of: path), try reachable(Path.parent(of: path)))
            words.append(place == folder ? path : "\(place)/\(Path.name(of: path))")
        }
        return words.joined(separator: ",")
    }

    /// Whether every folder above `path` lets the account pass.
    private func canReach(_ path: String) -> Bool {
        var folder = Path.parent(of: path)
        while true {
            var information = stat()
            guard stat(folder, &information) == 0 else { return false }
            let bit: mode_t =
                information.st_uid == account.userID ? S_IXUSR : information.st_gid == account.groupID ? S_IXGRP : S_IXOTH
            if information.st_mode & bit == 0 { return false }
            if folder == "/" { return true }
            folder = Path.parent(of: folder)
        }
    }

    private func prepare(avoiding path: String) throws(CommandError) -> String {
        try require(clinux_unshare(Int32(CLONE_NEWNS)), "mount namespace")
        try require(clinux_mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil), "mount propagation")
        let stage = path.hasPrefix("/mnt") ? "/media" : "/mnt"
        try require(clinux_mount("tmpfs", stage, "tmpfs", UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC), "size=64k,mode=755"), "stage at \(stage)")
        return stage
    }

    private func require(_ result: Int, _ step: String) throws(CommandError) {
        if result < 0 { throw CommandError("\(step): \(String(cString: strerror(Int32(-result))))") }
    }
}
