/* Waiting under conditions. A wait lasts as long as it would; one that runs out moves the plugin's clocks on by its length, one that something ends
 * moves them not at all. So what a plugin reads follows from what it waited for, never from how fast the machine was, and a moment that it names
 * on its own clock is waited for on the true one. */
#define _GNU_SOURCE
#include "cconditions.h"
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>

typedef int (*semaphore_function)(sem_t *, const struct timespec *);
typedef int (*semaphore_clock_function)(sem_t *, clockid_t, const struct timespec *);
typedef int (*condition_function)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int (*condition_clock_function)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
typedef int (*timer_function)(int, int, const struct itimerspec *, struct itimerspec *);
typedef int (*epoll_function)(int, struct epoll_event *, int, int);
typedef int (*poll_function)(struct pollfd *, nfds_t, int);
typedef int (*select_function)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
TRUE_FUNCTION(sem_timedwait, semaphore_function)
TRUE_FUNCTION(sem_clockwait, semaphore_clock_function)
TRUE_FUNCTION(pthread_cond_timedwait, condition_function)
TRUE_FUNCTION(pthread_cond_clockwait, condition_clock_function)
TRUE_FUNCTION(timerfd_settime, timer_function)
TRUE_FUNCTION(epoll_wait, epoll_function)
TRUE_FUNCTION(poll, poll_function)
TRUE_FUNCTION(select, select_function)

/* The true moment for one of the plugin's own. */
static struct timespec true_moment(clockid_t clock, const struct timespec *until)
{
    uint64_t target = as_nanoseconds(until), now = conditions_peek(clock);
    return as_timespec(conditions_true(clock) + (target > now ? target - now : 0));
}

EXPORT int sem_clockwait(sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict until)
{
    if (!conditions_in_force() || !is_sound(until))
        return true_sem_clockwait()(semaphore, clock, until);
    struct timespec moment = true_moment(clock, until);
    int result = true_sem_clockwait()(semaphore, clock, &moment);
    if (result != 0 && errno == ETIMEDOUT)
        conditions_reach(clock, as_nanoseconds(until));
    return result;
}

EXPORT int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    if (!conditions_in_force() || !is_sound(until))
        return true_sem_timedwait()(semaphore, until);
    return sem_clockwait(semaphore, CLOCK_REALTIME, until);
}

EXPORT int pthread_cond_clockwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock, const struct timespec *restrict until)
{
    if (!conditions_in_force() || !is_sound(until))
        return true_pthread_cond_clockwait()(condition, mutex, clock, until);
    struct timespec moment = true_moment(clock, until);
    int result = true_pthread_cond_clockwait()(condition, mutex, clock, &moment);
    if (result == ETIMEDOUT)
        conditions_reach(clock, as_nanoseconds(until));
    return result;
}

/* Which clock a condition variable goes by is hidden in it; the moment tells. */
EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
    if (!conditions_in_force() || !is_sound(until))
        return true_pthread_cond_timedwait()(condition, mutex, until);
    return pthread_cond_clockwait(condition, mutex, conditions_clock_of(as_nanoseconds(until)), until);
}

/* Timers that are running: when they run out, truly and on the plugin's monotonic clock. */
#define TIMERS 16
static struct {
    int descriptor;
    uint64_t due, reading;
} timers[TIMERS];
static int timer_count;
static _Atomic int timers_are_running;
static pthread_mutex_t timers_lock = PTHREAD_MUTEX_INITIALIZER;

/* Call it with the lock held. */
static void forget(int index)
{
    timers[index] = timers[--timer_count];
    atomic_store(&timers_are_running, timer_count);
}

static void keep(int descriptor, uint64_t length)
{
    pthread_mutex_lock(&timers_lock);
    for (int i = 0; i < timer_count; i++)
        if (timers[i].descriptor == descriptor)
            forget(i--);
    if (length > 0 && timer_count < TIMERS) {
        timers[timer_count].descriptor = descriptor;
        timers[timer_count].due = conditions_true(CLOCK_MONOTONIC) + length;
        timers[timer_count].reading = conditions_peek(CLOCK_MONOTONIC) + length;
        atomic_store(&timers_are_running, ++timer_count);
    }
    pthread_mutex_unlock(&timers_lock);
}

void conditions_timers_look(void)
{
    if (!atomic_load_explicit(&timers_are_running, memory_order_acquire))
        return;
    uint64_t now = conditions_true(CLOCK_MONOTONIC);
    pthread_mutex_lock(&timers_lock);
    for (int i = 0; i < timer_count; i++)
        if (timers[i].due <= now) {
            conditions_reach(CLOCK_MONOTONIC, timers[i].reading);
            forget(i--);
        }
    pthread_mutex_unlock(&timers_lock);
}

EXPORT int timerfd_settime(int descriptor, int flags, const struct itimerspec *time, struct itimerspec *old)
{
    if (!conditions_in_force() || !time || !is_sound(&time->it_value))
        return true_timerfd_settime()(descriptor, flags, time, old);
    struct itimerspec relative = *time;
    uint64_t length = as_nanoseconds(&time->it_value);
    if (length > 0 && flags & TFD_TIMER_ABSTIME) {
        uint64_t now = conditions_peek(conditions_clock_of(length));
        length = length > now ? length - now : 1;
        relative.it_value = as_timespec(length);
    }
    keep(descriptor, length);
    return true_timerfd_settime()(descriptor, 0, &relative, old);
}

/* After a wait of so many milliseconds, as poll counts them. */
static int waited(int result, int milliseconds)
{
    if (result == 0 && milliseconds > 0 && conditions_in_force())
        conditions_pass((uint64_t)milliseconds * 1000000u);
    return result;
}

EXPORT int epoll_wait(int descriptor, struct epoll_event *events, int count, int milliseconds)
{
    return waited(true_epoll_wait()(descriptor, events, count, milliseconds), milliseconds);
}

EXPORT int poll(struct pollfd *set, nfds_t count, int milliseconds) { return waited(true_poll()(set, count, milliseconds), milliseconds); }

int cconditions_true_poll(struct pollfd *set, nfds_t count, int milliseconds) { return true_poll()(set, count, milliseconds); }

EXPORT int select(int count, fd_set *restrict reading, fd_set *restrict writing, fd_set *restrict failing, struct timeval *restrict time)
{
    if (!conditions_in_force() || !time || time->tv_sec < 0 || time->tv_usec < 0)
        return true_select()(count, reading, writing, failing, time);
    uint64_t length = (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_usec * 1000u;
    int result = true_select()(count, reading, writing, failing, time);
    if (result == 0)
        conditions_pass(length);
    return result;
}
