/* Protocol: bytes on the worker's own socket, answers that are none, and claims to be someone else. */
#include "hostile.h"
#include <sys/socket.h>

static const char small[] = "{\"saw\":{\"forged\":\"yes\"}}";

/* The id of the call in flight: the opaque call is the id itself, as anyone can find out. */
static uint64_t call_id(void) { return (uint64_t)(uintptr_t)current; }

static uint32_t result_payload(uint8_t *out, const char *json) {
    uint32_t length = (uint32_t)strlen(json);
    memcpy(out, &length, 4);
    memset(out + 4, 0, 4);
    memcpy(out + 8, json, length);
    return length + 8;
}
static void forge_result(uint64_t call, const char *json) {
    uint8_t payload[4096];
    write_frame(FRAME_RESULT, 0, 0, call, payload, result_payload(payload, json));
}
static void header_only(uint32_t length, uint8_t type, uint64_t call) {
    uint8_t header[16] = {0};
    memcpy(header, &length, 4);
    header[4] = type;
    memcpy(header + 8, &call, 8);
    write_to_host(header, sizeof header);
}

/* -- frames that no worker sends -- */

static void length_4g(const char *argument) { (void)argument; header_only(0xffffffffu, FRAME_RESULT, call_id()); sleep_forever(); }
static void length_over_limit(const char *argument) { (void)argument; header_only(64u << 20, FRAME_RESULT, call_id()); sleep_forever(); }
static void length_zero(const char *argument) { (void)argument; header_only(0, FRAME_RESULT, call_id()); sleep_forever(); }
static void half_header(const char *argument) { (void)argument; write_to_host("\x20\0\0\0\x84", 5); sleep_forever(); }
static void half_payload(const char *argument) {
    (void)argument;
    header_only(1000, FRAME_RESULT, call_id());
    write_to_host("{\"saw\":", 7);
    sleep_forever();
}
static void slow_payload(const char *argument) {
    (void)argument;
    header_only(100000, FRAME_RESULT, call_id());
    for (;;) write_to_host("x", 1), sleep_milliseconds(100);
}
static void frame_of_type(const char *argument) { write_frame((uint8_t)strtol(argument, NULL, 0), 0, 0, call_id(), small, sizeof small - 1); sleep_forever(); }
static void flags_set(const char *argument) { (void)argument; write_frame(FRAME_RESULT, 1, 0, call_id(), small, sizeof small - 1); sleep_forever(); }
static void reserved_set(const char *argument) { (void)argument; write_frame(FRAME_RESULT, 0, 0xffff, call_id(), small, sizeof small - 1); sleep_forever(); }
static void garbage(const char *argument) {
    (void)argument;
    static uint8_t noise[65536];
    uint64_t x = 88172645463325252ull;
    for (size_t i = 0; i < sizeof noise; i++) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; noise[i] = (uint8_t)x; }
    write_to_host(noise, sizeof noise);
    sleep_forever();
}
static void http_on_socket(const char *argument) { (void)argument; write_to_host("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27); sleep_forever(); }
static void zeroes(const char *argument) { (void)argument; static uint8_t none[4096]; write_to_host(none, sizeof none); sleep_forever(); }

/* -- results for calls that are not ours -- */

static void result_unknown_call(const char *argument) { (void)argument; forge_result(0x7777777777ull, small); sleep_forever(); }
static void result_call_zero(const char *argument) { (void)argument; forge_result(0, small); sleep_forever(); }
static void two_results(const char *argument) {
    (void)argument;
    uint64_t id = call_id();
    forge_result(id, "{\"saw\":{\"which\":\"first\"}}");
    forge_result(id, "{\"saw\":{\"which\":\"second\"}}");
}
static void complete_twice(const char *argument) {
    (void)argument;
    limen_call *call = current;
    saw_text("which", "first");
    answer();
    host->complete(call, text_of("{\"saw\":{\"which\":\"second\"}}"), NULL, 0);
    host->fail(call, text_of("late"), text_of("late"), (limen_bytes){0});
    host->emit(call, LIMEN_EVENT_PROGRESS, text_of("{}"));
}
static void complete_then_forge(const char *argument) {
    (void)argument;
    uint64_t id = call_id();
    saw_text("which", "first");
    answer();
    forge_result(id, "{\"saw\":{\"which\":\"second\"}}");
}
static limen_call *race_call;
static void *race_complete(void *text) {
    host->complete(race_call, text_of(text), NULL, 0);
    return NULL;
}
static void complete_race(const char *argument) {
    (void)argument;
    static char *texts[] = {"{\"saw\":{\"which\":\"one\"}}", "{\"saw\":{\"which\":\"one\"}}", "{\"saw\":{\"which\":\"one\"}}", "{\"saw\":{\"which\":\"one\"}}"};
    pthread_t threads[4];
    int made = 0, error = 0;
    race_call = current;
    current = NULL;
    while (made < 4 && (error = pthread_create(&threads[made], NULL, race_complete, texts[made])) == 0) made++;
    for (int i = 0; i < made; i++) pthread_join(threads[i], NULL);
    if (made == 0) {
        current = race_call;
        saw_errno("thread", error);
    }
}
static void wrong_call_pointer(const char *argument) {
    (void)argument;
    host->complete((limen_call *)0x4141414141414140, text_of(small), NULL, 0);
}
static void null_call_pointer(const char *argument) {
    (void)argument;
    host->complete(NULL, text_of(small), NULL, 0);
    host->fail(NULL, text_of("x"), text_of("x"), (limen_bytes){0});
    host->emit(NULL, LIMEN_EVENT_TOKEN, text_of("{}"));
    saw_text("null", "survived");
}
static void event_for_other_call(const char *argument) {
    (void)argument;
    write_frame(FRAME_EVENT, 0, 0, call_id() + 1, "\1{\"fraction\":1}", 15);
    sleep_forever();
}

/* -- results after a cancel: the runner cancels, the plugin answers late -- */

static bool answer_late(limen_call *call) {
    (void)call;
    return false;
}
static void result_after_cancel(const char *argument) {
    (void)argument;
    on_cancel = answer_late;
    int never = 0;
    host->pump(current, &never);
    uint64_t id = call_id();
    saw_text("late", "yes");
    answer();
    forge_result(id, "{\"saw\":{\"late\":\"forged\"}}");
}

/* -- speaking for the worker or for someone else -- */

static void second_jailed(const char *argument) {
    (void)argument;
    static const char posture[] = "{\"rung\":\"root\",\"landlock\":99,\"seccomp\":true,\"uid\":0}";
    write_frame(FRAME_JAILED, 0, 0, 0, posture, sizeof posture - 1);
    sleep_forever();
}
static void second_ready(const char *argument) {
    (void)argument;
    static const char ready[] = "{\"abi\":1,\"description\":{\"name\":\"neighbour\",\"version\":\"1.0.0\",\"tools\":[]}}";
    write_frame(FRAME_READY, 0, 0, 0, ready, sizeof ready - 1);
    sleep_forever();
}
static void identity_in_output(const char *argument) {
    (void)argument;
    static const char output[] = "{\"saw\":{},\"plugin\":\"neighbour\",\"user\":\"admin\",\"tenant\":\"other\",\"path\":\"/etc\"}";
    answer_raw(output, sizeof output - 1);
}

/* -- asking for too much -- */

static void fetched(void *context, const limen_response *response) {
    *(volatile int *)context = 1;
    saw_text("status", "%u", response->status);
    saw_text("error", "%.*s", (int)response->error_code.length, response->error_code.data);
}
static void fetch_refused(const char *argument) {
    volatile int done = 0;
    char request[1024];
    snprintf(request, sizeof request, "{\"url\":\"%s\"}", *argument ? argument : "http://127.0.0.1:22/");
    host->fetch(current, text_of(request), (limen_bytes){0}, fetched, (void *)&done);
    host->pump(current, &done);
}
static void fetch_malformed(const char *argument) {
    (void)argument;
    static const char *const requests[] = {"", "nonsense", "[]", "{}", "{\"url\":7}", "{\"url\":\"file:///etc/passwd\"}", "{\"url\":\"http://x\\r\\ny/\"}"};
    int answered = 0;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        volatile int done = 0;
        host->fetch(current, text_of(requests[i]), (limen_bytes){0}, fetched, (void *)&done);
        if (host->pump(current, &done) == 0) answered++;
    }
    saw_text("answered", "%d", answered);
}
static void ignore_response(void *context, const limen_response *response) { (void)context, (void)response; }
static void fetch_flood(const char *argument) {
    (void)argument;
    for (int i = 0; i < 100000; i++) host->fetch(current, text_of("{\"url\":\"http://127.0.0.1/\"}"), (limen_bytes){0}, ignore_response, NULL);
    saw_text("asked", "100000");
}
static void kv_answered(void *context, const limen_kv_result *result) {
    *(volatile int *)context = 1;
    saw_text("found", "%u", result->found);
    saw_text("error", "%.*s", (int)result->error_code.length, result->error_code.data);
    saw_text("value", "%.*s", (int)(result->value.length > 200 ? 200 : result->value.length), result->value.data);
}
static void kv(limen_kv_operation operation, const char *key, limen_bytes value) {
    volatile int done = 0;
    host->kv(current, operation, text_of(key), value, kv_answered, (void *)&done);
    host->pump(current, &done);
}
static void kv_set(const char *argument) { kv(LIMEN_KV_SET, "secret", text_of(argument)); }
static void kv_get(const char *argument) { kv(LIMEN_KV_GET, *argument ? argument : "secret", (limen_bytes){0}); }
static void kv_list(const char *argument) { kv(LIMEN_KV_LIST, argument, (limen_bytes){0}); }
static void kv_huge_value(const char *argument) {
    (void)argument;
    size_t size = 16 << 20;
    char *value = calloc(1, size);
    kv(LIMEN_KV_SET, "huge", (limen_bytes){(uint8_t *)value, size});
}
static void kv_huge_key(const char *argument) {
    (void)argument;
    char *key = malloc(100001);
    memset(key, 'k', 100000);
    key[100000] = 0;
    kv(LIMEN_KV_SET, key, text_of("x"));
}
static void kv_bad_operation(const char *argument) { (void)argument; kv((limen_kv_operation)99, "x", (limen_bytes){0}); }
static void ignore_kv(void *context, const limen_kv_result *result) { (void)context, (void)result; }
static void kv_flood(const char *argument) {
    (void)argument;
    char key[32];
    static char value[64 << 10];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        host->kv(current, LIMEN_KV_SET, text_of(key), (limen_bytes){(uint8_t *)value, sizeof value}, ignore_kv, NULL);
    }
    saw_text("asked", "20000");
}

/* -- output that is not what was promised -- */

static void output_text(const char *argument) {
    static const struct { const char *name, *text; size_t length; } outputs[] = {
#define OUTPUT(name, text) {name, text, sizeof text - 1}
        OUTPUT("empty", ""), OUTPUT("not-json", "hello"), OUTPUT("two-values", "{\"saw\":{}}{\"saw\":{}}"), OUTPUT("trailing", "{\"saw\":{}}\0x"),
        OUTPUT("bom", "\xef\xbb\xbf{\"saw\":{}}"), OUTPUT("invalid-utf8", "{\"saw\":{\"a\":\"\xff\xfe\"}}"),
        OUTPUT("overlong-utf8", "{\"saw\":{\"a\":\"\xc0\xaf\"}}"), OUTPUT("surrogate-utf8", "{\"saw\":{\"a\":\"\xed\xa0\x80\"}}"),
        OUTPUT("lone-surrogate", "{\"saw\":{\"a\":\"\\ud800\"}}"), OUTPUT("duplicate-keys", "{\"saw\":{},\"saw\":{\"a\":\"b\"}}"),
        OUTPUT("duplicate-escaped", "{\"saw\":{},\"\\u0073aw\":{\"a\":\"b\"}}"), OUTPUT("control-character", "{\"saw\":{\"a\":\"\1\"}}"),
        OUTPUT("nan", "{\"saw\":NaN}"), OUTPUT("wrong-type", "{\"saw\":[]}"), OUTPUT("missing-member", "{}"),
        OUTPUT("extra-member", "{\"saw\":{},\"more\":1}"), OUTPUT("wrong-nested", "{\"saw\":{\"a\":1}}"), OUTPUT("null", "null"),
        OUTPUT("single-quotes", "{'saw':{}}"), OUTPUT("unterminated", "{\"saw\":{\"a\":\"b"),
    };
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++)
        if (strcmp(outputs[i].name, argument) == 0) answer_raw(outputs[i].text, outputs[i].length);
}
static void output_deep(const char *argument) {
    int depth = atoi(argument);
    char *text = malloc((size_t)depth * 2 + 32);
    int head = sprintf(text, "{\"saw\":");
    memset(text + head, '[', (size_t)depth);
    memset(text + head + depth, ']', (size_t)depth);
    memcpy(text + head + 2 * depth, "}", 1);
    answer_raw(text, (size_t)(head + 2 * depth + 1));
}
static void output_number(const char *argument) {
    int digits = atoi(argument);
    char *text = malloc((size_t)digits + 32);
    int head = sprintf(text, "{\"saw\":");
    memset(text + head, '9', (size_t)digits);
    memcpy(text + head + digits, "}", 1);
    answer_raw(text, (size_t)(head + digits + 1));
}
static void output_many_keys(const char *argument) {
    (void)argument;
    size_t size = 1000000, at = 0;
    char *text = malloc(size + 64);
    at += (size_t)sprintf(text, "{\"saw\":{");
    for (int i = 0; at + 32 < size; i++) at += (size_t)sprintf(text + at, "%s\"k%d\":\"\"", i ? "," : "", i);
    at += (size_t)sprintf(text + at, "}}");
    answer_raw(text, at);
}

/* The bytes change while they are being handed over: what was checked must be what is used. */
static char shared_output[64];
static volatile int flipping;
static void *flip(void *unused) {
    while (flipping) {
        memcpy(shared_output, "{\"saw\":7777777777777777777777}", 30);
        memcpy(shared_output, "{\"saw\":{\"which\":\"promised\"}} ", 29);
    }
    return unused;
}
static void output_flips(const char *argument) {
    (void)argument;
    pthread_t thread;
    memcpy(shared_output, "{\"saw\":{\"which\":\"promised\"}}  ", 30);
    flipping = 1;
    pthread_create(&thread, NULL, flip, NULL);
    sleep_milliseconds(5);
    answer_raw(shared_output, 30);
    flipping = 0;
    pthread_join(thread, NULL);
}

static void attach(limen_attachment *list, uint32_t count) {
    limen_call *call = current;
    current = NULL;
    host->complete(call, text_of("{\"saw\":{\"attached\":\"yes\"}}"), list, count);
}
static void attachment_count(const char *argument) {
    static limen_attachment many[4096];
    for (int i = 0; i < 4096; i++) many[i] = (limen_attachment){text_of("n"), text_of("text/plain"), text_of("x")};
    attach(many, (uint32_t)strtoul(argument, NULL, 0));
}
static void attachment_length(const char *argument) {
    (void)argument;
    limen_attachment one = {text_of("n"), text_of("text/plain"), {(const uint8_t *)shared_output, (size_t)1 << 40}};
    attach(&one, 1);
}
static void attachment_name(const char *argument) {
    (void)argument;
    limen_attachment one = {{(const uint8_t *)"../../etc/\xff\0x", 13}, text_of("text/html\r\nSet-Cookie: a=b"), text_of("x")};
    attach(&one, 1);
}
static void forged_attachments(const char *argument) {
    (void)argument;
    uint8_t payload[64] = {2, 0, 0, 0, 0xff, 0xff, 0, 0, '{', '}', 0xff, 0xff, 0xff, 0xff};
    write_frame(FRAME_RESULT, 0, 0, call_id(), payload, sizeof payload);
    sleep_forever();
}

static void failure_shapes(const char *argument) {
    limen_call *call = current;
    current = NULL;
    size_t size = 8 << 20;
    char *huge = malloc(size);
    memset(huge, 'm', size);
    if (strcmp(argument, "huge") == 0)
        host->fail(call, text_of("huge"), (limen_bytes){(uint8_t *)huge, size}, (limen_bytes){0});
    else if (strcmp(argument, "code") == 0)
        host->fail(call, text_of("Not A Code\r\n<script>"), text_of("line\r\nSet-Cookie: a=b"), (limen_bytes){0});
    else if (strcmp(argument, "details") == 0)
        host->fail(call, text_of("details"), text_of("details are no JSON"), text_of("{{{{"));
    else if (strcmp(argument, "reserved") == 0)
        host->fail(call, text_of("unauthorized"), text_of("claims a code of the host's"), text_of("{\"reason\":\"budget\"}"));
    else
        host->fail(call, (limen_bytes){(const uint8_t *)"\xff", 1}, (limen_bytes){(const uint8_t *)"\xff\xfe", 2}, (limen_bytes){0});
    free(huge);
}

static void emit_shapes(const char *argument) {
    if (strcmp(argument, "kind") == 0) host->emit(current, (limen_event_kind)200, text_of("{}"));
    else if (strcmp(argument, "json") == 0) host->emit(current, LIMEN_EVENT_PROGRESS, text_of("{not json"));
    else if (strcmp(argument, "duplicate") == 0) host->emit(current, LIMEN_EVENT_TOKEN, text_of("{\"text\":\"a\",\"text\":\"b\"}"));
    else if (strcmp(argument, "sse") == 0) host->emit(current, LIMEN_EVENT_TOKEN, text_of("{\"text\":\"\\n\\nevent: error\\ndata: forged\\n\\n\"}"));
    saw_text("emitted", "%s", argument);
}

/* -- the socket itself -- */

static void shutdown_socket(const char *argument) { (void)argument; saw("shutdown", shutdown(worker_socket(), SHUT_RDWR)); }
static void never_read(const char *argument) {
    (void)argument;
    for (int i = 0; i < 100000; i++) host->kv(current, LIMEN_KV_LIST, text_of(""), (limen_bytes){0}, ignore_kv, NULL);
    sleep_forever();
}
static void replace_socket(const char *argument) {
    (void)argument;
    int fd = worker_socket(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
    saw("dup2 over the socket", dup2(null, fd));
}
static void read_host_frames(const char *argument) {
    (void)argument;
    char bytes[256];
    int fd = worker_socket();
    saw("peek", recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT));
    fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND);
    saw_text("read", "%s", read(fd, bytes, sizeof bytes) < 0 ? strerrorname_np(errno) : "bytes");
}

ATTACKS({"length-4g", length_4g}, {"length-over-limit", length_over_limit}, {"length-zero", length_zero}, {"half-header", half_header},
        {"half-payload", half_payload}, {"slow-payload", slow_payload}, {"frame-of-type", frame_of_type}, {"flags-set", flags_set},
        {"reserved-set", reserved_set}, {"garbage", garbage}, {"http-on-socket", http_on_socket}, {"zeroes", zeroes},
        {"result-unknown-call", result_unknown_call}, {"result-call-zero", result_call_zero}, {"two-results", two_results},
        {"complete-twice", complete_twice}, {"complete-then-forge", complete_then_forge}, {"complete-race", complete_race},
        {"wrong-call-pointer", wrong_call_pointer}, {"null-call-pointer", null_call_pointer}, {"event-for-other-call", event_for_other_call},
        {"result-after-cancel", result_after_cancel}, {"second-jailed", second_jailed}, {"second-ready", second_ready},
        {"identity-in-output", identity_in_output}, {"fetch-refused", fetch_refused}, {"fetch-malformed", fetch_malformed},
        {"fetch-flood", fetch_flood}, {"kv-set", kv_set}, {"kv-get", kv_get}, {"kv-list", kv_list}, {"kv-huge-value", kv_huge_value},
        {"kv-huge-key", kv_huge_key}, {"kv-bad-operation", kv_bad_operation}, {"kv-flood", kv_flood}, {"output-text", output_text},
        {"output-deep", output_deep}, {"output-number", output_number}, {"output-many-keys", output_many_keys}, {"output-flips", output_flips},
        {"attachment-count", attachment_count}, {"attachment-length", attachment_length}, {"attachment-name", attachment_name},
        {"forged-attachments", forged_attachments}, {"failure-shapes", failure_shapes}, {"emit-shapes", emit_shapes},
        {"shutdown-socket", shutdown_socket}, {"never-read", never_read}, {"replace-socket", replace_socket},
        {"read-host-frames", read_host_frames});
