/* patience: a plugin whose calls take time, stream, or answer at length, as the tests of the whole server ask it to. */
#include "limen_plugin.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const limen_host *host;

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

/* The host has validated the input, so a member that is there is a number; absent ones are `otherwise`. */
static long member(const limen_request *request, const char *name, long otherwise)
{
    char key[32];
    snprintf(key, sizeof key, "\"%s\":", name);
    const uint8_t *found = memmem(request->input.data, request->input.length, key, strlen(key));
    if (!found)
        return otherwise;
    char digits[24] = {0};
    const uint8_t *end = request->input.data + request->input.length;
    found += strlen(key);
    for (int i = 0; i < 20 && found < end && *found != ',' && *found != '}'; i++)
        digits[i] = (char)*found++;
    return atol(digits);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void pause_milliseconds(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void said(limen_call *call, const char *what)
{
    char line[96];
    snprintf(line, sizeof line, "%s at %llu", what, (unsigned long long)now());
    host->log(call, LIMEN_LOG_WARNING, text(line));
}

/* Answers after `ms`; asks every millisecond whether it should stop, unless it is told to be deaf. */
static void wait_call(limen_call *call, const limen_request *request)
{
    long milliseconds = member(request, "ms", 0);
    int is_deaf = member(request, "deaf", 0) != 0;
    long touched = member(request, "touch", 0);
    if (touched > 0) {
        volatile char *memory = malloc((size_t)touched);
        for (long i = 0; i < touched; i += 4096)
            memory[i] = 1;
        free((void *)memory);
    }
    uint64_t end = now() + (uint64_t)milliseconds * 1000000u;
    said(call, "began");
    host->emit(call, LIMEN_EVENT_PROGRESS, text("{\"message\":\"began\"}"));
    while (now() < end) {
        pause_milliseconds(1);
        if (is_deaf || !host->cancelled(call))
            continue;
        said(call, "cancelled");
        host->fail(call, text("cancelled"), text("The call was cancelled."), (limen_bytes){NULL, 0});
        return;
    }
    host->complete(call, text("{\"ok\":1}"), NULL, 0);
}

/* Emits `tokens` tokens of `bytes` bytes as fast as the host takes them. */
static void stream_call(limen_call *call, const limen_request *request)
{
    long tokens = member(request, "tokens", 0), bytes = member(request, "bytes", 4);
    char *token = malloc((size_t)bytes + 16);
    int length = sprintf(token, "{\"text\":\"");
    memset(token + length, 'x', (size_t)bytes);
    strcpy(token + length + bytes, "\"}");
    uint64_t began = now();
    for (long i = 0; i < tokens; i++)
        host->emit(call, LIMEN_EVENT_TOKEN, text(token));
    free(token);
    char output[64];
    snprintf(output, sizeof output, "{\"ok\":%llu}", (unsigned long long)((now() - began) / 1000));
    host->complete(call, text(output), NULL, 0);
}

/* Answers with a string of `bytes` bytes. */
static void fill_call(limen_call *call, const limen_request *request)
{
    long bytes = member(request, "bytes", 0);
    char *output = malloc((size_t)bytes + 16);
    int length = sprintf(output, "{\"ok\":1,\"fill\":\"");
    memset(output + length, 'x', (size_t)bytes - (size_t)length);
    strcpy(output + bytes, "\"}");
    host->complete(call, text(output), NULL, 0);
    free(output);
}

/* Answers with the request's id and trace. */
static void trace_call(limen_call *call, const limen_request *request)
{
    char output[512];
    limen_bytes trace = {NULL, 0};
    if (request->size >= offsetof(limen_request, traceparent) + sizeof(limen_bytes))
        trace = request->traceparent;
    snprintf(output, sizeof output, "{\"ok\":1,\"fill\":\"%.*s %.*s\"}", (int)request->request_id.length, (const char *)request->request_id.data,
             (int)trace.length, (const char *)trace.data);
    host->complete(call, text(output), NULL, 0);
}

static int is(const limen_request *request, const char *name)
{
    return request->tool.length == strlen(name) && memcmp(request->tool.data, name, request->tool.length) == 0;
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    if (is(request, "wait") || is(request, "wait_long"))
        wait_call(call, request);
    else if (is(request, "stream"))
        stream_call(call, request);
    else if (is(request, "trace"))
        trace_call(call, request);
    else
        fill_call(call, request);
}

#define SCHEMAS                                                                                                                            \
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"ms\":{\"type\":\"integer\"},\"deaf\":{\"type\":\"integer\"},"              \
    "\"tokens\":{\"type\":\"integer\"},\"bytes\":{\"type\":\"integer\",\"minimum\":32,\"maximum\":4194304},"                            \
    "\"touch\":{\"type\":\"integer\"},\"pad\":{\"type\":\"string\"}},\"additionalProperties\":false},"                                                                     \
    "\"output_schema\":{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":\"integer\"},\"fill\":{\"type\":\"string\"}},"              \
    "\"required\":[\"ok\"],\"additionalProperties\":false},"                                                                              \
    "\"annotations\":{\"read_only\":true,\"destructive\":false,\"idempotent\":false,\"open_world\":false},\"content_type\":\"json\"}"

static const char description[] =
    "{\"name\":\"patience\",\"version\":\"1.0.0\",\"tools\":["
    "{\"name\":\"wait\",\"description\":\"Answers later.\"," SCHEMAS ","
    "{\"name\":\"wait_long\",\"description\":\"Answers later, and may take a minute.\"," SCHEMAS ","
    "{\"name\":\"stream\",\"description\":\"Emits tokens.\"," SCHEMAS ","
    "{\"name\":\"trace\",\"description\":\"Answers with id and trace.\"," SCHEMAS ","
    "{\"name\":\"fill\",\"description\":\"Answers at length.\"," SCHEMAS "]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host))
        return NULL;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text(description);
    plugin.call = call;
    return &plugin;
}
