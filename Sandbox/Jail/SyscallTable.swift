/// Which system calls a worker may make. A call that an architecture lacks needs no answer there.
package enum SyscallTable {
    /// Files (what can be reached is the mounts' and Landlock's business), memory, threads, time and waiting.
    package static let allowed: [Syscall] = files + descriptors + memory + threads + time + identity + legacy

    private static let files: [Syscall] = [
        .openat, .close, .close_range, .read, .write, .readv, .writev, .pread64, .pwrite64, .preadv, .pwritev, .preadv2, .pwritev2, .lseek, .fstat,
        .newfstatat, .statx, .faccessat, .faccessat2, .getdents64, .readlinkat, .getcwd, .chdir, .fchdir, .mkdirat, .unlinkat, .renameat,
        .renameat2, .linkat, .symlinkat, .fchmod, .fchmodat, .truncate, .ftruncate, .fallocate, .fsync, .fdatasync, .utimensat, .umask, .statfs,
        .fstatfs, .sendfile, .copy_file_range, .flock, .fadvise64, .readahead, .sync_file_range, .syncfs,
    ]
    private static let descriptors: [Syscall] = [
        .dup, .dup3, .pipe2, .ppoll, .pselect6, .epoll_create1, .epoll_ctl, .epoll_pwait, .epoll_pwait2, .eventfd2, .timerfd_create,
        .timerfd_settime, .timerfd_gettime, .signalfd4,
        // One message with the listener leaves before the plugin is loaded; afterwards the host receives without control buffers.
        .sendmsg,
    ]
    private static let memory: [Syscall] = [
        .brk, .munmap, .mremap, .madvise, .mincore, .msync, .mlock, .mlock2, .munlock, .mlockall, .munlockall, .membarrier,
    ]
    // The priority-inheritance operations of futex are what Swift's Mutex uses.
    private static let threads: [Syscall] = [
        .futex, .set_robust_list, .get_robust_list, .rseq, .set_tid_address, .sched_yield, .sched_getaffinity, .sched_getparam, .sched_getscheduler,
        .sched_get_priority_max, .sched_get_priority_min, .getpriority, .rt_sigaction, .rt_sigprocmask, .rt_sigreturn, .rt_sigpending,
        .rt_sigtimedwait, .rt_sigsuspend, .sigaltstack, .tgkill, .tkill, .restart_syscall, .exit, .exit_group, .gettid, .getcpu,
    ]
    private static let time: [Syscall] = [
        .clock_gettime, .clock_getres, .clock_nanosleep, .nanosleep, .gettimeofday, .getitimer, .setitimer, .times, .getrusage,
    ]
    private static let identity: [Syscall] = [
        .getpid, .getppid, .getuid, .geteuid, .getgid, .getegid, .getresuid, .getresgid, .getgroups, .getpgid, .getsid, .uname, .sysinfo,
        .getrlimit, .setrlimit, .capget, .getrandom,
    ]
    /// What only x86-64 has, beside the newer of each pair.
    private static let legacy: [Syscall] = [
        .open, .stat, .lstat, .access, .readlink, .mkdir, .rmdir, .unlink, .rename, .link, .symlink, .chmod, .creat, .dup2, .pipe, .poll, .select,
        .epoll_create, .epoll_wait, .eventfd, .getpgrp, .time, .alarm, .pause, .utime, .utimes, .futimesat,
    ]

    /// Allowed calls that change what lies in a file system beyond a written file's contents.
    package static let changesOfFiles: [Syscall] = changesEverywhere + changesLegacy

    private static let changesEverywhere: [Syscall] = [
        .mkdirat, .unlinkat, .renameat, .renameat2, .linkat, .symlinkat, .fchmod, .fchmodat, .truncate, .ftruncate, .fallocate, .utimensat,
        .copy_file_range, .syncfs, .flock,
    ]
    private static let changesLegacy: [Syscall] = [
        .mkdir, .rmdir, .unlink, .rename, .link, .symlink, .chmod, .creat, .utime, .utimes, .futimesat,
    ]
    /// Calls that open, with the place of their flags.
    package static let openFlags: [(Syscall, Int)] = [(.openat, 2), (.open, 1)]

    /// Known calls that a plugin has no business with: EPERM, and life goes on.
    package static let refused: [Syscall] = refusedEverywhere + refusedLegacy

    private static let refusedEverywhere: [Syscall] = [
        .execve, .execveat, .wait4, .waitid, .kill, .rt_sigqueueinfo, .rt_tgsigqueueinfo, .pidfd_open, .pidfd_send_signal, .kcmp, .process_madvise,
        .process_mrelease, .setpgid, .setsid, .setpriority, .sched_setaffinity, .sched_setparam, .sched_setscheduler, .sched_setattr,
        .sched_getattr, .ioprio_set, .ioprio_get, .socketpair, .bind, .listen, .accept, .accept4, .connect, .getsockname, .getpeername, .sendto,
        .recvfrom, .recvmsg, .sendmmsg, .recvmmsg, .setsockopt, .getsockopt, .shutdown, .memfd_create, .memfd_secret, .remap_file_pages, .mbind,
        .set_mempolicy, .get_mempolicy, .migrate_pages, .move_pages, .set_mempolicy_home_node, .pkey_alloc, .pkey_free, .shmget, .shmat, .shmctl,
        .shmdt, .semget, .semop, .semtimedop, .semctl, .msgget, .msgsnd, .msgrcv, .msgctl, .mq_open, .mq_unlink, .mq_timedsend, .mq_timedreceive,
        .mq_notify, .mq_getsetattr, .setuid, .setgid, .setreuid, .setregid, .setresuid, .setresgid, .setfsuid, .setfsgid, .setgroups, .capset,
        .personality, .chroot, .acct, .sethostname, .setdomainname, .syslog, .quotactl, .quotactl_fd, .vhangup, .sync, .fchown, .fchownat, .mknodat,
        .name_to_handle_at, .inotify_init1, .inotify_add_watch, .inotify_rm_watch, .fanotify_init, .fanotify_mark, .setxattr, .lsetxattr,
        .fsetxattr, .getxattr, .lgetxattr, .fgetxattr, .listxattr, .llistxattr, .flistxattr, .removexattr, .lremovexattr, .fremovexattr, .splice,
        .tee, .vmsplice, .timer_create, .timer_settime, .timer_gettime, .timer_getoverrun, .timer_delete, .landlock_create_ruleset,
        .landlock_add_rule, .landlock_restrict_self, .io_setup, .io_submit, .io_getevents, .io_cancel, .io_destroy, .openat2,
    ]
    private static let refusedLegacy: [Syscall] = [
        .fork, .vfork, .chown, .lchown, .mknod, .inotify_init, .signalfd, .arch_prctl, .modify_ldt, .iopl, .ioperm, .ustat, .sysfs, .uselib,
    ]

    /// Calls that no benign library makes: the worker dies and the audit log names the call.
    package static let tripwires: [Syscall] = [
        .ptrace, .process_vm_readv, .process_vm_writev, .pidfd_getfd, .bpf, .mount, .umount2, .fsopen, .fsconfig, .fsmount, .fspick, .open_tree,
        .open_tree_attr, .move_mount, .mount_setattr, .pivot_root, .unshare, .setns, .keyctl, .add_key, .request_key, .userfaultfd,
        .perf_event_open, .io_uring_setup, .io_uring_enter, .io_uring_register, .kexec_load, .kexec_file_load, .init_module, .finit_module,
        .delete_module, .open_by_handle_at, .swapon, .swapoff, .reboot, .settimeofday, .clock_settime, .adjtimex, .clock_adjtime,
    ]
}
