#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_io.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static __thread void *current_loop;

void *clinux_loop_current(void) { return current_loop; }
void clinux_loop_set_current(void *loop) { current_loop = loop; }

int clinux_accept4(int fd, struct sockaddr *address, socklen_t *length) {
    return accept4(fd, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int clinux_pipe2(int fds[2]) { return pipe2(fds, O_CLOEXEC | O_NONBLOCK); }

void clinux_thread_name(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }

/// struct sched_attr of the kernel, first version; its header cannot be included beside glibc's.
struct clinux_sched_attr {
    uint32_t size, sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime, sched_deadline, sched_period;
};

int clinux_thread_slice(uint64_t nanoseconds) {
    struct clinux_sched_attr attributes = {0};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -1;
    // Whoever runs us under another policy wants that one.
    if (attributes.sched_policy != SCHED_OTHER) return -1;
    attributes.sched_runtime = nanoseconds;
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) return -1;
    // Kernels before 6.12 take it and do nothing, and tell 0.
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return -1;
    return attributes.sched_runtime == nanoseconds ? 0 : -1;
}

// One descriptor a signal number; written before its handler is installed and only read in the handler.
static volatile int signal_fds[65];

static void signal_handler(int signal) {
    int saved = errno;
    unsigned char byte = (unsigned char)signal;
    // A full pipe already holds an unread signal, so a failed write loses nothing.
    ssize_t written = write(signal_fds[signal], &byte, 1);
    (void)written;
    errno = saved;
}

int clinux_signal_to_pipe(int signal, int fd) {
    if (signal < 1 || signal > 64) {
        errno = EINVAL;
        return -1;
    }
    signal_fds[signal] = fd;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = signal_handler;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(signal, &action, NULL);
}

static int set_handler(int signal, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    return sigaction(signal, &action, NULL);
}

int clinux_signal_ignore(int signal) { return set_handler(signal, SIG_IGN); }
int clinux_signal_default(int signal) { return set_handler(signal, SIG_DFL); }
int clinux_signal_is_ignored(int signal) {
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void clinux_trim_memory(void) { (void)malloc_trim(0); }

int clinux_resolver_prepare(uint32_t server, uint16_t port) {
    if (res_init() != 0) return -1;
    _res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
    if (port != 0) {
        _res.nscount = 1;
        _res.nsaddr_list[0] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = server};
    }
    return 0;
}
