/*
 * What the hostile plugins share: one tool, `run`, whose input {"case": "...", "argument": "..."} picks an attack; an attack
 * says what it saw, attempt by attempt, as errno names, and the answer is {"case": "...", "saw": {"attempt": "ENOENT"}}.
 *
 * Every attack is written so that it does no harm where it succeeds: signals are number 0, calls that would change the machine
 * carry arguments that the kernel refuses. A jail that lets one through fails a test and nothing else.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "limen_plugin.h"

/* One attack. `argument` is the input's, or "". */
typedef struct attack {
    const char *name;
    void (*run)(const char *argument);
} attack;

/* Each family defines these. */
extern const attack attacks[];
extern const size_t attacks_count;
#define ATTACKS(...)                     \
    const attack attacks[] = {__VA_ARGS__}; \
    const size_t attacks_count = sizeof attacks / sizeof attacks[0]

/* Optional, for families that care: called on cancel; false means "ignore it". */
extern bool (*on_cancel)(limen_call *call);

/* What `limen_plugin_entry` returns in all but some of load.c's variants. */
limen_plugin honest_plugin(const limen_host *given);

extern const limen_host *host;
extern limen_call *current; /* the call that is being handled; NULL once it was answered */

/* Records an attempt: "ok" for a result of 0 or more, else the name of `errno`. Returns `result`. */
long saw(const char *attempt, long result);
/* Records an attempt with a text of its own. */
void saw_text(const char *attempt, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Records an attempt that is counted: the last of several equal names wins. */
void saw_errno(const char *attempt, int error);

limen_bytes text_of(const char *text);
/* Answers now with what was seen so far, for attacks that go on afterwards. */
void answer(void);
/* Answers with exactly these bytes. */
void answer_raw(const void *bytes, size_t length);

/* The worker's socket to the host, found as an attacker would: the lowest descriptor that is a socket; -1 if none. */
int worker_socket(void);
/* The path under which this library is mapped. */
const char *own_library(void);
/* Sleeps without end, whatever interrupts it. */
void sleep_forever(void) __attribute__((noreturn));
void sleep_milliseconds(long milliseconds);
/* Writes all of `length` bytes to the worker's socket. */
bool write_to_host(const void *bytes, size_t length);
/* Writes one frame as the worker itself would. */
bool write_frame(uint8_t type, uint8_t flags, uint16_t reserved, uint64_t call, const void *payload, uint32_t length);

enum { FRAME_JAILED = 0x81, FRAME_READY = 0x82, FRAME_EVENT = 0x83, FRAME_RESULT = 0x84, FRAME_FAILURE = 0x85,
       FRAME_FETCH = 0x86, FRAME_KV = 0x87, FRAME_LOG = 0x88 };

#endif
