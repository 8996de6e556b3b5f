/// Files: what a plugin may open, change, run and leave behind.
extension EscapeCases {
    /// Read-only whatever stands in the way first: the mount, the owner or Landlock.
    private static let readOnly = "EROFS|EACCES"
    private static let absentPaths = [
        "/etc/passwd", "/etc/shadow", "/root", "/root/.ssh/id_ed25519", "/home", "/var/lib", "/var/log", "/boot", "/run", "/mnt", "/opt", "/srv",
        "/work",
    ]
    private static let systemFiles = [
        "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/keys", "/proc/cmdline",
        "/proc/cpuinfo", "/proc/meminfo", "/proc/modules", "/proc/config.gz", "/proc/interrupts", "/proc/timer_list", "/proc/scsi/scsi",
        "/proc/bus/pci", "/proc/version", "/proc/fs",
    ]
    private static let deviceFiles = [
        "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kvm", "/dev/kmsg", "/dev/ptmx", "/dev/pts/0", "/dev/tty", "/dev/console", "/dev/fuse", "/dev/shm",
        "/dev/mqueue", "/dev/net/tun", "/dev/userfaultfd", "/dev/vda", "/dev/sda", "/dev/loop0", "/dev/vsock", "/dev/random", "/dev/full",
        "/dev/stdin",
        "/sys", "/sys/fs/cgroup",
    ]

    private static let changes = [
        "chmod", "fchmodat", "chown", "utimensat", "utime", "setxattr", "truncate", "rename", "link", "symlink", "unlink", "rmdir", "mkdir",
    ]

    static func all(_ attempts: [String], _ expected: String, _ more: [String: String] = [:]) -> [String: String] {
        more.merging(attempts.map { ($0, expected) }) { own, _ in own }
    }

    static let files: [EscapeCase] = [
        .one(.files, "open-host-files", .reports(all(absentPaths, "ENOENT"))).landlock(
            .reports(all(absentPaths, "EACCES|ENOENT", ["/etc/passwd": "EACCES", "/root": "EACCES"]))),
        .one(
            .files, "open-every-way",
            .reports(
                all(
                    [
                        "open", "stat", "access", "openat", "openat O_PATH", "openat O_DIRECTORY", "newfstatat", "statx", "faccessat2",
                        "readlinkat", "statfs", "truncate", "chdir",
                        // The image has a folder for certificates there, and is read-only.
                    ], "ENOENT", ["openat2": "EPERM", "creat": "EROFS"]))
        ).landlock(
            // Names and attributes are seen; nothing is opened but as a mere place, and nothing is changed.
            .reports(
                all(
                    ["stat", "access", "openat O_PATH", "newfstatat", "statx", "faccessat2", "statfs", "chdir"], "ok",
                    all(
                        ["open", "openat", "openat O_DIRECTORY"], "EACCES",
                        ["creat": "EPERM", "truncate": "EPERM", "openat2": "EPERM", "readlinkat": "EINVAL"])))),
        .one(
            .files, "open-host-database", attack: "open-given", "%database:%key:%manifests:%bundle",
            .reports(all(["read 0", "write 0", "read 1", "write 1", "read 2", "write 2", "read 3", "write 3"], "ENOENT"))
        ).landlock(
            .reports(
                all(
                    ["read 0", "write 0", "read 1", "write 1", "read 2", "write 2", "read 3", "write 3"], "EACCES|ENOENT|EISDIR",
                    ["read 0": "EACCES", "write 0": "EACCES"]))),
        .one(
            .files, "change-host-files", attack: "change-given", "%database:%manifests:%neighbour",
            .reports(
                all(
                    changes.flatMap { change in (0..<3).map { "\(change) \($0)" } }, "ENOENT",
                    all((0..<3).map { "chown \($0)" }, "EPERM", all((0..<3).map { "setxattr \($0)" }, "EPERM"))))
        )
        // The account that a worker shares with the host there owns these files.
        .landlock(.reports(all(changes.flatMap { change in (0..<3).map { "\(change) \($0)" } }, "EPERM"))),
        .one(.files, "open-neighbour-bundle", attack: "open-given", "%neighbour", .reports(all(["read 0", "write 0"], "ENOENT"))).landlock(
            .reports(all(["read 0", "write 0"], "EACCES"))),
        .one(
            .files, "climb-dotdot",
            .reports(["stat /": "ok", "directories tried": "several", "other roots": "0", "passwd found": "0"])
        ).landlock(reports: ["passwd found": "*"]),
        .one(
            .files, "symlink-to-host",
            .reports([
                "symlink": "ok", "open link": "ENOENT", "create through link": "ENOENT|EROFS|EACCES", "link to /..": "own root",
                "open magic link": "ENOENT|EACCES", "open loop": "ELOOP",
            ])
        ).landlock(
            .reports([
                "symlink": "EPERM", "open link": "ENOENT", "create through link": "ENOENT|EACCES", "open magic link": "ENOENT|EACCES",
                "open loop": "ENOENT",
            ])),
        .one(
            .files, "link-tricks",
            .reports([
                "link library": "EXDEV", "linkat by /proc": "EXDEV", "linkat by descriptor": "EXDEV|ENOENT|EPERM", "reopen for writing": readOnly,
            ])
        ).landlock(reports: ["link library": "EPERM", "linkat by /proc": "EPERM", "linkat by descriptor": "EPERM|ENOENT"]),
        .one(.files, "write-libraries", .reports(["libraries": "some", "writable": "0"])),
        .one(
            .files, "change-bundle",
            .reports([
                "stat": "ok", "open write": readOnly, "truncate": readOnly, "chmod": "EROFS", "chown": "EPERM", "utimensat": readOnly,
                "setxattr": "EPERM", "unlink": readOnly, "rename over": "EXDEV", "rename out": "EXDEV", "exchange": "EXDEV",
                "create beside": readOnly, "mkdir beside": readOnly, "symlink beside": readOnly,
            ])
        ).landlock(
            .reports(
                all(
                    [
                        "truncate", "chmod", "chown", "utimensat", "setxattr", "unlink", "rename over", "rename out", "exchange", "mkdir beside",
                        "symlink beside",
                    ], "EPERM", ["stat": "ok", "open write": "EACCES", "create beside": "EACCES"]))),
        .one(
            .files, "map-bundle-shared",
            .reports([
                "mmap shared writable": "EACCES", "mprotect to writable": "EACCES", "fallocate": "EBADF", "F_SETLEASE": "EPERM", "F_NOTIFY": "EPERM",
            ])
        ).landlock(reports: ["fallocate": "EPERM"]),
        .one(
            .files, "create-anywhere",
            .reports([
                "directories outside scratch": "nowhere", "mkdir /x": readOnly, "O_TMPFILE in /": readOnly,
                "O_TMPFILE in /proc": "EROFS|EACCES|EOPNOTSUPP",
                "create in /dev": readOnly,
            ])
        ).landlock(reports: ["mkdir /x": "EPERM"]),
        .one(
            .files, "remove-scratch",
            .reports([
                "rmdir /scratch": "EBUSY|EROFS|EACCES", "rename /scratch": "EBUSY|EROFS|EACCES|EXDEV", "symlink over /scratch": "EEXIST",
                "still there": "ok",
            ])
        ).landlock(
            .reports(["rmdir /scratch": "EPERM", "rename /scratch": "EPERM", "symlink over /scratch": "EPERM", "still there": "ENOENT"])),
        .one(
            .files, "exec-scratch",
            .reports(all(["execve script", "execve missing", "execve library", "execve self", "execveat", "execve loader"], "EPERM"))),
        .one(.files, "dlopen-scratch", .reports(["dlopen": "refused"])),
        .one(
            .files, "map-scratch-executable",
            .reports(all(["mmap read exec", "mmap shared exec", "mmap write exec", "mprotect to exec"], "EPERM"))
        ).landlock(reports: ["mprotect to exec": "EBADF|EPERM"]),
        .one(.files, "map-bundle-executable", .reports(["mmap exec after load": "EPERM"])),
        .one(.files, "memfd-code", .reports(["memfd_create": "EPERM"])),
        .one(.files, "memfd-secret", .reports(["memfd_secret": "EPERM|ENOSYS"])),
        .one(
            .files, "setuid-file",
            .reports(["nosuid": "yes", "noexec": "yes", "nodev": "yes", "execve": "EPERM", "chown to root": "EPERM", "set capability": "EPERM"])
        )
        // No file can be made, so it does not matter what the host's file systems are mounted with.
        .landlock(reports: ["nosuid": "*", "noexec": "*", "nodev": "*"]),
        .one(.files, "mount-flags", .reports(["/": "ro nosuid nodev", "bundle": "ro nosuid nodev", "/proc": "ro nosuid nodev"])).landlock(
            .reports(["/": "*", "bundle": "*", "/proc": "*"])),
        .one(.files, "make-nodes", .reports(all(["character device", "block device", "mknod syscall", "socket node"], "EPERM"))),
        .one(
            .files, "proc-memory",
            .reports(all(["/proc/self/mem for writing", "/proc/1/mem for writing", "/proc/thread-self/mem for writing"], readOnly))),
        .one(
            .files, "proc-exe",
            .reports([
                "write /proc/self/exe": "ETXTBSY|EROFS|EACCES", "execve /proc/self/exe": "EPERM", "truncate /proc/self/exe": "ETXTBSY|EROFS|EACCES",
                "link /proc/self/exe": "EXDEV|EACCES|EPERM",
            ])
        ).landlock(reports: ["truncate /proc/self/exe": "EPERM"]),
        .one(
            .files, "proc-roots",
            .reports(
                all(
                    [
                        "/proc/1/root/etc/passwd", "/proc/self/root/etc/passwd", "/proc/self/root/../../etc/passwd", "/proc/1/cwd/etc/passwd",
                        "/proc/self/cwd/../etc/passwd", "/proc/2/root", "/proc/3/root",
                    ], "ENOENT|EACCES"))),
        .one(.files, "proc-system", .reports(all(systemFiles, "ENOENT"))).landlock(.reports(all(systemFiles, "ENOENT|EACCES"))),
        .one(.files, "proc-writes", .reports(["writable": "0"])),
        .one(.files, "proc-others", .reports(["processes seen": "1 own, 0 others"])).landlock(.reports(["processes seen": "0 own, 0 others"])),
        .one(.files, "devices", .reports(all(deviceFiles, "ENOENT", ["other devices": "0"])))
            // /dev/stdin is /dev/null, as in every worker.
            .landlock(.reports(all(deviceFiles, "ENOENT|EACCES", ["/dev/stdin": "ok", "other devices": "0"]))),
        .one(.files, "device-controls", .reports(all(["RNDADDTOENTCNT", "RNDCLEARPOOL", "RNDRESEEDCRNG"], "EPERM", ["open urandom": "ok"]))),
        .one(.files, "handles", .reports(["name_to_handle_at": "EPERM"])),
        .one(.files, "watches", .reports(all(["inotify_init1", "fanotify_init", "chroot", "acct", "quotactl"], "EPERM"))),
        .one(
            .files, "descriptors",
            .reports([
                "sockets": "1", "directories": "0", "regular files": "0", "pipes": "0", "more than eight": "no", "working directory": "/",
            ])),
        .one(.files, "locks", .reports(all(["F_SETOWN other process", "F_SETSIG", "ioctl FIOASYNC"], "EPERM"))),
    ]
}
