/*
 * The kernel calls that a jail is made of and that glibc 2.36 does not wrap. Each returns what the call returned, or
 * the negated errno, so that no caller can miss a failure by reading errno late. See the man page of each name, section 2.
 */
#ifndef CLINUX_JAIL_H
#define CLINUX_JAIL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Swift's importer reads these headers without _GNU_SOURCE, which hides the two. */
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef O_PATH
#define O_PATH 010000000
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static inline long clinux_result(long value) { return value < 0 ? -(long)errno : value; }

/* Duplicates the caller as fork(2) does, into new namespaces; `pidfd` receives the child's descriptor. `cgroup` is a v2
 * directory descriptor, or -1. Returns 0 in the child. */
static inline long clinux_clone3(uint64_t flags, int *pidfd, int cgroup) {
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.flags = flags | CLONE_PIDFD;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
    args.exit_signal = SIGCHLD;
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    return clinux_result(syscall(SYS_clone3, &args, sizeof args));
}

/* What the child of clinux_clone_worker does; plain data, prepared by the parent. */
struct clinux_birth {
    uint64_t flags;         /* namespaces, as for clone3(2) */
    int unified_cgroup;     /* directory to be born in (CLONE_INTO_CGROUP), or -1 */
    const int *joins;       /* files to write "0" to (cgroup v1 `tasks`) */
    int join_count;
    int null, setup;
    const char *program;
    const char *user_map;   /* for a user namespace: texts of uid_map and gid_map; else NULL */
    const char *group_map;
    char *const *arguments;
    char *const *environment;
};
/* Starts the worker program. The child borrows this process's memory until it executes, as vfork(2) has it: copying a
 * page table and faulting it back in would cost half a millisecond. `pidfd` receives its descriptor. A child that fails
 * before it executes ends with CLINUX_BIRTH_FAILED plus the number of the step. */
#define CLINUX_BIRTH_FAILED 70
long clinux_clone_worker(const struct clinux_birth *birth, int *pidfd);

static inline long clinux_pidfd_send_signal(int pidfd, int number) {
    return clinux_result(syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0));
}
static inline long clinux_pivot_root(const char *new_root, const char *put_old) {
    return clinux_result(syscall(SYS_pivot_root, new_root, put_old));
}
static inline long clinux_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return clinux_result(mount(source, target, type, flags, data));
}
static inline long clinux_umount2(const char *target, int flags) { return clinux_result(umount2(target, flags)); }
static inline long clinux_mount_setattr(const char *path, int recursive, uint64_t set, uint64_t clear) {
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
    return clinux_result(syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, &attributes, sizeof attributes));
}
/* A detached copy of the mount that holds `path`, read-only and without devices and set-user-id programs, cut down to `path`. */
static inline long clinux_sealed_tree(const char *path) {
    long tree = clinux_result(syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (tree < 0) return tree;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    long sealed = clinux_result(syscall(SYS_mount_setattr, (int)tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
    if (sealed < 0) close((int)tree);
    return sealed < 0 ? sealed : tree;
}
static inline long clinux_attach_tree(int tree, const char *target) {
    return clinux_result(syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}
static inline long clinux_close_range(unsigned first, unsigned last) { return clinux_result(syscall(SYS_close_range, first, last, 0)); }
static inline long clinux_execveat(int fd, char *const argv[], char *const envp[]) {
    return clinux_result(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
}
static inline long clinux_unshare(int flags) { return clinux_result(syscall(SYS_unshare, flags)); }
static inline long clinux_setns(int fd, int type) { return clinux_result(syscall(SYS_setns, fd, type)); }
static inline long clinux_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return clinux_result(prctl(option, a, b, c, d));
}

/* Whether a file has the extended attribute with the value 1, as systemd marks a delegated cgroup. */
static inline int clinux_has_attribute(const char *path, const char *name) {
    char value[4];
    return getxattr(path, name, value, sizeof value) == 1 && value[0] == '1';
}

/* Landlock (landlock(7)). */
static inline long clinux_landlock_abi(void) {
    return clinux_result(syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION));
}
/* The newest layout we know; an older kernel accepts it while the members that it lacks are zero. */
struct clinux_landlock_ruleset { uint64_t fs, net, scoped; };
static inline long clinux_landlock_create(const struct clinux_landlock_ruleset *ruleset) {
    return clinux_result(syscall(SYS_landlock_create_ruleset, ruleset, sizeof *ruleset, 0));
}
static inline long clinux_landlock_add_path(int ruleset, int path, uint64_t access) {
    struct landlock_path_beneath_attr attribute = {.allowed_access = access, .parent_fd = path};
    return clinux_result(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attribute, 0));
}
static inline long clinux_landlock_restrict(int ruleset) { return clinux_result(syscall(SYS_landlock_restrict_self, ruleset, 0)); }

/* Capabilities (capabilities(7)): clears all three sets, then reads back; 0 when nothing is left. */
static inline long clinux_capabilities_clear(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    long done = clinux_result(syscall(SYS_capset, &header, data));
    if (done < 0) return done;
    memset(data, 0xff, sizeof data);
    done = clinux_result(syscall(SYS_capget, &header, data));
    if (done < 0) return done;
    return (data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective | data[1].permitted | data[1].inheritable) ? -EPERM : 0;
}

/* seccomp (seccomp(2)). */
static inline long clinux_seccomp_filter(const struct sock_filter *filter, uint16_t count, uint32_t flags) {
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)filter};
    return clinux_result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}
struct clinux_notification { uint64_t id; uint32_t pid; int32_t number; uint32_t architecture; uint64_t arguments[6]; };
static inline long clinux_seccomp_receive(int listener, struct clinux_notification *out) {
    struct seccomp_notif notification;
    memset(&notification, 0, sizeof notification);
    long done = clinux_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification));
    if (done < 0) return done;
    out->id = notification.id;
    out->pid = notification.pid;
    out->number = notification.data.nr;
    out->architecture = notification.data.arch;
    for (int index = 0; index < 6; index++) out->arguments[index] = notification.data.args[index];
    return 0;
}

/* Messages with descriptors (unix(7)). At most CLINUX_FDS_MAX travel; received ones are close-on-exec. */
#define CLINUX_FDS_MAX 4
static inline long clinux_send_fds(int socket, const void *bytes, size_t length, const int *fds, int count) {
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int) * CLINUX_FDS_MAX)]; } control;
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count < 0 || count > CLINUX_FDS_MAX) return -EINVAL;
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    }
    long sent;
    do sent = clinux_result(sendmsg(socket, &message, MSG_NOSIGNAL)); while (sent == -EINTR);
    return sent;
}
/* Maps the pages of this program's code that are in memory anyway (madvise(2), MADV_POPULATE_READ), so that running it later takes no
 * faults; makes no page of its own. What a kernel before 5.14 answers is of no consequence. */
static inline void clinux_populate_code(void) {
    extern char __executable_start[], etext[];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)__executable_start & ~(page - 1);
    (void)madvise((void *)start, ((uintptr_t)etext - start + page - 1) & ~(page - 1), MADV_POPULATE_READ);
}
/* `*count` is the room in `fds` on entry and the number received on return; a truncated message is -EMSGSIZE and
 * its descriptors are closed. */
static inline long clinux_receive_fds(int socket, void *bytes, size_t length, int *fds, int *count, int flags) {
    struct iovec vector = {.iov_base = bytes, .iov_len = length};
    union { struct cmsghdr align; char space[CMSG_SPACE(sizeof(int) * CLINUX_FDS_MAX)]; } control;
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    int room = *count, have = 0;
    *count = 0;
    long received;
    do received = clinux_result(recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC)); while (received == -EINTR);
    if (received < 0) return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int number = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int index = 0; index < number; index++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + sizeof(int) * (size_t)index, sizeof fd);
            if (have < room) fds[have++] = fd; else close(fd);
        }
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        while (have > 0) close(fds[--have]);
        return -EMSGSIZE;
    }
    *count = have;
    return received;
}

/* Default action for every signal and an empty mask: a child must not inherit its parent's. */
static inline void clinux_reset_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
/* Blocks SIGCHLD, SIGTERM, SIGINT and SIGHUP and returns a descriptor that reports them. */
static inline long clinux_supervision_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    return clinux_result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
static inline long clinux_wait_any(int *status, struct rusage *usage) { return clinux_result(wait4(-1, status, WNOHANG, usage)); }
static inline int clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int clinux_term_signal(int status) { return WTERMSIG(status); }
static inline long clinux_setgroups_none(void) { return clinux_result(syscall(SYS_setgroups, 0, NULL)); }
static inline long clinux_setresgid(gid_t gid) { return clinux_result(syscall(SYS_setresgid, gid, gid, gid)); }
static inline long clinux_setresuid(uid_t uid) { return clinux_result(syscall(SYS_setresuid, uid, uid, uid)); }
static inline long clinux_set_limit(int resource, uint64_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return clinux_result(setrlimit((__rlimit_resource_t)resource, &limit));
}
/* Tries to make a process the way fork(2) does; used by the jail's self-test, where it must fail. */
static inline long clinux_try_fork(void) {
    long child = clinux_result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (child == 0) _exit(0);
    return child;
}
/* Asks whether a thread of another process could be signalled; used by the jail's self-test, where it must fail. */
static inline long clinux_try_signal(pid_t pid) { return clinux_result(syscall(SYS_tgkill, pid, pid, 0)); }

#endif
