/* The plugin around the attacks: entry, dispatch, report. See hostile.h. */
#include "hostile.h"

const limen_host *host;
limen_call *current;
bool (*on_cancel)(limen_call *call);

static char seen[48 * 1024];
static size_t seen_length;
static char case_name[128];
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

limen_bytes text_of(const char *text) { return (limen_bytes){(const uint8_t *)text, strlen(text)}; }

static void append_escaped(const char *text) {
    for (; *text && seen_length + 8 < sizeof seen; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') seen_length += (size_t)snprintf(seen + seen_length, 8, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f) seen_length += (size_t)snprintf(seen + seen_length, 8, "\\u%04x", c);
        else seen[seen_length++] = (char)c;
    }
}

static void record(const char *attempt, const char *value) {
    pthread_mutex_lock(&seen_lock);
    if (seen_length + strlen(attempt) + strlen(value) + 16 < sizeof seen) {
        seen[seen_length] = ',';
        if (seen_length) seen_length++;
        seen[seen_length++] = '"';
        append_escaped(attempt);
        memcpy(seen + seen_length, "\":\"", 3);
        seen_length += 3;
        append_escaped(value);
        seen[seen_length++] = '"';
    }
    pthread_mutex_unlock(&seen_lock);
}

void saw_errno(const char *attempt, int error) {
    const char *name = strerrorname_np(error);
    char number[24];
    snprintf(number, sizeof number, "errno %d", error);
    record(attempt, error == 0 ? "ok" : name ? name : number);
}

long saw(const char *attempt, long result) {
    saw_errno(attempt, result >= 0 ? 0 : errno);
    return result;
}

void saw_text(const char *attempt, const char *format, ...) {
    char value[512];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof value, format, list);
    va_end(list);
    record(attempt, value);
}

void answer_raw(const void *bytes, size_t length) {
    limen_call *call = current;
    current = NULL;
    if (call) host->complete(call, (limen_bytes){bytes, length}, NULL, 0);
}

void answer(void) {
    static char output[sizeof seen + 256];
    pthread_mutex_lock(&seen_lock);
    int length = snprintf(output, sizeof output, "{\"case\":\"%s\",\"saw\":{%.*s}}", case_name, (int)seen_length, seen);
    pthread_mutex_unlock(&seen_lock);
    answer_raw(output, (size_t)length);
}

int worker_socket(void) {
    struct stat status;
    for (int fd = 0; fd < 1024; fd++)
        if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode)) return fd;
    return -1;
}

const char *own_library(void) {
    static Dl_info info;
    return dladdr((void *)attacks, &info) && info.dli_fname ? info.dli_fname : "";
}

void sleep_milliseconds(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

void sleep_forever(void) {
    for (;;) sleep_milliseconds(1000000);
}

bool write_to_host(const void *bytes, size_t length) {
    static int fd = -2;
    if (fd == -2) fd = worker_socket();
    const char *next = bytes;
    while (length > 0) {
        ssize_t count = write(fd, next, length);
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count < 0) return false;
        next += count;
        length -= (size_t)count;
    }
    return true;
}

bool write_frame(uint8_t type, uint8_t flags, uint16_t reserved, uint64_t call, const void *payload, uint32_t length) {
    uint8_t header[16];
    memcpy(header, &length, 4);
    header[4] = type;
    header[5] = flags;
    memcpy(header + 6, &reserved, 2);
    memcpy(header + 8, &call, 8);
    return write_to_host(header, sizeof header) && write_to_host(payload, length);
}

/* The input was checked by the host: {"case": "...", "argument": "..."} with plain strings. */
static void input_member(limen_bytes input, const char *name, char *out, size_t size) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    out[0] = 0;
    const char *at = memmem(input.data, input.length, key, strlen(key));
    if (!at) return;
    at += strlen(key);
    const char *end = (const char *)input.data + input.length;
    while (at < end && *at == ' ') at++;
    if (at == end || *at++ != '"') return;
    size_t n = 0;
    while (at < end && *at != '"' && n + 1 < size) {
        if (*at == '\\' && at + 1 < end) at++;
        out[n++] = *at++;
    }
    out[n] = 0;
}

static void call(void *state, limen_call *call, const limen_request *request) {
    (void)state;
    static char argument[4096];
    current = call;
    seen_length = 0;
    input_member(request->input, "case", case_name, sizeof case_name);
    input_member(request->input, "argument", argument, sizeof argument);
    for (size_t i = 0; i < attacks_count; i++) {
        if (strcmp(attacks[i].name, case_name) != 0) continue;
        attacks[i].run(argument);
        if (current) answer();
        return;
    }
    current = NULL;
    host->fail(call, text_of("unknown_case"), text_of("there is no such case"), (limen_bytes){0});
}

static void cancel(void *state, limen_call *call) {
    (void)state;
    if (on_cancel && on_cancel(call)) {
        if (current == call) current = NULL;
        host->fail(call, text_of("cancelled"), text_of("cancelled"), (limen_bytes){0});
    }
}

/* The plugin's name is its file's: lib/libNAME.so, so that one library can be installed under many names. */
static void own_name(char *out, size_t size) {
    const char *slash = strrchr(own_library(), '/');
    snprintf(out, size, "%s", slash && strlen(slash) > 7 ? slash + 4 : "nameless");
    char *dot = strrchr(out, '.');
    if (dot) *dot = 0;
}

static const char *describe(void) {
    static char text[2048], name[256];
    own_name(name, sizeof name);
    snprintf(text, sizeof text,
             "{\"name\":\"%s\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"run\",\"description\":\"Runs one attack.\","
             "\"input_schema\":{\"type\":\"object\",\"properties\":{\"case\":{\"type\":\"string\"},\"argument\":{\"type\":\"string\"}},"
             "\"required\":[\"case\"],\"additionalProperties\":false},"
             "\"output_schema\":{\"type\":\"object\",\"properties\":{\"case\":{\"type\":\"string\"},\"saw\":{\"type\":\"object\","
             "\"additionalProperties\":{\"type\":\"string\"}}},\"required\":[\"saw\"],\"additionalProperties\":false}}]}", name);
    return text;
}

limen_plugin honest_plugin(const limen_host *given) {
    host = given;
    return (limen_plugin){.size = sizeof(limen_plugin), .abi = LIMEN_ABI_VERSION, .description = text_of(describe()),
                          .call = call, .cancel = cancel};
}

#ifndef HOSTILE_OWN_ENTRY
LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *given) {
    static limen_plugin plugin;
    plugin = honest_plugin(given);
    return &plugin;
}
#endif
