/*
 * What a network namespace of a worker's own is made ready with, and what bounds it. Each returns what the call returned, or the negated errno.
 * The structures of addresses stay in clinux_net.c: a header that showed them here would take them from the Glibc module.
 */
#ifndef CLINUX_NET_H
#define CLINUX_NET_H

#include <stdint.h>

#include "clinux_jail.h"

/* Brings `lo` of the caller's network namespace up (netdevice(7)); it gets 127.0.0.1/8 with that. */
long clinux_loopback_up(void);

/* A non-blocking listener on 127.0.0.1 in the caller's network namespace. Without SO_REUSEADDR: whoever else had the port is a reason to fail. */
long clinux_listen_loopback(uint16_t port, int backlog);

/* Tries to connect a socket to a port of 127.0.0.1, or to bind it there; used by the jail's self-test, where both must fail. */
long clinux_try_connect(int fd, uint16_t port);
long clinux_try_bind(int fd, uint16_t port);

/* Lets a Landlock domain connect to a TCP port (ABI 4; Debian 12's header does not know the rule yet). */
static inline long clinux_landlock_add_connect(int ruleset, uint16_t port) {
    struct { uint64_t allowed_access, port; } attribute = {.allowed_access = 1 << 1, .port = port};
    return clinux_result(syscall(SYS_landlock_add_rule, ruleset, 2, &attribute, 0));
}

#endif
