#include "load.h"
#include <time.h>

uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int bucket(uint64_t us) {
    if (us < 16) return (int)us;
    int doubling = 63 - __builtin_clzll(us);
    int index = (doubling - 3) * 16 + (int)((us >> (doubling - 4)) & 15);
    return index < BUCKETS ? index : BUCKETS - 1;
}

// The upper end of a bucket.
static uint64_t edge(int index) {
    if (index < 16) return (uint64_t)index + 1;
    int doubling = index / 16 + 3;
    return ((uint64_t)(16 + index % 16) + 1) << (doubling - 4);
}

void tally_latency(struct tally *tally, uint64_t us) {
    tally->latency[bucket(us)]++;
    if (us > tally->worst_us) tally->worst_us = us;
}

uint64_t tally_percentile(const struct tally *tally, double share) {
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < BUCKETS; i++) total += tally->latency[i];
    if (total == 0) return 0;
    uint64_t wanted = (uint64_t)(share * (double)total + 0.5);
    for (int i = 0; i < BUCKETS; i++) {
        seen += tally->latency[i];
        if (seen >= wanted && seen > 0) return edge(i) < tally->worst_us ? edge(i) : tally->worst_us;
    }
    return tally->worst_us;
}

void tally_add(struct tally *all, const struct tally *one) {
    all->answered += one->answered;
    all->refused += one->refused;
    all->other += one->other;
    all->failed += one->failed;
    all->open += one->open;
    all->exchanges += one->exchanges;
    all->bytes += one->bytes;
    if (one->first_ms > 0 && (all->first_ms == 0 || one->first_ms < all->first_ms)) all->first_ms = one->first_ms;
    if (one->last_ms > all->last_ms) all->last_ms = one->last_ms;
    if (one->worst_us > all->worst_us) all->worst_us = one->worst_us;
    for (int i = 0; i < BUCKETS; i++) all->latency[i] += one->latency[i];
}
