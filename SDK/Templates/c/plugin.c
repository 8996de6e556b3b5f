/* @NAME@: a Limen plugin in plain C. The contract is limen_plugin.h. */
#include "limen_plugin.h"

#include <stdio.h>
#include <string.h>

static const limen_host *host;

static limen_bytes bytes(const char *text) { return (limen_bytes){(const uint8_t *)text, strlen(text)}; }

/* The host has validated the input against the schema below, so it is an object with the string "text". A real plugin parses it with a
 * JSON library; this one counts bytes of the input as it came. */
static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    if (request->tool.length != 5 || memcmp(request->tool.data, "count", 5) != 0) {
        host->fail(call, bytes("unknown_tool"), bytes("The plugin has one tool, count."), (limen_bytes){NULL, 0});
        return;
    }
    char output[64];
    int length = snprintf(output, sizeof output, "{\"bytes\":%zu}", request->input.length);
    host->log(call, LIMEN_LOG_INFO, bytes("counted"));
    host->complete(call, (limen_bytes){(const uint8_t *)output, (size_t)length}, NULL, 0);
}

static const char description[] =
    "{\"name\":\"@NAME@\",\"version\":\"0.1.0\",\"tools\":[{\"name\":\"count\",\"description\":\"Counts the bytes of its input as JSON.\","
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"maxLength\":1000000}},\"required\":[\"text\"],"
    "\"additionalProperties\":false},"
    "\"output_schema\":{\"type\":\"object\",\"properties\":{\"bytes\":{\"type\":\"integer\",\"minimum\":0}},\"required\":[\"bytes\"],"
    "\"additionalProperties\":false},"
    "\"annotations\":{\"read_only\":true,\"destructive\":false,\"idempotent\":true,\"open_world\":false},\"content_type\":\"json\"}]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host))
        return NULL;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = bytes(description);
    plugin.call = call;
    return &plugin;
}
