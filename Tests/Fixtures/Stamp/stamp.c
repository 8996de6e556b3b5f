/* stamp: says who answered. Each process has a number of its own and counts its calls, so that a call that ran twice, or ran and was lost, leaves a gap in
   some process's count. The test fills in name, version and how it behaves. */
#include "limen_plugin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const limen_host *host;
static unsigned long long instance;
static unsigned long calls;

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

/* The host has validated the input, so a member that is there is a number. */
static long member(const limen_request *request, const char *name)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const uint8_t *found = memmem(request->input.data, request->input.length, key, strlen(key));
    return found ? atol((const char *)found + strlen(key)) : 0;
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    unsigned long turn = ++calls;
    long milliseconds = member(request, "ms");
    if (milliseconds > 0) {
        struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
        nanosleep(&time, NULL);
    }
    if (@FAILS@ > 0 && turn % 100 < @FAILS@) {
        host->fail(call, text("internal"), text("It fails now and then."), (limen_bytes){NULL, 0});
        return;
    }
    char output[160];
    snprintf(output, sizeof output, "{\"version\":\"@VERSION@\",\"instance\":\"%016llx\",\"turn\":%lu,\"nonce\":%ld}", instance, turn, member(request, "nonce"));
    host->complete(call, text(output), NULL, 0);
}

static const char description[] =
    "{\"name\":\"@NAME@\",\"version\":\"@VERSION@\",\"tools\":[{\"name\":\"stamp\",\"description\":\"@DESCRIPTION@\","
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"nonce\":{\"type\":\"integer\"},\"ms\":{\"type\":\"integer\"}},\"additionalProperties\":false},"
    "\"output_schema\":{\"type\":\"object\",\"required\":[\"version\",\"instance\",\"turn\",\"nonce\"]},"
    "\"annotations\":{\"read_only\":true,\"destructive\":false,\"idempotent\":false,\"open_world\":false},\"content_type\":\"json\"}]}";

static int told(const char *word) { return memmem(host->config.data, host->config.length, word, strlen(word)) != NULL; }

/* A library that says another thing than it was approved with. */
static const char *said(void)
{
    static char other[sizeof description + 64];
    if (!told("\"lie\""))
        return description;
    const char *place = strstr(description, "@DESCRIPTION@");
    snprintf(other, sizeof other, "%.*sSomething else.%s", (int)(place - description), description, place + strlen("@DESCRIPTION@"));
    return other;
}

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host))
        return NULL;
    host = table;
    int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (random < 0 || read(random, &instance, sizeof instance) != (ssize_t)sizeof instance)
        return NULL;
    close(random);
    if (told("\"crash\""))
        abort();
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text(said());
    plugin.call = call;
    return &plugin;
}
