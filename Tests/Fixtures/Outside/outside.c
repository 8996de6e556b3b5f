/* outside: answers with all that a call can see which is not its input: clock, randomness, state, network, deadline, config. */
#include "limen_plugin.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const limen_host *host;

/* Read by the library's constructor, before any call. */
static long long born;

__attribute__((constructor)) static void birth(void) { born = (long long)time(NULL); }

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

struct answer {
    volatile int done;
    char words[256];
};

static void keep_kv(void *context, const limen_kv_result *result)
{
    struct answer *answer = context;
    snprintf(answer->words, sizeof answer->words, "%u:%.*s", result->found, (int)(result->value.length < 200 ? result->value.length : 200),
             result->value.length ? (const char *)result->value.data : "");
    answer->done = 1;
}

static void keep_fetch(void *context, const limen_response *response)
{
    struct answer *answer = context;
    snprintf(answer->words, sizeof answer->words, "%u:%.*s", response->status,
             (int)(response->error_code.length < 64 ? response->error_code.length : 64),
             response->error_code.length ? (const char *)response->error_code.data : "");
    answer->done = 1;
}

#define LENGTH 5000000ull

static unsigned long long now_on(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (unsigned long long)time.tv_sec * 1000000000u + (unsigned long long)time.tv_nsec;
}

static struct timespec later(clockid_t clock)
{
    unsigned long long time = now_on(clock) + LENGTH;
    return (struct timespec){(time_t)(time / 1000000000u), (long)(time % 1000000000u)};
}

static void wait_on_condition(void)
{
    pthread_condattr_t attributes;
    pthread_cond_t condition;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec until = later(CLOCK_MONOTONIC);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&condition, &mutex, &until) == 0)
        ;
    pthread_mutex_unlock(&mutex);
}

static void wait_on_semaphore(void)
{
    sem_t semaphore;
    struct timespec until = later(CLOCK_REALTIME);
    sem_init(&semaphore, 0, 0);
    sem_timedwait(&semaphore, &until);
}

static void wait_on_timer(void)
{
    struct itimerspec time = {{0, 0}, later(CLOCK_MONOTONIC)};
    struct epoll_event event = {.events = EPOLLIN};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), set = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(set, EPOLL_CTL_ADD, timer, &event);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &time, NULL);
    epoll_wait(set, &event, 1, -1);
    close(set);
    close(timer);
}

static void wait_until(void)
{
    struct timespec until = later(CLOCK_MONOTONIC);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void wait_on_nothing(void) { poll(NULL, 0, 5); }

static void wait_by_select(void)
{
    struct timeval length = {0, 5000};
    select(0, NULL, NULL, NULL, &length);
}

/* How long each way of waiting 5 ms takes on the monotonic clock, in nanoseconds. */
static void wait_every_way(char *words)
{
    void (*const ways[])(void) = {wait_on_condition, wait_on_semaphore, wait_on_timer, wait_until, wait_on_nothing, wait_by_select};
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        unsigned long long start = now_on(CLOCK_MONOTONIC);
        ways[i]();
        words += sprintf(words, "%s%llu", i ? "," : "", now_on(CLOCK_MONOTONIC) - start);
    }
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    unsigned char bytes[8] = {0}, numbered[8] = {0}, entropy[8] = {0};
    struct timespec wall, monotonic;
    struct timeval day;
    struct answer set = {0}, got = {0}, fetched = {0};
    char key[64], output[2048], waits[256], random[64] = "";
    getrandom(bytes, sizeof bytes, 0);
    syscall(SYS_getrandom, numbered, sizeof numbered, 0);
    getentropy(entropy, sizeof entropy);
    for (int i = 0; i < 8; i++)
        sprintf(random + strlen(random), "%02x%02x%02x", bytes[i], numbered[i], entropy[i]);
    usleep(3000);
    wait_every_way(waits);
    clock_gettime(CLOCK_REALTIME, &wall);
    gettimeofday(&day, NULL);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    uint64_t now = (uint64_t)monotonic.tv_sec * 1000000000u + (uint64_t)monotonic.tv_nsec;
    snprintf(key, sizeof key, "key-%02x", bytes[0]);
    host->kv(call, LIMEN_KV_SET, text(key), text(random), keep_kv, &set);
    host->pump(call, &set.done);
    host->kv(call, LIMEN_KV_GET, text(key), text(""), keep_kv, &got);
    host->pump(call, &got.done);
    host->fetch(call, text("{\"url\":\"https://example.com/\"}"), text(""), keep_fetch, &fetched);
    host->pump(call, &fetched.done);
    int length = snprintf(
        output, sizeof output,
        "{\"random\":\"%s\",\"wall\":\"%lld.%09ld\",\"day\":\"%lld.%06ld\",\"born\":\"%lld\",\"left\":\"%lld\",\"id\":\"%.*s\","
        "\"set\":\"%s\",\"got\":\"%s\",\"fetched\":\"%s\",\"waits\":[%s],\"config\":%.*s}",
        random, (long long)wall.tv_sec, wall.tv_nsec, (long long)day.tv_sec, (long)day.tv_usec, born,
        (long long)(host->deadline(call) - now), (int)request->request_id.length, (const char *)request->request_id.data, set.words,
        got.words, fetched.words, waits, (int)host->config.length, (const char *)host->config.data);
    host->complete(call, (limen_bytes){(const uint8_t *)output, (size_t)length}, NULL, 0);
}

static const char description[] =
    "{\"name\":\"outside\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"look\",\"description\":\"Tells what it sees.\","
    "\"input_schema\":{\"type\":\"object\"},\"output_schema\":{\"type\":\"object\"},\"content_type\":\"json\"}]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text(description);
    plugin.call = call;
    return &plugin;
}
