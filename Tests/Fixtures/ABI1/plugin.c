/* Uses every member of ABI 1 as its first header describes them. */
#include "limen_plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const limen_host *host;

static limen_bytes bytes(const char *text) { return (limen_bytes){(const uint8_t *)text, strlen(text)}; }

struct wait {
    volatile int done;
    bool found, failed;
    char value[64];
};

static void stored(void *context, const limen_kv_result *result) {
    struct wait *wait = context;
    wait->failed = result->error_code.length > 0;
    wait->found = result->found != 0;
    size_t length = result->value.length < sizeof wait->value - 1 ? result->value.length : sizeof wait->value - 1;
    memcpy(wait->value, result->value.data, length);
    wait->value[length] = 0;
    wait->done = 1;
}
static void fetched(void *context, const limen_response *response) {
    struct wait *wait = context;
    wait->failed = response->status == 0 && response->error_code.length > 0;
    wait->done = 1;
}
static void scheduled(void *context) { ((struct wait *)context)->done = 1; }

static void *from_a_thread(void *context) {
    host->schedule(scheduled, context);
    return NULL;
}

static bool kv(limen_call *call, limen_kv_operation operation, const char *key, const char *value, struct wait *wait) {
    memset(wait, 0, sizeof *wait);
    host->kv(call, operation, bytes(key), bytes(value), stored, wait);
    return host->pump(call, &wait->done) == 0 && !wait->failed;
}

/* The name of the first thing that is not as the header says, or NULL. */
static const char *first_wrong(limen_call *call, const limen_request *request) {
    if (host->size < sizeof(limen_host) || host->abi != LIMEN_ABI_VERSION) return "host";
    if (request->size < sizeof(limen_request) || request->attachment_count != 0) return "request";
    if (request->tool.length != 3 || memcmp(request->tool.data, "all", 3) != 0) return "tool";
    if (request->input.length < 2 || request->input.data[0] != '{' || request->request_id.length == 0) return "input";
    if (host->config.length < 2 || host->config.data[0] != '{') return "config";
    if (strcmp(host->scratch_path, "/scratch") != 0 || access(host->scratch_path, W_OK) != 0) return "scratch_path";
    if (host->cancelled(call) != 0) return "cancelled";
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (host->deadline(call) <= (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) return "deadline";
    host->log(call, LIMEN_LOG_INFO, bytes("from ABI 1"));
    host->log(NULL, LIMEN_LOG_DEBUG, bytes("outside a call"));
    host->emit(call, LIMEN_EVENT_PROGRESS, bytes("{\"fraction\":0.5,\"message\":\"half\"}"));
    host->emit(call, LIMEN_EVENT_TOKEN, bytes("{\"text\":\"a\"}"));
    host->emit(call, LIMEN_EVENT_PARTIAL, bytes("[1]"));
    struct wait wait;
    if (!kv(call, LIMEN_KV_SET, "abi1", "kept", &wait)) return "kv set";
    if (!kv(call, LIMEN_KV_GET, "abi1", "", &wait) || !wait.found || strcmp(wait.value, "kept") != 0) return "kv get";
    if (!kv(call, LIMEN_KV_LIST, "abi", "", &wait) || strcmp(wait.value, "[\"abi1\"]") != 0) return "kv list";
    if (!kv(call, LIMEN_KV_DELETE, "abi1", "", &wait)) return "kv delete";
    if (!kv(call, LIMEN_KV_GET, "abi1", "", &wait) || wait.found) return "kv get of nothing";
    memset(&wait, 0, sizeof wait);
    host->fetch(call, bytes("{\"url\":\"https://example.invalid/\"}"), bytes(""), fetched, &wait);
    if (host->pump(call, &wait.done) != 0 || !wait.failed) return "fetch";
    memset(&wait, 0, sizeof wait);
    pthread_t thread;
    if (pthread_create(&thread, NULL, from_a_thread, &wait) != 0) return "thread";
    int pumped = host->pump(call, &wait.done);
    pthread_join(thread, NULL);
    return pumped == 0 ? NULL : "schedule";
}

static void call(void *state, limen_call *call, const limen_request *request) {
    if (state != &host) {
        host->fail(call, bytes("state"), bytes("The state is not mine."), bytes("{}"));
        return;
    }
    const char *wrong = first_wrong(call, request);
    if (wrong) {
        host->fail(call, bytes("not_as_promised"), bytes(wrong), bytes("{\"abi\":1}"));
        return;
    }
    limen_attachment attachment = {bytes("note.txt"), bytes("text/plain"), bytes("attached")};
    host->complete(call, bytes("{\"as_promised\":true}"), &attachment, 1);
    host->complete(call, bytes("{\"as_promised\":false}"), NULL, 0); /* ignored, as the header says */
}
static void cancel(void *state, limen_call *call) {
    (void)state;
    host->fail(call, bytes("cancelled"), bytes("Cancelled."), (limen_bytes){NULL, 0});
}
static void stop(void *state) { (void)state; }

static const char description[] =
    "{\"name\":\"abi1\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"all\",\"description\":\"Uses all of ABI 1.\","
    "\"input_schema\":{\"type\":\"object\"},\"output_schema\":{\"type\":\"object\",\"properties\":{\"as_promised\":{\"type\":\"boolean\"}},"
    "\"required\":[\"as_promised\"]}}]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table) {
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host)) return NULL;
    host = table;
    plugin = (limen_plugin){sizeof plugin, LIMEN_ABI_VERSION, bytes(description), &host, call, cancel, stop};
    return &plugin;
}
