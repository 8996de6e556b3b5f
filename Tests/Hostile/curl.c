/* A plugin that knows nothing of Limen but its ABI: libcurl as Debian has it, used as its manual says. It finds the proxy by its environment. */
#include "hostile.h"

/* What is used of libcurl's ABI, which has not changed since 2006: no header is needed to build the suite. */
typedef void CURL;
extern CURL *curl_easy_init(void);
extern int curl_easy_setopt(CURL *handle, int option, ...);
extern int curl_easy_perform(CURL *handle);
extern int curl_easy_getinfo(CURL *handle, int info, ...);
extern void curl_easy_cleanup(CURL *handle);
enum { OPTION_URL = 10002, OPTION_WRITEFUNCTION = 20011, OPTION_WRITEDATA = 10001, OPTION_TIMEOUT = 13, OPTION_NOPROXY = 10177 };
enum { INFO_RESPONSE_CODE = 0x200002, INFO_CONNECT_CODE = 0x200016 };

static char page[4096];
static size_t page_length;

static size_t keep(char *bytes, size_t size, size_t count, void *context) {
    (void)context;
    size_t length = size * count, room = sizeof page - 1 - page_length;
    memcpy(page + page_length, bytes, length < room ? length : room);
    page_length += length < room ? length : room;
    return length;
}

static int get(const char *url, const char *no_proxy, long *status, long *answer) {
    CURL *handle = curl_easy_init();
    page_length = 0;
    memset(page, 0, sizeof page);
    curl_easy_setopt(handle, OPTION_URL, url);
    curl_easy_setopt(handle, OPTION_TIMEOUT, 10L);
    curl_easy_setopt(handle, OPTION_WRITEFUNCTION, keep);
    if (no_proxy) curl_easy_setopt(handle, OPTION_NOPROXY, no_proxy);
    int result = curl_easy_perform(handle);
    *status = *answer = 0;
    curl_easy_getinfo(handle, INFO_RESPONSE_CODE, status);
    curl_easy_getinfo(handle, INFO_CONNECT_CODE, answer);
    curl_easy_cleanup(handle);
    return result;
}

static void libcurl(const char *port) {
    char url[128];
    long status, answer;
    snprintf(url, sizeof url, "https://allowed.test:%s/", port);
    int result = get(url, NULL, &status, &answer);
    saw_text("page", "%d %ld %ld %s", result, status, answer, strstr(page, "s_server") ? "whole" : "none");
    /* A second one through a tunnel of its own. */
    result = get(url, NULL, &status, &answer);
    saw_text("again", "%d %ld", result, status);
    snprintf(url, sizeof url, "https://other.test:%s/", port);
    result = get(url, NULL, &status, &answer);
    saw_text("other host", "%d %ld", result, answer);
    snprintf(url, sizeof url, "https://alias.test:%s/", port);
    result = get(url, NULL, &status, &answer);
    saw_text("wrong certificate", "%d %ld", result, answer);
    snprintf(url, sizeof url, "https://allowed.test:%s/", port);
    result = get(url, "*", &status, &answer);
    saw_text("without the proxy", "%s", result ? "failed" : "fetched");
    snprintf(url, sizeof url, "http://127.0.0.1:%s/", port);
    result = get(url, NULL, &status, &answer);
    saw_text("plain, by address", "%s", result ? "failed" : "fetched");
}

ATTACKS({"libcurl", libcurl});
