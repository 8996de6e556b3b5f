/*
 * Loads a plugin without any jail and makes one call: for a look at the suite's own libraries, never for a stranger's.
 * usage: loader LIBRARY '{"case":"ping"}'
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limen_plugin.h"

static int answered;
static void complete(limen_call *call, limen_bytes output, const limen_attachment *list, uint32_t count) {
    (void)call, (void)list, (void)count;
    answered = 1;
    printf("complete %.*s\n", (int)output.length, (const char *)output.data);
}
static void fail(limen_call *call, limen_bytes code, limen_bytes message, limen_bytes details) {
    (void)call, (void)details;
    answered = 1;
    printf("fail %.*s: %.*s\n", (int)code.length, (const char *)code.data, (int)message.length, (const char *)message.data);
}
static void emit(limen_call *call, limen_event_kind kind, limen_bytes json) { (void)call, (void)kind, (void)json; }
static void write_log(limen_call *call, limen_log_level level, limen_bytes message) {
    (void)call, (void)level;
    printf("log %.*s\n", (int)message.length, (const char *)message.data);
}
static int cancelled(limen_call *call) { (void)call; return 0; }
static uint64_t deadline(limen_call *call) { (void)call; return ~0ull; }
static int pump(limen_call *call, const volatile int *done) { (void)call, (void)done; return -1; }

int main(int count, char **words) {
    if (count != 3) return fprintf(stderr, "usage: %s LIBRARY INPUT\n", words[0]), 2;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 1;
    static const limen_host host = {.size = sizeof host, .abi = LIMEN_ABI_VERSION, .complete = complete, .fail = fail, .emit = emit,
                                    .log = write_log, .cancelled = cancelled, .deadline = deadline, .pump = pump, .scratch_path = "/scratch"};
    void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    limen_plugin_entry_function entry = (limen_plugin_entry_function)dlsym(library, LIMEN_ENTRY_SYMBOL);
    const limen_plugin *plugin = entry ? entry(&host) : NULL;
    if (!plugin) return fprintf(stderr, "no plugin\n"), 1;
    printf("description %.*s\n", (int)plugin->description.length, (const char *)plugin->description.data);
    static uint64_t call[4];
    limen_request request = {.size = sizeof request, .tool = {(const uint8_t *)"run", 3}, .input = {(const uint8_t *)words[2], strlen(words[2])}};
    plugin->call(plugin->state, (limen_call *)call, &request);
    for (int i = 0; i < 200 && !answered; i++) usleep(10000);
    return answered ? 0 : 1;
}
