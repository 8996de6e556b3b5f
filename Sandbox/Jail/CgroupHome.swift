import CLinux
import Glibc

/// The service's place in the unified hierarchy (cgroups(7)): a folder with the controllers that limits need, in which this process
/// sits in a leaf beside those of the workers.
///
/// A v2 group that hands controllers to its children may hold no process of its own. The place is therefore the caller's own group when the
/// service can have it to itself, as in a unit of systemd's or a folder that an administrator gave away, and for root otherwise the nearest
/// group above that holds none.
struct CgroupHome: Sendable {
    /// The group in which `folder` was made.
    let parent: String
    let folder: String
    /// The group that this process came from and goes back to.
    private let own: String
    /// Processes that were moved from `own`: this one and, in a delegated group, those that wait for it.
    private var moved: [Int32] = []
    /// Controllers that `parent` did not give to its children before.
    private var added: [String] = []

    /// The leaf of this process, of the spawner and of the host.
    static let hostLeaf = "host"

    private init(parent: String, folder: String, own: String) {
        self.parent = parent
        self.folder = folder
        self.own = own
    }

    /// Makes the folder `name` in the first group, from `own` upwards, that allows it, and moves this process into it.
    /// - Parameter sweep: is given a group before the folder is made in it.
    /// - Throws: `JailError` of `own` when none allows it.
    static func settle(_ own: String, name: String, sweep: (String) -> Void) throws(JailError) -> CgroupHome {
        var first: JailError?
        var parent = own
        while access(parent + "/cgroup.procs", F_OK) == 0 {
            sweep(parent)
            var home = CgroupHome(parent: parent, folder: parent + "/" + name, own: own)
            do {
                try home.enter()
                return home
            } catch {
                home.leave()
                rmdir(home.folder)
                first = first ?? error
            }
            // What an ordinary account was not given it will not find further up.
            guard getuid() == 0, let slash = parent.lastIndex(of: "/") else { break }
            parent = String(parent[..<slash])
        }
        throw first ?? JailError("find cgroup \(own)", errno: ENOENT)
    }

    private mutating func enter() throws(JailError) {
        let missing = Self.missing(in: parent)
        guard missing.isEmpty else {
            throw JailError("cgroup \(parent) has no controller \(missing.joined(separator: ", ")): \(Self.advice)", errno: ENOENT)
        }
        try require("make cgroup \(folder): \(Self.advice)", checked(mkdir(folder, 0o755)))
        let leaf = folder + "/" + Self.hostLeaf
        try require("make cgroup \(leaf)", checked(mkdir(leaf, 0o755)))
        let waiting = parent == own && Self.isDelegated(own) ? Self.ancestors(in: own) : []
        try writeText(String(getpid()), to: leaf + "/cgroup.procs")
        moved = [getpid()] + waiting
        // One that has ended since is not in the way; one that cannot be moved is named by the next step.
        for pid in waiting { Self.attempt([String(pid)], leaf + "/cgroup.procs") }
        let had = Self.words(parent + "/cgroup.subtree_control")
        let wanted = CgroupLayout.controllers.filter { !had.contains($0) }
        do {
            if !wanted.isEmpty { try writeText(wanted.map { "+" + $0 }.joined(separator: " "), to: parent + "/cgroup.subtree_control") }
        } catch {
            throw JailError("cgroup \(parent) holds processes that are not Limen's: \(Self.advice)", errno: error.errno)
        }
        added = wanted
        try writeText(CgroupLayout.controllers.map { "+" + $0 }.joined(separator: " "), to: folder + "/cgroup.subtree_control")
    }

    /// Moves everyone back to where they came from. What fails shows as a folder that cannot be removed.
    func leave() {
        let all = CgroupLayout.controllers
        Self.attempt(all.map { "-" + $0 }, folder + "/cgroup.subtree_control")
        // Refused while another service beneath the same group uses them.
        if !added.isEmpty { Self.attempt(added.map { "-" + $0 }, parent + "/cgroup.subtree_control") }
        for pid in moved { Self.attempt([String(pid)], own + "/cgroup.procs") }
        rmdir(folder + "/" + Self.hostLeaf)
    }

    private static func attempt(_ words: [String], _ path: String) {
        do { try writeText(words.joined(separator: " "), to: path) } catch { return }  // the callers say why
    }

    /// What to do about a group that cannot be used.
    private static var advice: String {
        getuid() == 0
            ? "start Limen as a unit of its own (`systemd-run --scope -p Delegate=yes …`, or deploy/limen.service)"
            : "start Limen in a delegated one (`systemd-run --user --scope -p Delegate=yes …`, or Delegate=yes in its unit)"
    }

    /// Controllers that limits need and `group` was not given.
    private static func missing(in group: String) -> [String] {
        let present = words(group + "/cgroup.controllers")
        return CgroupLayout.controllers.filter { !present.contains($0) }
    }

    static func words(_ path: String) -> [String] {
        // An unreadable list is an empty one: the group is then not used, or refuses what is asked of it by name.
        do { return try readText(path).split(whereSeparator: \.isWhitespace).map(String.init) } catch { return [] }
    }

    /// Whether `group` was given to this account with the processes in it; root, who may do anything, has to be told so by systemd.
    private static func isDelegated(_ group: String) -> Bool {
        if getuid() != 0 { return access(group + "/cgroup.procs", W_OK) == 0 }
        return clinux_has_attribute(group, "trusted.delegate") != 0 || clinux_has_attribute(group, "user.delegate") != 0
    }

    /// The commands that wait for this process and sit in the same group: they go to the host's leaf with it.
    private static func ancestors(in group: String) -> [Int32] {
        let inside = Set(words(group + "/cgroup.procs"))
        var found: [Int32] = []
        var pid = getppid()
        while pid > 1, inside.contains(String(pid)), found.count < 64 {
            found.append(pid)
            guard let next = parent(of: pid) else { break }
            pid = next
        }
        return found
    }

    private static func parent(of pid: Int32) -> Int32? {
        // The name, in parentheses, may hold anything; after it come the state and the parent.
        let text: String
        do { text = try readText("/proc/\(pid)/stat") } catch { return nil }  // it has ended
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }
}
