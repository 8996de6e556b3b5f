#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/* Everything below runs in the child on a stack of its own, in the parent's memory, while the parent waits. It may make
 * system calls and nothing else: no allocation, no stdio, no Swift. */

static void fail(int step) { _exit(CLINUX_BIRTH_FAILED + step); }

static void write_file(const char *path, const char *text, int step) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t length = strlen(text);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length) fail(step);
    close(fd);
}

static int child(const struct clinux_birth *birth) {
    for (int index = 0; index < birth->join_count; index++)
        if (write(birth->joins[index], "0", 1) != 1) fail(0);
    /* After joining, so that the leaf is the root of what the worker sees. */
    if ((birth->flags & CLONE_NEWNS) && syscall(SYS_unshare, CLONE_NEWCGROUP) != 0) fail(1);
    if (birth->user_map) {
        write_file("/proc/self/setgroups", "deny", 2);
        write_file("/proc/self/uid_map", birth->user_map, 2);
        write_file("/proc/self/gid_map", birth->group_map, 2);
    }
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) fail(3);
    /* Out of the way first, so that no target overwrites a source. */
    int setup = fcntl(birth->setup, F_DUPFD, 64), null = fcntl(birth->null, F_DUPFD, 64);
    if (setup < 0 || null < 0) fail(4);
    /* 3 will be the frame socket, which comes with the specification. */
    for (int target = 0; target < 4; target++)
        if (dup2(null, target) < 0) fail(4);
    if (dup2(setup, 4) < 0) fail(4);
    if (syscall(SYS_close_range, 5, ~0U, 0) != 0) fail(5);
    /* By path: the file is then this namespace's own mount of it, and once the old root is detached its name tells nothing. */
    execve(birth->program, birth->arguments, birth->environment);
    fail(6);
    return 0;
}

/* clone3 onto a new stack: the child must not return into a frame that the parent goes on to use. */
static long clone3_onto_stack(struct clone_args *args, const struct clinux_birth *birth) {
#if defined(__x86_64__)
    long result;
    register const struct clinux_birth *argument __asm__("r12") = birth;
    register int (*function)(const struct clinux_birth *) __asm__("r13") = child;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r12, %%rdi\n\t"
        "call *%%r13\n\t"
        "ud2\n\t"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(argument), "r"(function)
        : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x0 __asm__("x0") = (long)args;
    register long x1 __asm__("x1") = sizeof *args;
    register long x8 __asm__("x8") = SYS_clone3;
    register const struct clinux_birth *argument __asm__("x19") = birth;
    register int (*function)(const struct clinux_birth *) __asm__("x20") = child;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, #0\n\t"
        "mov x0, x19\n\t"
        "blr x20\n\t"
        "brk #0\n\t"
        "1:"
        : "+r"(x0)
        : "r"(x1), "r"(x8), "r"(argument), "r"(function)
        : "memory", "cc");
    return x0;
#else
#error "add this architecture's system call sequence"
#endif
}

long clinux_clone_worker(const struct clinux_birth *birth, int *pidfd) {
    /* One at a time: the parent is single-threaded and waits until the child has executed or ended. */
    static char stack[64 << 10] __attribute__((aligned(16)));
    struct clone_args args;
    memset(&args, 0, sizeof args);
    args.flags = birth->flags | CLONE_PIDFD | CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND;
    args.pidfd = (uint64_t)(uintptr_t)pidfd;
    args.exit_signal = SIGCHLD;
    args.stack = (uint64_t)(uintptr_t)stack;
    args.stack_size = sizeof stack;
    if (birth->unified_cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)birth->unified_cgroup;
    }
    return clone3_onto_stack(&args, birth);
}
