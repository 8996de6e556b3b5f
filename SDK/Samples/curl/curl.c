/* sample-curl: fetches a page with libcurl, used as its manual says. The way out is the environment's https_proxy; README.md tells the rest. */
#include "limen_plugin.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE_MAX (512u << 10)

static const limen_host *host;

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

/* A page as it comes. */
struct page {
    limen_call *call;
    uint8_t *bytes;
    size_t length;
    int is_too_large;
};

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
    struct page *page = context;
    if (size * count > PAGE_MAX - page->length) {
        page->is_too_large = 1;
        return 0;
    }
    memcpy(page->bytes + page->length, bytes, size * count);
    page->length += size * count;
    return size * count;
}

/* libcurl asks at least once a second: a caller who has left ends the transfer. */
static int may_go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return host->cancelled(((struct page *)context)->call);
}

/* The value of "url". The host has held the input to the schema below: an object with this one member, a string of printable ASCII without
 * quotes and backslashes. JSON may still write it with escapes, which a real plugin leaves to a JSON library. */
static int read_url(limen_bytes input, char *url, size_t room)
{
    const char *json = (const char *)input.data;
    const char *colon = memchr(json, ':', input.length);
    const char *begin = colon ? memchr(colon, '"', (size_t)(json + input.length - colon)) : NULL;
    const char *end = begin ? memchr(begin + 1, '"', (size_t)(json + input.length - begin - 1)) : NULL;
    if (!end || (size_t)(end - begin) > room || memchr(json, '\\', input.length))
        return 0;
    snprintf(url, room, "%.*s", (int)(end - begin - 1), begin + 1);
    return 1;
}

static long milliseconds_left(limen_call *call)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, end = host->deadline(call);
    return end > nanoseconds ? (long)((end - nanoseconds) / 1000000u) + 1 : 1;
}

static void fail(limen_call *call, const struct page *page, CURLcode result, long proxy)
{
    const char *code = "unreachable";
    const char *message = curl_easy_strerror(result);
    if (proxy == 403) {
        code = "forbidden";
        message = "The proxy opens no tunnel to this host and port: plugin.json's egress, or the operator's grant, has no such rule.";
    } else if (page->is_too_large) {
        code = "too_large";
        message = "The page has more than 512 KiB.";
    } else if (result == CURLE_ABORTED_BY_CALLBACK) {
        code = "cancelled";
    }
    char details[64];
    snprintf(details, sizeof details, "{\"curl\":%d,\"proxy\":%ld}", (int)result, proxy);
    host->fail(call, text(code), text(message), text(details));
}

static void complete(limen_call *call, const struct page *page, long status, const char *type)
{
    char output[64];
    int length = snprintf(output, sizeof output, "{\"status\":%ld,\"bytes\":%zu}", status, page->length);
    limen_attachment body = {text("body"), text(type ? type : "application/octet-stream"), {page->bytes, page->length}};
    host->complete(call, (limen_bytes){(const uint8_t *)output, (size_t)length}, &body, 1);
}

static void get(limen_call *call, const char *url)
{
    struct page page = {call, malloc(PAGE_MAX), 0, 0};
    CURL *curl = curl_easy_init();
    if (!page.bytes || !curl) {
        host->fail(call, text("out_of_memory"), text("There is no memory for the page."), text(""));
    } else {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds_left(call));
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, may_go_on);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &page);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        CURLcode result = curl_easy_perform(curl);
        long status = 0, proxy = 0;
        const char *type = NULL;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &proxy);
        curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
        if (result == CURLE_OK)
            complete(call, &page, status, type);
        else
            fail(call, &page, result, proxy);
    }
    curl_easy_cleanup(curl);
    free(page.bytes);
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    char url[2048];
    if (read_url(request->input, url, sizeof url))
        get(call, url);
    else
        host->fail(call, text("invalid_url"), text("The URL is too long, or written with escapes."), text(""));
}

static const char description[] =
    "{\"name\":\"sample-curl\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"get\",\"description\":\"Fetches a page over https; the body is an attachment.\","
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"url\":{\"type\":\"string\",\"maxLength\":2000,"
    "\"pattern\":\"^https://[!#-\\\\[\\\\]-~]+$\"}},\"required\":[\"url\"],\"additionalProperties\":false},"
    "\"output_schema\":{\"type\":\"object\",\"properties\":{\"status\":{\"type\":\"integer\"},\"bytes\":{\"type\":\"integer\",\"minimum\":0}},"
    "\"required\":[\"status\",\"bytes\"],\"additionalProperties\":false},"
    "\"annotations\":{\"read_only\":true,\"destructive\":false,\"idempotent\":true,\"open_world\":true},\"content_type\":\"json\"}]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || !LIMEN_HAS(table, pump) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text(description);
    plugin.call = call;
    return &plugin;
}
