#ifndef LIMEN_CKIT_H
#define LIMEN_CKIT_H

#include <stddef.h>
#include <stdint.h>

/* A system call to try: its number and six arguments. */
struct ckit_call {
    uint64_t number;
    uint64_t arguments[6];
};

/* Installs `filter` (`count` sock_filter instructions) in a child of its own, makes every call there and stores what the kernel answered:
 * 0 or more, or a negated errno. The filter must refuse every call that is made, with an errno: nothing may run.
 * Returns 0, or a negated errno if the child could not be made or died before its last call. */
int ckit_try_calls(const void *filter, uint16_t count, const struct ckit_call *calls, int64_t *answers, size_t calls_count);

#endif
