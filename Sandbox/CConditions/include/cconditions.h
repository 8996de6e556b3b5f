/* The clock and the randomness that a plugin sees while a call is recorded or replayed. */
#ifndef CCONDITIONS_H
#define CCONDITIONS_H

#include <poll.h>
#include <stdint.h>
#include <time.h>

/* Puts conditions in force for good: both clocks begin at these nanoseconds and go on by `tick` at each look, random bytes come from `seed`.
 * Call it before any of the plugin's code runs. */
void cconditions_set(uint64_t seed, uint64_t realtime, uint64_t monotonic, uint64_t tick);

/* The true clock, whatever the conditions. Nanoseconds on CLOCK_MONOTONIC. */
uint64_t cconditions_true_monotonic(void);

/* poll(2) for the worker itself: how long the host takes is nothing that a plugin's clocks show. */
int cconditions_true_poll(struct pollfd *set, nfds_t count, int milliseconds);

#endif
