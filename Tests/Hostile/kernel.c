/* Kernel surface: tripwires one at a time, what answers ENOSYS or EPERM, other entries into the kernel, and W^X. */
#include "hostile.h"
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

typedef struct trap { const char *name; long number; long arguments[6]; } trap;

/* Arguments are wrong on purpose wherever a right one could do harm. */
static const trap traps[] = {
    {"ptrace", SYS_ptrace, {16 /* PTRACE_ATTACH */, 1}},
    {"ptrace-traceme", SYS_ptrace, {0}},
    {"ptrace-seize", SYS_ptrace, {0x4206, 1}},
    {"process_vm_readv", SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
    {"process_vm_writev", SYS_process_vm_writev, {1, 0, 0, 0, 0, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0, 0}},
    {"bpf", SYS_bpf, {0, 0, 0}},
    {"mount", SYS_mount, {0, 0, 0, 0, 0}},
    {"umount2", SYS_umount2, {0, 0}},
    {"pivot_root", SYS_pivot_root, {0, 0}},
    {"open_tree", SYS_open_tree, {-1, 0, 0}},
    {"move_mount", SYS_move_mount, {-1, 0, -1, 0, 0}},
    {"fsopen", SYS_fsopen, {0, 0}},
    {"fsconfig", SYS_fsconfig, {-1, 0, 0, 0, 0}},
    {"fsmount", SYS_fsmount, {-1, 0, 0}},
    {"fspick", SYS_fspick, {-1, 0, 0}},
    {"mount_setattr", 442, {-1, 0, 0, 0, 0}},
    {"unshare-user", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare-mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare-pid", SYS_unshare, {CLONE_NEWPID}},
    {"unshare-net", SYS_unshare, {CLONE_NEWNET}},
    {"unshare-ipc", SYS_unshare, {CLONE_NEWIPC}},
    {"unshare-uts", SYS_unshare, {CLONE_NEWUTS}},
    {"unshare-cgroup", SYS_unshare, {CLONE_NEWCGROUP}},
    {"unshare-time", SYS_unshare, {CLONE_NEWTIME}},
    {"unshare-files", SYS_unshare, {CLONE_FILES}},
    {"clone-user", SYS_clone, {CLONE_NEWUSER | SIGCHLD}},
    {"clone-mount", SYS_clone, {CLONE_NEWNS | SIGCHLD}},
    {"clone-pid", SYS_clone, {CLONE_NEWPID | SIGCHLD}},
    {"clone-net", SYS_clone, {CLONE_NEWNET | SIGCHLD}},
    {"clone-ipc", SYS_clone, {CLONE_NEWIPC | SIGCHLD}},
    {"clone-uts", SYS_clone, {CLONE_NEWUTS | SIGCHLD}},
    {"clone-cgroup", SYS_clone, {CLONE_NEWCGROUP | SIGCHLD}},
    {"clone-thread-user", SYS_clone, {0x3d0f00 | CLONE_NEWUSER}},
    {"setns", SYS_setns, {-1, 0}},
    {"keyctl", SYS_keyctl, {0, -3, 0}},
    {"add_key", SYS_add_key, {0, 0, 0, 0, 0}},
    {"request_key", SYS_request_key, {0, 0, 0, 0}},
    {"userfaultfd", SYS_userfaultfd, {-1}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, -1}},
    {"io_uring_setup", SYS_io_uring_setup, {0, 0}},
    {"io_uring_enter", SYS_io_uring_enter, {-1, 0, 0, 0, 0, 0}},
    {"io_uring_register", SYS_io_uring_register, {-1, 0, 0, 0}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0xdead}},
    {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, 0xdead}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"finit_module", SYS_finit_module, {-1, 0, 0xdead}},
    {"delete_module", SYS_delete_module, {0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1, 0, 0}},
    {"swapon", SYS_swapon, {0, 0}},
    {"swapoff", SYS_swapoff, {0}},
    {"open_tree_attr", 467, {-1, 0, 0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"settimeofday", SYS_settimeofday, {1, 1}},
    {"clock_settime", SYS_clock_settime, {0, 1}},
    {"adjtimex", SYS_adjtimex, {1}},
    {"clock_adjtime", SYS_clock_adjtime, {0, 1}},
    {"socket-alg", SYS_socket, {38, 5, 0}},
    {"socket-netlink", SYS_socket, {16, 3, 0}},
    {"socket-packet", SYS_socket, {17, 3, 0}},
    {"socket-vsock", SYS_socket, {40, 1, 0}},
    {"socket-high-bits", SYS_socket, {0x100000010l, 3, 0}},
};

/* `argument` names the trap. What comes back says that it did not spring. */
static void tripwire(const char *argument) {
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        if (strcmp(traps[i].name, argument) != 0) continue;
        const long *a = traps[i].arguments;
        long result = syscall(traps[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (result == 0 && traps[i].number == SYS_clone) syscall(SYS_exit, 0);
        saw(argument, result);
        return;
    }
    saw_text("trap", "no such trap");
}

static void *trap_in_thread(void *unused) {
    syscall(SYS_bpf, 0, 0, 0);
    return unused;
}
/* A tripwire on another thread, while the main thread answers as if nothing had happened. */
static void tripwire_thread(const char *argument) {
    (void)argument;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, trap_in_thread, NULL);
    if (error) { saw_errno("thread", error); return; }
    pthread_join(thread, NULL);
    saw_text("bpf on a thread", "returned");
}
/* A tripwire on many threads at once: one kill, one record, nothing stuck. */
static void tripwire_storm(const char *argument) {
    (void)argument;
    pthread_t threads[16];
    int count = 0;
    int error = 0;
    while (count < 16 && (error = pthread_create(&threads[count], NULL, trap_in_thread, NULL)) == 0) count++;
    if (count == 0) { saw_errno("thread", error); return; }
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    saw_text("storm", "returned");
}

static void unknown_calls(const char *argument) {
    (void)argument;
    static const struct { const char *name; long number; } numbers[] = {{"600", 600}, {"1000", 1000}, {"65535", 65535}, {"536870911", 0x1fffffff},
                                                                        {"old 180 nfsservctl", 180}, {"old 183 afs_syscall", 183},
                                                                        {"old 134 uselib", 134}, {"old 156 _sysctl", 156}, {NULL, 0}};
    for (int i = 0; numbers[i].name; i++) saw(numbers[i].name, syscall(numbers[i].number, 0, 0, 0, 0, 0, 0));
}

/* Every call that the policy refuses whatever its arguments are, one after the other: a letter a number, E for EPERM, N for ENOSYS. */
static void every_call(const char *argument) {
    long tried = 0, wrong = 0;
    for (long number = 0; argument[number]; number++) {
        int wanted = argument[number] == 'E' ? EPERM : argument[number] == 'N' ? ENOSYS : 0;
        if (!wanted) continue;
        tried++;
        if (syscall(number, 0, 0, 0, 0, 0, 0) != -1 || errno != wanted) {
            if (wrong++ == 0) saw_text("first wrong", "%ld: %s", number, strerrorname_np(errno));
        }
    }
    saw_text("tried", tried > 200 ? "all" : "%ld", tried);
    saw_text("wrong", "%ld", wrong);
}

/* Calls that are nobody's daily bread but newer than many filters. */
static void newer_calls(const char *argument) {
    (void)argument;
    static const struct { const char *name; long number; } numbers[] = {
        {"memfd_secret", 447}, {"process_mrelease", 448}, {"set_mempolicy_home_node", 450}, {"cachestat", 451}, {"fchmodat2", 452}, {"map_shadow_stack", 453},
        {"statmount", 457}, {"listmount", 458}, {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461},
        {"mseal", 462}, {"setxattrat", 463}, {"getxattrat", 464}, {"quotactl_fd", 443}, {NULL, 0}};
    for (int i = 0; numbers[i].name; i++) saw(numbers[i].name, syscall(numbers[i].number, -1, 0, 0, 0, 0, 0));
}

static void forbidden_calls(const char *argument) {
    (void)argument;
    static const trap calls[] = {
        {"sethostname", SYS_sethostname, {0, -1}}, {"setdomainname", SYS_setdomainname, {0, -1}}, {"syslog", SYS_syslog, {10}},
        {"vhangup", SYS_vhangup, {0}}, {"personality", SYS_personality, {READ_IMPLIES_EXEC}},
        {"personality no randomize", SYS_personality, {ADDR_NO_RANDOMIZE}}, {"shmget", SYS_shmget, {0, 4096, 0600}},
        {"semget", SYS_semget, {0, 1, 0600}}, {"msgget", SYS_msgget, {0, 0600}}, {"mq_open", SYS_mq_open, {0, 0, 0, 0}},
        {"io_setup", SYS_io_setup, {1, 0}}, {"lookup_dcookie", 212, {0, 0, 0}}, {"mbind", SYS_mbind, {0, 0, 0, 0, 0, 0}},
        {"set_mempolicy", SYS_set_mempolicy, {0, 0, 0}}, {"get_mempolicy", SYS_get_mempolicy, {0, 0, 0, 0, 0}},
        {"remap_file_pages", SYS_remap_file_pages, {0, 0, 0, 0, 0}}, {"vmsplice", SYS_vmsplice, {-1, 0, 0, 0}},
        {"pkey_alloc", SYS_pkey_alloc, {0, 0}}, {"pkey_mprotect", SYS_pkey_mprotect, {0, 0, PROT_EXEC, -1}},
        {"fanotify_mark", SYS_fanotify_mark, {-1, 0, 0, 0, 0}}, {"mlock2", SYS_mlock2, {0, 0, 0x77}},
#ifdef __x86_64__
        {"iopl", SYS_iopl, {3}}, {"ioperm", SYS_ioperm, {0x80, 1, 1}}, {"modify_ldt", SYS_modify_ldt, {0, 0, 0}},
        {"ustat", SYS_ustat, {0, 0}}, {"sysfs", SYS_sysfs, {3}}, {"arch_prctl CET", SYS_arch_prctl, {0x5001, 1}},
        {"arch_prctl CPUID", SYS_arch_prctl, {0x1012, 0}},
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const long *a = calls[i].arguments;
        saw(calls[i].name, syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]));
    }
}

static void own_filters(const char *argument) {
    (void)argument;
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, allow};
    saw("seccomp filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    saw("seccomp listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    saw("seccomp filter on all threads", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    saw("seccomp strict", syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0x77, NULL));
    saw("prctl filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
    struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
    int ruleset = (int)saw("landlock_create_ruleset", syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
    saw("landlock_add_rule", syscall(SYS_landlock_add_rule, ruleset, 99, NULL, 0));
    saw("landlock_restrict_self", syscall(SYS_landlock_restrict_self, -1, 0));
    saw_text("file still absent", "%s", open("/etc/passwd", O_RDONLY) < 0 ? "yes" : "no");
}

#ifdef __x86_64__
static void int80(const char *argument) {
    (void)argument;
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20 /* getpid */) : "memory");
    saw_text("int 0x80", "%d", result);
}
static void int80_socket(const char *argument) {
    (void)argument;
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(359 /* socket */), "b"(2), "c"(1), "d"(0) : "memory");
    saw_text("int 0x80 socket", "%d", result);
}
static void x32(const char *argument) {
    (void)argument;
    saw("x32 getpid", syscall(0x40000000 | SYS_getpid));
}
static void x32_special(const char *argument) {
    (void)argument;
    saw("x32 ptrace", syscall(0x40000000 | 521, 0, 0, 0, 0));
}
static void vsyscall(const char *argument) {
    (void)argument;
    long (*page)(long *) = (long (*)(long *))0xffffffffff600400ul;
    long now = 0;
    page(&now);
    saw_text("vsyscall", "returned");
}
static void sysenter(const char *argument) {
    (void)argument;
    __asm__ volatile("sysenter" ::: "memory");
    saw_text("sysenter", "returned");
}
#else
static void no_such_entry(const char *argument) { saw_text(argument, "not on this machine"); }
#define int80 no_such_entry
#define int80_socket no_such_entry
#define x32 no_such_entry
#define x32_special no_such_entry
#define vsyscall no_such_entry
#define sysenter no_such_entry
#endif

static long map(int protection, int flags) {
    return mmap(NULL, 4096, protection, flags | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static void write_and_execute(const char *argument) {
    (void)argument;
    saw("map rwx", map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE));
    saw("map rx", map(PROT_READ | PROT_EXEC, MAP_PRIVATE));
    saw("map x", map(PROT_EXEC, MAP_PRIVATE));
    saw("map shared rx", map(PROT_READ | PROT_EXEC, MAP_SHARED));
    saw("map growsdown rwx", map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_GROWSDOWN));
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    saw("rw to rx", mprotect(page, 4096, PROT_READ | PROT_EXEC));
    saw("rw to rwx", mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    saw("rw to x", mprotect(page, 4096, PROT_EXEC));
    mprotect(page, 4096, PROT_READ);
    saw("r to rx", mprotect(page, 4096, PROT_READ | PROT_EXEC));
    void *text = (void *)((uintptr_t)write_and_execute & ~4095ul);
    saw("own text to rwx", mprotect(text, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    saw("pkey_mprotect", syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1));
    void *high = (void *)syscall(SYS_mmap, 0, 4096, 0x100000000l | PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    saw("map rx with high bits", high == MAP_FAILED ? -1 : 0);
    char stack[64];
    saw("stack to rx", mprotect((void *)((uintptr_t)stack & ~4095ul), 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    saw("stack growsdown", mprotect((void *)((uintptr_t)stack & ~4095ul), 4096, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN));
}
/* Own code pages made writable, without ever asking for both at once. */
static void text_to_writable(const char *argument) {
    (void)argument;
    void *page = (void *)((uintptr_t)text_to_writable & ~4095ul);
    long writable = saw("text rx to rw", mprotect(page, 4096, PROT_READ | PROT_WRITE));
    if (writable == 0) saw("and back to rx", mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
static void personality_exec(const char *argument) {
    (void)argument;
    saw("READ_IMPLIES_EXEC", personality(READ_IMPLIES_EXEC));
    saw("query", personality(0xffffffff));
}
static void run_stack(const char *argument) {
    (void)argument;
    volatile unsigned char code[] = {0xc3, 0xc3, 0xc3, 0xc3};
    ((void (*)(void))code)();
    saw_text("stack", "executed");
}
static void run_heap(const char *argument) {
    (void)argument;
    unsigned char *code = malloc(64);
    memset(code, 0xc3, 64);
    ((void (*)(void))code)();
    saw_text("heap", "executed");
}

/* Harmless things that must stay harmless, and that runtimes use. */
static void ordinary_calls(const char *argument) {
    (void)argument;
    struct timespec now;
    saw("clock_gettime", clock_gettime(CLOCK_MONOTONIC, &now));
    unsigned char bytes[16];
    saw("getrandom", syscall(SYS_getrandom, bytes, sizeof bytes, 0));
    void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    saw("mmap", page == MAP_FAILED ? -1 : 0);
    saw("madvise", madvise(page, 8192, MADV_DONTNEED));
    saw("munmap", munmap(page, 8192));
    saw("sched_yield", sched_yield());
    int fd = open("/scratch/ordinary", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    saw("scratch", fd);
    saw("write", write(fd, "x", 1));
    close(fd);
    saw("urandom", open("/dev/urandom", O_RDONLY | O_CLOEXEC));
    saw("null", open("/dev/null", O_RDWR | O_CLOEXEC));
}

ATTACKS({"tripwire", tripwire}, {"tripwire-thread", tripwire_thread}, {"tripwire-storm", tripwire_storm}, {"unknown-calls", unknown_calls}, {"every-call", every_call},
        {"newer-calls", newer_calls}, {"forbidden-calls", forbidden_calls}, {"own-filters", own_filters}, {"int80", int80},
        {"int80-socket", int80_socket}, {"x32", x32}, {"x32-special", x32_special}, {"vsyscall", vsyscall}, {"sysenter", sysenter},
        {"write-and-execute", write_and_execute}, {"text-to-writable", text_to_writable}, {"personality-exec", personality_exec},
        {"run-stack", run_stack}, {"run-heap", run_heap}, {"ordinary-calls", ordinary_calls});
