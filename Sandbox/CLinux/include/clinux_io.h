// Event-loop calls that the Glibc module lacks: epoll, eventfd, accept4, one thread-local and a signal pipe.
#ifndef CLINUX_IO_H
#define CLINUX_IO_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/// Events of a registration; the values are those of epoll(7), as plain integers so that Swift can combine them.
static const uint32_t clinux_epoll_in = EPOLLIN;
static const uint32_t clinux_epoll_out = EPOLLOUT;
static const uint32_t clinux_epoll_rdhup = EPOLLRDHUP;
static const uint32_t clinux_epoll_hup = EPOLLHUP;
static const uint32_t clinux_epoll_err = EPOLLERR;
static const uint32_t clinux_epoll_et = (uint32_t)EPOLLET;

/// One ready descriptor: which events, and the 64 bits that were given at registration.
struct clinux_ready {
    uint64_t data;
    uint32_t events;
};

static inline int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static inline int clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static inline int clinux_epoll_remove(int epoll, int fd) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
}

/// Waits and copies at most `count` (no more than 256) ready events to `out`; as epoll_wait(2).
static inline int clinux_epoll_wait(int epoll, struct clinux_ready *out, int count, int timeout_ms) {
    struct epoll_event events[256];
    if (count > 256) count = 256;
    int ready = epoll_wait(epoll, events, count, timeout_ms);
    for (int i = 0; i < ready; i++) {
        out[i].data = events[i].data.u64;
        out[i].events = events[i].events;
    }
    return ready;
}

static inline int clinux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int clinux_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
int clinux_accept4(int fd, struct sockaddr *address, socklen_t *length);
int clinux_pipe2(int fds[2]);

/// Names the calling thread; what is longer than 15 bytes is cut.
void clinux_thread_name(const char *name);

/// Asks for turns of `nanoseconds` for the calling thread (sched_setattr(2), SCHED_OTHER, Linux 6.12) and keeps all else; 0 when the kernel says that
/// they hold, -1 otherwise.
int clinux_thread_slice(uint64_t nanoseconds);

/// The object whose loop runs on this thread, or null.
void *clinux_loop_current(void);
void clinux_loop_set_current(void *loop);

/// Makes `signal` write its number as one byte to `fd`; the write is async-signal-safe and never blocks when `fd` does not.
int clinux_signal_to_pipe(int signal, int fd);
int clinux_signal_ignore(int signal);
int clinux_signal_default(int signal);
int clinux_signal_is_ignored(int signal);

/// Gives memory that malloc keeps unused back to the kernel.
void clinux_trim_memory(void);

/// Readies the calling thread's resolver for one question: resolv.conf as it is now, but without its search list. With a `port` other than 0, `server`
/// (IPv4, in network order) is asked instead of the servers that stand there. Zero, or -1.
int clinux_resolver_prepare(uint32_t server, uint16_t port);

#endif
