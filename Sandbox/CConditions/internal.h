/* What the files of this target share. */
#ifndef CCONDITIONS_INTERNAL_H
#define CCONDITIONS_INTERNAL_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default"), used))
#define SECOND 1000000000u

/* The C library's own function of that name, looked up once. */
#define TRUE_FUNCTION(name, type) \
    static type true_##name(void) \
    { \
        static _Atomic(void *) found; \
        void *function = atomic_load_explicit(&found, memory_order_relaxed); \
        if (!function) { \
            function = dlsym(RTLD_NEXT, #name); \
            atomic_store_explicit(&found, function, memory_order_relaxed); \
        } \
        return (type)function; \
    }

int conditions_in_force(void);

/* What a clock shows, without counting as a look. */
uint64_t conditions_peek(clockid_t clock);

/* Moves the plugin's clocks: by a length, or on to a reading of one of them. */
void conditions_pass(uint64_t nanoseconds);
void conditions_reach(clockid_t clock, uint64_t reading);

/* The nearer of the two clocks to a moment that a plugin names without saying which it means. */
clockid_t conditions_clock_of(uint64_t moment);

/* The true reading of a clock. */
uint64_t conditions_true(clockid_t clock);

/* Moves the clocks on past timers that have run out (waits.c). */
void conditions_timers_look(void);

static inline struct timespec as_timespec(uint64_t nanoseconds)
{
    return (struct timespec){(time_t)(nanoseconds / SECOND), (long)(nanoseconds % SECOND)};
}

static inline uint64_t as_nanoseconds(const struct timespec *time) { return (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec; }

/* Whether a time is one that the kernel would take, and small enough to be added to. */
static inline int is_sound(const struct timespec *time)
{
    return time && time->tv_sec >= 0 && time->tv_sec < (time_t)1 << 33 && time->tv_nsec >= 0 && time->tv_nsec < (long)SECOND;
}

#endif
