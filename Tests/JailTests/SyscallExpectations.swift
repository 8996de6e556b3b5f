/// What every system call of x86-64 is to answer in a jail (root rung, stage 1), written out by name and read by a person. A change of the
/// policy is a change of this table; a call that Linux adds is in neither until somebody has thought about it.
enum SyscallExpectations {
    /// Files within reach of the mounts and Landlock, memory, threads, time and waiting: they run.
    static let allowed = words(
        """
        access alarm brk capget chdir chmod clock_getres clock_gettime clock_nanosleep close close_range copy_file_range creat dup dup2 dup3
        epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 exit exit_group faccessat faccessat2
        fadvise64 fallocate fchdir fchmod fchmodat fdatasync flock fstat fstatfs fsync ftruncate futex futimesat get_robust_list getcpu getcwd
        getdents64 getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
        getrlimit getrusage getsid gettid gettimeofday getuid link linkat lseek lstat madvise membarrier mincore mkdir mkdirat mlock mlock2
        mlockall mremap msync munlock munlockall munmap nanosleep newfstatat open openat pause pipe pipe2 poll ppoll pread64 preadv preadv2
        pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 restart_syscall rmdir rseq
        rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getparam sched_getscheduler sched_yield select sendfile sendmsg set_robust_list set_tid_address setitimer
        setrlimit sigaltstack signalfd4 stat statfs statx symlink symlinkat sync_file_range syncfs sysinfo tgkill time timerfd_create
        timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat utimes write writev
        """)

    /// What a plugin has no business with: EPERM, and life goes on.
    static let refused = words(
        """
        accept accept4 acct arch_prctl bind capset chown chroot connect execve execveat fanotify_init fanotify_mark fchown fchownat fgetxattr
        flistxattr fork fremovexattr fsetxattr get_mempolicy getpeername getsockname getsockopt getxattr inotify_add_watch inotify_init
        inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioperm iopl ioprio_get ioprio_set kcmp kill
        landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr listen listxattr llistxattr lremovexattr lsetxattr
        mbind memfd_create memfd_secret migrate_pages mknod mknodat modify_ldt move_pages mq_getsetattr mq_notify mq_open mq_timedreceive
        mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd name_to_handle_at openat2 personality pidfd_open pidfd_send_signal pkey_alloc
        pkey_free process_madvise process_mrelease quotactl quotactl_fd recvfrom recvmmsg recvmsg remap_file_pages removexattr rt_sigqueueinfo
        rt_tgsigqueueinfo sched_getattr sched_setaffinity sched_setattr sched_setparam sched_setscheduler semctl semget semop semtimedop
        sendmmsg sendto set_mempolicy set_mempolicy_home_node setdomainname setfsgid setfsuid setgid setgroups sethostname setpgid setpriority
        setregid setresgid setresuid setreuid setsid setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown signalfd socketpair splice
        sync sysfs syslog tee timer_create timer_delete timer_getoverrun timer_gettime timer_settime uselib ustat vfork vhangup vmsplice wait4
        waitid
        """)

    /// What only an attacker calls: the worker dies and the audit log names the call.
    static let tripwires = words(
        """
        add_key adjtimex bpf clock_adjtime clock_settime delete_module finit_module fsconfig fsmount fsopen fspick init_module io_uring_enter
        io_uring_register io_uring_setup kexec_file_load kexec_load keyctl mount mount_setattr move_mount open_by_handle_at open_tree
        open_tree_attr perf_event_open pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace reboot request_key setns settimeofday
        swapoff swapon umount2 unshare userfaultfd
        """)

    /// What libraries probe for, or nobody needs: ENOSYS, as on a kernel without it.
    static let absent = words(
        """
        _sysctl afs_syscall cachestat clone3 create_module epoll_ctl_old epoll_wait_old fchmodat2 file_getattr file_setattr futex_requeue
        futex_wait futex_waitv futex_wake get_kernel_syms get_thread_area getdents getpmsg getxattrat io_pgetevents listmount listxattrat
        lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mseal nfsservctl putpmsg query_module
        removexattrat sched_rr_get_interval security set_thread_area setxattrat statmount tuxcall vserver
        """)

    /// What the arguments decide; the table of cases is below.
    static let conditional = words(
        """
        clone fcntl ioctl mmap mprotect pkey_mprotect prctl prlimit64 seccomp socket
        """)

    /// The names of `newer` that libseccomp of Debian 12 does not know yet; one number on every architecture.
    static let newer: [String: UInt32] = [
        "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455, "futex_requeue": 456, "statmount": 457, "listmount": 458,
        "lsm_get_self_attr": 459, "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464,
        "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469, "cachestat": 451,
        "fchmodat2": 452,
    ]

    /// arm64 has only the newer of each pair, such as `openat` and no `open`.
    static let notOnArm64 = Set(
        words(
            """
            access alarm arch_prctl chmod chown creat dup2 epoll_create epoll_wait eventfd fork futimesat getpgrp inotify_init ioperm iopl lchown link
            lstat mkdir mknod modify_ldt open pause pipe poll readlink rename rmdir select signalfd stat symlink sysfs time unlink uselib ustat utime
            utimes vfork
            _sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getdents getpmsg putpmsg query_module
            security set_thread_area tuxcall vserver
            """))

    private static func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }
}
