/* The worker exports these names (Package.swift), so that a library it loads finds them before the C library's. Without conditions each passes
 * its arguments on. They see what goes through the C library and nothing else: a raw system call, the processor's own counters and generators
 * (rdtsc, rdrand) and /dev/urandom are not covered, and need not be: conditions are for repeating a call, they hold nobody back. */
#define _GNU_SOURCE
#include "cconditions.h"
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic int is_set;
static uint64_t seed_value, realtime_start, monotonic_start, tick_length;
static _Atomic uint64_t elapsed, drawn;

typedef int (*clock_function)(clockid_t, struct timespec *);
typedef int (*day_function)(struct timeval *, void *);
typedef time_t (*time_function)(time_t *);
typedef int (*timespec_function)(struct timespec *, int);
typedef ssize_t (*random_function)(void *, size_t, unsigned);
typedef int (*entropy_function)(void *, size_t);
typedef int (*sleep_function)(const struct timespec *, struct timespec *);
typedef int (*clock_sleep_function)(clockid_t, int, const struct timespec *, struct timespec *);
typedef long (*syscall_function)(long, ...);
typedef uint32_t (*arc4_function)(void);
typedef void (*arc4_buffer_function)(void *, size_t);
typedef uint32_t (*arc4_uniform_function)(uint32_t);
TRUE_FUNCTION(clock_gettime, clock_function)
TRUE_FUNCTION(gettimeofday, day_function)
TRUE_FUNCTION(time, time_function)
TRUE_FUNCTION(timespec_get, timespec_function)
TRUE_FUNCTION(getrandom, random_function)
TRUE_FUNCTION(getentropy, entropy_function)
TRUE_FUNCTION(nanosleep, sleep_function)
TRUE_FUNCTION(clock_nanosleep, clock_sleep_function)
TRUE_FUNCTION(syscall, syscall_function)
TRUE_FUNCTION(arc4random, arc4_function)
TRUE_FUNCTION(arc4random_buf, arc4_buffer_function)
TRUE_FUNCTION(arc4random_uniform, arc4_uniform_function)

void cconditions_set(uint64_t seed, uint64_t realtime, uint64_t monotonic, uint64_t tick)
{
    seed_value = seed;
    realtime_start = realtime;
    monotonic_start = monotonic;
    tick_length = tick;
    atomic_store(&is_set, 1);
}

uint64_t cconditions_true_monotonic(void) { return conditions_true(CLOCK_MONOTONIC); }

uint64_t conditions_true(clockid_t clock)
{
    struct timespec now = {0, 0};
    true_clock_gettime()(clock, &now);
    return as_nanoseconds(&now);
}

int conditions_in_force(void) { return atomic_load_explicit(&is_set, memory_order_acquire); }

static uint64_t start_of(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: return realtime_start;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID: return 0;
    default: return monotonic_start;
    }
}

uint64_t conditions_peek(clockid_t clock) { return start_of(clock) + atomic_load(&elapsed); }

void conditions_pass(uint64_t nanoseconds) { atomic_fetch_add(&elapsed, nanoseconds); }

void conditions_reach(clockid_t clock, uint64_t reading)
{
    uint64_t start = start_of(clock), now = atomic_load(&elapsed);
    while (reading > start && now < reading - start && !atomic_compare_exchange_weak(&elapsed, &now, reading - start))
        ;
}

clockid_t conditions_clock_of(uint64_t moment) { return moment > realtime_start / 2 + monotonic_start / 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC; }

static uint64_t reading(clockid_t clock)
{
    conditions_timers_look();
    return start_of(clock) + atomic_fetch_add(&elapsed, tick_length) + tick_length;
}

/* splitmix64: short, and the same on every machine. Not for secrets, and a recording has none. */
static void draw(uint8_t *buffer, size_t length)
{
    while (length > 0) {
        uint64_t z = seed_value + (atomic_fetch_add(&drawn, 1) + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        size_t count = length < sizeof z ? length : sizeof z;
        memcpy(buffer, &z, count);
        buffer += count;
        length -= count;
    }
}

static uint32_t draw_word(void)
{
    uint32_t word;
    draw((uint8_t *)&word, sizeof word);
    return word;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (!conditions_in_force())
        return true_clock_gettime()(clock, time);
    *time = as_timespec(reading(clock));
    return 0;
}

EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    if (!conditions_in_force())
        return true_gettimeofday()(time, zone);
    uint64_t now = reading(CLOCK_REALTIME);
    *time = (struct timeval){(time_t)(now / SECOND), (suseconds_t)(now % SECOND / 1000)};
    return 0;
}

EXPORT time_t time(time_t *place)
{
    if (!conditions_in_force())
        return true_time()(place);
    time_t now = (time_t)(reading(CLOCK_REALTIME) / SECOND);
    if (place)
        *place = now;
    return now;
}

EXPORT int timespec_get(struct timespec *time, int base)
{
    if (!conditions_in_force() || base != TIME_UTC)
        return true_timespec_get()(time, base);
    *time = as_timespec(reading(CLOCK_REALTIME));
    return base;
}

EXPORT ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    if (!conditions_in_force())
        return true_getrandom()(buffer, length, flags);
    draw(buffer, length);
    return (ssize_t)length;
}

EXPORT int getentropy(void *buffer, size_t length)
{
    if (!conditions_in_force() || length > 256)
        return true_getentropy()(buffer, length);
    draw(buffer, length);
    return 0;
}

EXPORT uint32_t arc4random(void) { return conditions_in_force() ? draw_word() : true_arc4random()(); }

EXPORT void arc4random_buf(void *buffer, size_t length)
{
    if (!conditions_in_force())
        true_arc4random_buf()(buffer, length);
    else
        draw(buffer, length);
}

EXPORT uint32_t arc4random_uniform(uint32_t bound)
{
    if (!conditions_in_force())
        return true_arc4random_uniform()(bound);
    return bound < 2 ? 0 : draw_word() % bound;
}

/* A sleep lasts as long as it should, and moves the plugin's clocks by as much. */
EXPORT int nanosleep(const struct timespec *length, struct timespec *rest)
{
    if (conditions_in_force() && is_sound(length))
        conditions_pass(as_nanoseconds(length));
    return true_nanosleep()(length, rest);
}

EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    if (!conditions_in_force() || !is_sound(time))
        return true_clock_nanosleep()(clock, flags, time, rest);
    uint64_t length = as_nanoseconds(time);
    if (flags & TIMER_ABSTIME) {
        uint64_t now = conditions_peek(clock);
        length = length > now ? length - now : 0;
    }
    conditions_pass(length);
    struct timespec relative = as_timespec(length);
    return true_clock_nanosleep()(CLOCK_MONOTONIC, 0, &relative, rest);
}

EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec length = {seconds, 0}, rest = {0, 0};
    return nanosleep(&length, &rest) == 0 ? 0 : (unsigned)rest.tv_sec;
}

EXPORT int usleep(useconds_t microseconds)
{
    struct timespec length = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
    return nanosleep(&length, NULL);
}

/* Swift's runtime asks for randomness by number. */
EXPORT long syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long), e = va_arg(list, long),
         f = va_arg(list, long);
    va_end(list);
    if (conditions_in_force() && number == SYS_getrandom) {
        draw((uint8_t *)a, (size_t)b);
        return b;
    }
    if (conditions_in_force() && number == SYS_clock_gettime)
        return clock_gettime((clockid_t)a, (struct timespec *)b);
    return true_syscall()(number, a, b, c, d, e, f);
}
