import CLinux
import Glibc
import WorkerProtocol

/// The worker's view of the file system: the runtime image, its bundle, a scratch and a procfs of its own, and nothing else.
enum JailMounts {
    /// Makes the runtime image the only root. Runs inside a fresh mount namespace with the privilege to mount, before the plugin is known: detaching the old
    /// root waits for every processor.
    /// - Throws: `JailError` naming the mount that failed.
    static func enterRoot(_ root: String) throws(JailError) {
        try require("mount propagation", clinux_mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
        // Mounts inherited across a user namespace are locked; a copy of the tree has a top that pivot_root takes.
        try require("bind runtime image", clinux_mount(root, root, nil, UInt(MS_BIND | MS_REC), nil))
        try processes(root + "/proc")
        try require("enter root", checked(chdir(root)))
        try require("pivot_root", clinux_pivot_root(".", "."))
        try require("detach old root", clinux_umount2(".", Int32(MNT_DETACH)))
        try require("enter root", checked(chdir("/")))
    }

    /// Adds what is this worker's own: its scratch, and the bundle from a detached mount.
    /// - Throws: `JailError` naming the mount that failed.
    static func add(_ spec: JailSpec, bundle: Int32) throws(JailError) {
        try scratch("/scratch", spec)
        try require("attach bundle", clinux_attach_tree(bundle, spec.bundleInside))
    }

    /// Adds the certificates of authorities, read-only, on the empty file that the image has for them.
    /// - Throws: `JailError`.
    static func add(authorities: Int32) throws(JailError) {
        try require("attach authorities", clinux_attach_tree(authorities, ProxyDoor.authoritiesPath))
    }

    /// The bundle is the one that the host verified. What is attached cannot change any more, so looking at it cannot be raced.
    /// - Throws: `JailError` naming the file that is another one.
    static func inspect(_ spec: JailSpec) throws(JailError) {
        try compare(spec.bundleInside, spec)
        try verify(spec.files, beneath: spec.bundleInside)
    }

    private static let quiet = UInt(MS_NOSUID | MS_NODEV)

    private static func scratch(_ target: String, _ spec: JailSpec) throws(JailError) {
        let options =
            "size=\(spec.limits.scratchBytes),nr_inodes=\(spec.limits.scratchInodes),mode=0700,uid=\(scratchOwner(spec)),gid=\(scratchGroup(spec))"
        try require("mount /scratch", clinux_mount("scratch", target, "tmpfs", quiet | UInt(MS_NOEXEC), options))
    }

    // In a user namespace the ids of the mount options are those inside it, as in the spec; as root there is one id space.
    private static func scratchOwner(_ spec: JailSpec) -> UInt32 { spec.userID }
    private static func scratchGroup(_ spec: JailSpec) -> UInt32 { spec.groupID }

    private static func compare(_ target: String, _ spec: JailSpec) throws(JailError) {
        var information = stat()
        try require("inspect bundle", checked(lstat(target, &information)))
        guard UInt64(information.st_dev) == spec.bundleDevice, UInt64(information.st_ino) == spec.bundleInode else {
            throw JailError("bundle is not the verified folder")
        }
    }

    /// Dispatch reads `/proc/<tid>/stat`; the procfs shows this pid namespace alone.
    private static func processes(_ target: String) throws(JailError) {
        try require(
            "mount /proc",
            clinux_mount("proc", target, "proc", quiet | UInt(MS_NOEXEC | MS_RDONLY), "subset=pid,hidepid=invisible"))
    }

    /// Every file of the bundle is the inode that the host verified, unchanged since: the change time cannot be set by anyone.
    private static func verify(_ files: [VerifiedFile], beneath folder: String) throws(JailError) {
        for file in files {
            var information = stat()
            try require("inspect \(file.path)", checked(lstat(folder + "/" + file.path, &information)))
            let isRegular = information.st_mode & S_IFMT == S_IFREG
            let found = VerifiedFile(
                path: file.path, device: UInt64(information.st_dev), inode: UInt64(information.st_ino), size: UInt64(information.st_size),
                changeSeconds: Int64(information.st_ctim.tv_sec), changeNanoseconds: UInt32(information.st_ctim.tv_nsec))
            guard isRegular, found == file else { throw JailError("\(file.path) is not the verified file") }
        }
    }
}
