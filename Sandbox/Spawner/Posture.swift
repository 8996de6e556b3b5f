import CLinux
import Glibc
import Jail

/// What this machine and account hold, as JSON for `/v1/admin/sandbox` and `limen doctor`.
enum Posture {
    static func json(_ rung: Rung, _ layout: CgroupLayout, _ image: RuntimeImage, _ slots: Int) -> [UInt8] {
        let version =
            switch layout.version {
            case .v1: "v1"
            case .v2: "v2"
            }
        let layers: [(String, Bool, String)] = [
            (
                "own user a slot", rung == .root,
                rung == .root
                    ? "each worker slot has its own user id" : "workers share this account's user; namespaces, Landlock and seccomp keep them apart"
            ),
            ("no capabilities", true, "bounding, ambient and thread sets are empty and verified in every worker"),
            ("no new privileges", true, "set in every worker"),
            ("namespaces", true, rung == .root ? "mount, pid, net, ipc, uts, cgroup" : "user, mount, pid, net, ipc, uts, cgroup"),
            ("own root", true, "read-only image of \(image.libraries.count) libraries, the bundle, /scratch, private /proc"),
            ("landlock", Landlock.abi > 0, "ABI \(Landlock.abi)"),
            ("seccomp", true, "stage 1 \(WorkerPolicy.stage1.compiled().count) instructions, tripwires by user notification"),
            ("cgroups", true, "\(version): memory, pids, cpu"),
            ("rlimits", true, "core, nofile, fsize, memlock, msgqueue, nice, rtprio, sigpending, stack"),
        ]
        let rows = layers.map { #"{"name":"\#($0.0)","held":\#($0.1),"detail":"\#($0.2)"}"# }.joined(separator: ",")
        let text = #"{"rung":"\#(rung.name)","cgroup_version":"\#(version)","landlock_abi":\#(Landlock.abi),"slots":\#(slots),"layers":[\#(rows)]}"#
        return Array(text.utf8)
    }
}
