/// System calls that a manifest may add to the jail's base list.
///
/// A closed list on purpose: whatever is not here cannot be granted by any file, so no manifest can reach a tripwire, a way to make
/// memory executable, or another process. Each entry touches the calling process only.
package enum GrantableSyscalls {
    /// Names as in the kernel's table.
    package static let names: Set<String> = [
        "alarm", "fadvise64", "fallocate", "getcpu", "getitimer", "getpriority", "inotify_add_watch", "inotify_init1", "inotify_rm_watch",
        "membarrier", "mincore", "mlock", "mlock2", "mlockall", "msync", "munlock", "munlockall", "readahead", "sched_get_priority_max",
        "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_setaffinity", "setitimer",
        "sync_file_range", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
        "timerfd_gettime", "timerfd_settime", "times",
    ]
}
