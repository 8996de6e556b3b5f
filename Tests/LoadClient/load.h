// limen-load: many connections from few processes, for load tests and for the WebSocket row of the benchmark.
#pragma once
#include <stdint.h>
#include <stdbool.h>

enum mode { MODE_GET, MODE_ECHO, MODE_HOLD, MODE_ABORT, MODE_DRIP };

struct options {
    enum mode mode;
    int port;
    int connections;      // in all, spread over the processes
    int addresses;        // source addresses 127.1.x.y, so that a cap by address is met or not
    int processes;
    int window;           // connections of a process that are on their way at once
    int seconds;
    int payload;          // bytes of an echoed message
    int every_ms;         // between two bytes of a drip
    unsigned seed;
    bool websocket;       // hold: shake hands
    bool stream;          // hold: the first byte of content is the answer
    const char *path;
};

// Latencies from 1 us on, 16 steps to each doubling.
enum { BUCKETS = 32 * 16 };

// What one process, or all of them, saw. Every field adds up, but for those of `worst`.
struct tally {
    uint64_t answered;    // 2xx, or a WebSocket that opened
    uint64_t refused;     // 429 and 503
    uint64_t other;       // any other status
    uint64_t failed;      // no connection, or one that ended without an answer
    uint64_t open;        // hold: still open at the end
    uint64_t exchanges;   // get, echo: answers in time
    uint64_t bytes;
    uint64_t first_ms;    // drip: when the server first dropped one
    uint64_t last_ms;     // and when the last
    uint64_t worst_us;
    uint32_t latency[BUCKETS];
};

// Runs the mode over this process's share. Writes a tally to `report` once all connections of a hold are settled, and one at the end;
// `control` ends a hold by being closed.
void client_run(const struct options *options, int index, int share, int control, int report);

void tally_add(struct tally *all, const struct tally *one);
void tally_latency(struct tally *tally, uint64_t us);
uint64_t tally_percentile(const struct tally *tally, double share);
uint64_t now_us(void);
