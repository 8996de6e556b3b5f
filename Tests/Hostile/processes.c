/* Processes: making them, reaching them, becoming someone else. */
#include "hostile.h"
#include <sys/utsname.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <spawn.h>
#include <sys/fsuid.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static char *const no_words[] = {"x", NULL};

/* A child that was made after all ends at once. */
static void child_result(const char *attempt, long pid) {
    if (pid == 0) syscall(SYS_exit_group, 0);
    saw(attempt, pid);
    if (pid > 0) waitpid((pid_t)pid, NULL, __WALL);
}

static void fork_every_way(const char *argument) {
    (void)argument;
    child_result("fork", fork());
#ifdef SYS_fork
    child_result("raw fork", syscall(SYS_fork));
    /* vfork: the child would share our stack; the kernel's answer is what counts. */
    child_result("raw vfork", syscall(SYS_vfork));
#endif
    child_result("clone SIGCHLD", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    child_result("clone no signal", syscall(SYS_clone, 0, 0, 0, 0, 0));
    child_result("clone parent", syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
    child_result("clone pidfd", syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &(int){0}, 0, 0));
    child_result("clone files", syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
    child_result("clone ptrace", syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0));
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    child_result("clone3", syscall(SYS_clone3, &arguments, sizeof arguments));
    struct clone_args into = {.exit_signal = SIGCHLD, .flags = CLONE_NEWUSER};
    child_result("clone3 new user", syscall(SYS_clone3, &into, sizeof into));
    child_result("clone high bits", syscall(SYS_clone, 0x100000000ul | SIGCHLD, 0, 0, 0, 0));
}

static void spawn_every_way(const char *argument) {
    (void)argument;
    pid_t pid;
    char *const environment[] = {NULL};
    saw_errno("posix_spawn", posix_spawn(&pid, "/bin/true", NULL, NULL, no_words, environment));
    saw_errno("posix_spawnp", posix_spawnp(&pid, "true", NULL, NULL, no_words, environment));
    saw_text("system", "%s", system("true") == 0 ? "ok" : "refused");
    FILE *pipe = popen("true", "r");
    saw_text("popen", pipe ? "ok" : "refused");
    saw("execve", execve("/bin/true", no_words, environment));
    saw("execvp", execvp("true", no_words));
    saw("execveat empty", syscall(SYS_execveat, AT_FDCWD, "/bin/true", no_words, environment, 0));
}

/* `argument` is a process id of the host's, as the host sees it. Signal 0 asks for permission and does no harm. */
static void signals(const char *argument) {
    pid_t pid = atoi(argument);
    siginfo_t info = {.si_code = SI_QUEUE};
    saw("kill host", kill(pid, 0));
    saw("kill host group", kill(-pid, 0));
    saw("kill all", kill(-1, 0));
    saw("kill parent", getppid() > 0 ? kill(getppid(), 0) : (errno = ESRCH, -1));
    saw("tgkill host", syscall(SYS_tgkill, pid, pid, 0));
    saw("tkill host", syscall(SYS_tkill, pid, 0));
    saw("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, pid, 0, &info));
    saw("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0, &info));
    int fd = (int)saw("pidfd_open host", syscall(SYS_pidfd_open, pid, 0));
    saw("pidfd_send_signal", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    int reachable = 0;
    for (pid_t other = 2; other < 70000; other += other < 3000 ? 1 : 97)
        if (syscall(SYS_tkill, other, 0) == 0 && syscall(SYS_tgkill, getpid(), other, 0) != 0) reachable++;
    saw_text("others reachable", "%d", reachable);
    saw_text("own id", "%d", getpid());
    saw_text("parent id", "%d", getppid());
}

static void memory_of_others(const char *argument) {
    pid_t pid = atoi(argument);
    struct iovec range = {(void *)attacks, 16};
    saw("process_madvise", syscall(SYS_process_madvise, -1, &range, 1, MADV_COLD, 0));
    saw("process_mrelease", syscall(448, -1, 0));
    saw("kcmp", syscall(SYS_kcmp, pid, getpid(), KCMP_FILE, 0, 0));
    saw("move_pages", syscall(SYS_move_pages, pid, 0, NULL, NULL, NULL, 0));
    saw("migrate_pages", syscall(SYS_migrate_pages, pid, 0, NULL, NULL));
    saw("get_robust_list", syscall(SYS_get_robust_list, pid, NULL, NULL));
    saw("prlimit host", syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, NULL, &(struct rlimit){0}));
    saw("sched_getaffinity host", syscall(SYS_sched_getaffinity, pid, 8, &(long){0}));
    saw("getpgid host", syscall(SYS_getpgid, pid));
    saw("getsid host", syscall(SYS_getsid, pid));
    saw("ioprio_set host", syscall(SYS_ioprio_set, 1, pid, 0));
    saw("waitid", syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED | WNOHANG, NULL));
}

static void become_root(const char *argument) {
    (void)argument;
    saw("setuid", syscall(SYS_setuid, 0));
    saw("setgid", syscall(SYS_setgid, 0));
    saw("setreuid", syscall(SYS_setreuid, 0, 0));
    saw("setresuid", syscall(SYS_setresuid, 0, 0, 0));
    saw("setresgid", syscall(SYS_setresgid, 0, 0, 0));
    saw("setgroups", syscall(SYS_setgroups, 0, NULL));
    syscall(SYS_setfsuid, 0);
    saw_text("setfsuid", "%s", syscall(SYS_setfsuid, -1) == 0 ? "root" : "not root");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    saw("capset", syscall(SYS_capset, &header, all));
}

/* What the kernel says of this process, from /proc/self/status. */
static void credentials(const char *argument) {
    (void)argument;
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t count = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    if (count <= 0) saw("status", -1);
    static const char *const fields[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "TracerPid", NULL};
    for (int i = 0; fields[i]; i++) {
        char *at = strstr(text, fields[i]), value[64] = "";
        if (at && sscanf(at + strlen(fields[i]), ": %63s", value) == 1) saw_text(fields[i], "%s", value);
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    if (syscall(SYS_capget, &header, sets) < 0) saw("capget", -1);
    else saw_text("capget", "%s", sets[0].effective | sets[0].permitted | sets[0].inheritable | sets[1].effective | sets[1].permitted | sets[1].inheritable ? "some" : "none");
    saw_text("uid", "%s", getuid() == 0 || geteuid() == 0 ? "root" : "not root");
    saw_text("gid", "%s", getgid() == 0 || getegid() == 0 ? "root" : "not root");
    gid_t groups[64];
    int group_count = getgroups(64, groups), zero = 0;
    for (int i = 0; i < group_count; i++) zero += groups[i] == 0;
    saw_text("root among groups", "%d", zero);
    saw_text("dumpable", "%d", prctl(PR_GET_DUMPABLE));
    struct rlimit core = {1, 1};
    getrlimit(RLIMIT_CORE, &core);
    saw_text("core limit", "%lu/%lu", (unsigned long)core.rlim_cur, (unsigned long)core.rlim_max);
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    saw_text("terminal", "%s", open("/dev/tty", O_RDWR) < 0 ? "none" : "one");
}

static void host_name(const char *argument) {
    (void)argument;
    struct utsname name;
    if (uname(&name) < 0) saw("node", -1);
    else saw_text("node", "%s", name.nodename);
}

static void process_controls(const char *argument) {
    (void)argument;
    saw("PR_SET_DUMPABLE 1", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    saw_text("still not dumpable", "%s", prctl(PR_GET_DUMPABLE) == 1 ? "dumpable" : "yes");
    saw("PR_SET_NO_NEW_PRIVS 0", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    saw("PR_SET_PDEATHSIG 0", prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    saw("PR_SET_PTRACER any", prctl(PR_SET_PTRACER, -1L, 0, 0, 0));
    saw("PR_SET_MM", prctl(PR_SET_MM, PR_SET_MM_START_BRK, 0, 0, 0));
    saw("PR_SET_SECCOMP strict", prctl(PR_SET_SECCOMP, 2, 0, 0, 0));
    saw("PR_SET_SECUREBITS", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS, 0, 0, 0));
    saw("PR_SET_KEEPCAPS", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    saw("PR_CAP_AMBIENT raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
    saw("PR_CAPBSET_DROP", prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0));
    saw("PR_SET_CHILD_SUBREAPER", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    saw("PR_SET_SYSCALL_USER_DISPATCH", prctl(59, 1, 0, 0, 0));
    saw("PR_SCHED_CORE", prctl(62, 1, 0, 0, 0));
    saw("PR_SET_SPECULATION_CTRL", prctl(53, 0, 2, 0, 0));
    saw("PR_SET_IO_FLUSHER", prctl(57, 1, 0, 0, 0));
    saw("PR_MCE_KILL", prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
    saw("PR_SET_MDWE 0", prctl(65, 0, 0, 0, 0));
    saw("PR_SET_MEMORY_MERGE", prctl(67, 1, 0, 0, 0));
    saw("PR_SET_TIMING", prctl(PR_SET_TIMING, 1, 0, 0, 0));
    saw("PR_SET_ENDIAN", prctl(PR_SET_ENDIAN, 0, 0, 0, 0));
    saw("unknown prctl", prctl(0x7fffff, 0, 0, 0, 0));
}

static void raise_limits(const char *argument) {
    (void)argument;
    static const struct { const char *name; int resource; } limits[] = {
        {"RLIMIT_NOFILE", RLIMIT_NOFILE}, {"RLIMIT_CORE", RLIMIT_CORE}, {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
        {"RLIMIT_RTPRIO", RLIMIT_RTPRIO}, {"RLIMIT_NICE", RLIMIT_NICE}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {NULL, 0}};
    for (int i = 0; limits[i].name; i++) {
        struct rlimit limit = {0};
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0) { saw(limits[i].name, -1); continue; }
        struct rlimit more = {limit.rlim_max + 1, limit.rlim_max + 1};
        if (limit.rlim_max == RLIM_INFINITY) saw_text(limits[i].name, "unlimited");
        else saw(limits[i].name, setrlimit((__rlimit_resource_t)limits[i].resource, &more));
    }
    saw("prlimit64", syscall(SYS_prlimit64, 0, RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}, NULL));
}

static void raise_priority(const char *argument) {
    (void)argument;
    struct sched_param realtime = {.sched_priority = 1};
    struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } deadline =
        {sizeof deadline, 6, 0, 0, 0, 1000000, 10000000, 10000000};
    saw("SCHED_FIFO", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &realtime));
    saw("SCHED_DEADLINE", syscall(SYS_sched_setattr, 0, &deadline, 0));
    saw("sched_setparam", syscall(SYS_sched_setparam, 0, &realtime));
    saw("setpriority -20", syscall(SYS_setpriority, PRIO_PROCESS, 0, -20));
    saw("setpriority user", syscall(SYS_setpriority, PRIO_USER, 0, 0));
    saw("ioprio_set realtime", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
    saw("mlockall", syscall(SYS_mlockall, MCL_CURRENT | MCL_FUTURE) < 0 ? -1 : 0);
}

static void sessions(const char *argument) {
    (void)argument;
    saw("setsid", syscall(SYS_setsid));
    saw("setpgid", syscall(SYS_setpgid, 0, 0));
    saw("TIOCSTI", ioctl(0, 0x5412, "x"));
    saw("TIOCSCTTY", ioctl(0, 0x540e, 1));
    saw("TIOCSETD", ioctl(0, 0x5423, &(int){0}));
    saw("TIOCLINUX", ioctl(0, 0x541c, &(char){3}));
    saw("TIOCCONS", ioctl(0, 0x541d));
}

/* Refuses to end: neither the host's cancel nor SIGTERM moves it. */
static void ignore_cancel(const char *argument) {
    (void)argument;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (int number = 1; number < 32; number++) sigaction(number, &ignore, NULL);
    sleep_forever();
}

/* Spins without a system call, so that nothing but a kill reaches it. */
static void ignore_cancel_spinning(const char *argument) {
    (void)argument;
    for (volatile uint64_t n = 0;; n++) {}
}

ATTACKS({"fork-every-way", fork_every_way}, {"spawn-every-way", spawn_every_way}, {"signals", signals},
        {"memory-of-others", memory_of_others}, {"become-root", become_root}, {"credentials", credentials},
        {"process-controls", process_controls}, {"raise-limits", raise_limits}, {"raise-priority", raise_priority},
        {"sessions", sessions}, {"host-name", host_name}, {"ignore-cancel", ignore_cancel}, {"ignore-cancel-spinning", ignore_cancel_spinning});
