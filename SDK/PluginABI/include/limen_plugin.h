/*
 * limen_plugin.h: the contract between Limen and a native plugin. ABI 1.
 *
 * This header is the only thing that crosses the boundary. A plugin is a shared library that exports one
 * symbol, `limen_plugin_entry`. It is loaded with dlopen(3) into a worker process of its own that is jailed
 * (namespaces, cgroups, Landlock, seccomp) before the library's first constructor runs.
 *
 * Versioning. Every struct starts with its size in bytes as the writer knew it. A reader uses a member only if
 * it lies within that size; new members are appended and never reordered. A plugin built against ABI 1 keeps
 * working with every host that says ABI 1.
 *
 * Text. Every payload is UTF-8 JSON (RFC 8259) given as pointer and length and is not NUL-terminated. Pointers that
 * the host passes in are valid until the function they were passed to returns, unless said otherwise. Pointers that
 * the plugin passes to the host are copied before the host's function returns.
 *
 * Threads. `call`, `cancel`, `stop` and every callback run on the worker's main thread. The functions of
 * `limen_host` may be called from any thread, except `pump`, which is for the main thread only.
 */
#ifndef LIMEN_PLUGIN_H
#define LIMEN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIMEN_ABI_VERSION 1u

/* Exports the entry symbol from a library that hides the others (-fvisibility=hidden). */
#define LIMEN_EXPORT __attribute__((visibility("default")))

/* Bytes given by pointer and length. `data` may be NULL when `length` is 0. */
typedef struct limen_bytes {
    const uint8_t *data;
    size_t length;
} limen_bytes;

/* A binary attachment beside a JSON payload. `name` and `content_type` are UTF-8. */
typedef struct limen_attachment {
    limen_bytes name;
    limen_bytes content_type;
    limen_bytes data;
} limen_attachment;

/* What an event reports. Its payload is a JSON value. */
typedef enum limen_event_kind {
    LIMEN_EVENT_PROGRESS = 1, /* {"fraction": 0...1, "message": "..."}; both optional */
    LIMEN_EVENT_TOKEN = 2,    /* {"text": "..."}: the next piece of a streamed text */
    LIMEN_EVENT_PARTIAL = 3   /* any JSON value: a part of the result that is ready */
} limen_event_kind;

typedef enum limen_log_level {
    LIMEN_LOG_DEBUG = 1,
    LIMEN_LOG_INFO = 2,
    LIMEN_LOG_WARNING = 3,
    LIMEN_LOG_ERROR = 4
} limen_log_level;

/* One call in flight. Opaque; valid until the plugin has completed or failed it. */
typedef struct limen_call limen_call;

/* What is being called. Valid until `call` returns: copy what is needed later. */
typedef struct limen_request {
    uint32_t size;                        /* sizeof(limen_request) as the host knows it */
    uint32_t attachment_count;
    limen_bytes tool;                     /* name as declared in the description */
    limen_bytes input;                    /* JSON, already valid against the tool's input_schema */
    limen_bytes request_id;               /* for logs and outward requests */
    const limen_attachment *attachments;

    /* Only where `size` reaches this far. The W3C trace context of the call, for outward requests; empty when there is none. */
    limen_bytes traceparent;
} limen_request;

/* The answer to a fetch. `status` is 0 if the request was not made; `error_code` then says why:
 * forbidden, timed_out, too_large, unreachable, cancelled or invalid. Valid until the callback returns. */
typedef struct limen_response {
    uint32_t size;
    uint32_t status;                      /* HTTP status, or 0 */
    limen_bytes headers;                  /* JSON object of lower-case names to strings */
    limen_bytes body;
    limen_bytes error_code;               /* empty when status is not 0 */
    limen_bytes error_message;
} limen_response;

/* The answer to a key-value request. `found` is 0 for an absent key. An empty value is not an absent one. */
typedef struct limen_kv_result {
    uint32_t size;
    uint32_t found;
    limen_bytes value;                    /* bytes as stored; for a list, a JSON array of keys */
    limen_bytes error_code;               /* empty on success */
    limen_bytes error_message;
} limen_kv_result;

/* One piece of a reply that is read piece by piece. Valid until the callback returns. */
typedef struct limen_piece {
    uint32_t size;
    uint32_t is_last;                     /* 1: the body has ended, and `data` is empty */
    limen_bytes data;                     /* at most 64 KiB; what comes decoded, and rid of secrets */
    limen_bytes error_code;               /* not empty: the reply broke off; timed_out, too_large, unreachable, cancelled or invalid */
    limen_bytes error_message;
} limen_piece;

/* What became of a piece of a request's body. Valid until the callback returns. */
typedef struct limen_written {
    uint32_t size;
    uint32_t reserved;                    /* 0 */
    limen_bytes error_code;               /* empty: the connection has taken it. `replied`: the server has answered and takes no more of the body, which is
                                           * no failure; else why the request came to nothing, as in limen_response */
    limen_bytes error_message;
} limen_written;

typedef void (*limen_fetch_callback)(void *context, const limen_response *response);
typedef void (*limen_piece_callback)(void *context, const limen_piece *piece);
typedef void (*limen_written_callback)(void *context, const limen_written *written);
typedef void (*limen_kv_callback)(void *context, const limen_kv_result *result);
typedef void (*limen_scheduled)(void *context);

typedef enum limen_kv_operation {
    LIMEN_KV_GET = 1,
    LIMEN_KV_SET = 2,
    LIMEN_KV_DELETE = 3,
    LIMEN_KV_LIST = 4                     /* `key` is a prefix */
} limen_kv_operation;

/* What the host offers. The table lives as long as the process. */
typedef struct limen_host {
    uint32_t size;                        /* sizeof(limen_host) as the host knows it */
    uint32_t abi;                         /* LIMEN_ABI_VERSION of the host */

    /* Ends the call with a result: JSON that is checked against the tool's output_schema, and attachments.
     * Exactly one of complete and fail must be called for each call, once; later ones are ignored. */
    void (*complete)(limen_call *call, limen_bytes output, const limen_attachment *attachments,
                     uint32_t attachment_count);

    /* Ends the call with an error. `code` is a short identifier of the plugin's own ([a-z0-9_]{1,64}), `message` one
     * sentence for the caller, `details` a JSON object or empty. The caller hears `validation_error` (HTTP 400) with
     * the reason `plugin_error` and code and details beside it, unless the code is one of these:
     *   not_found, conflict, rate_limited             the host's code of that name (404, 409, 429)
     *   failed, out_of_memory, cancelled              server_error (500): the plugin's own fault
     *   unreachable                                   server_error (500): what the caller asked for could not be reached
     *   internal, unavailable, timed_out              server_error (500), and counts against the tool's breaker */
    void (*fail)(limen_call *call, limen_bytes code, limen_bytes message, limen_bytes details);

    /* Reports something before the end. Events past the host's rate and size limits fail the call. */
    void (*emit)(limen_call *call, limen_event_kind kind, limen_bytes json);

    /* Writes to the host's structured log. `call` may be NULL. Rate-limited; excess is dropped and counted. */
    void (*log)(limen_call *call, limen_log_level level, limen_bytes message);

    /* 1 once the call was cancelled or its deadline has passed. A plugin that ignores it for 2 s is killed. */
    int (*cancelled)(limen_call *call);

    /* Nanoseconds on CLOCK_MONOTONIC at which the call ends. */
    uint64_t (*deadline)(limen_call *call);

    /* Asks the host for an HTTP request. `request` is JSON: {"url", "method"?, "headers"?, "max_response_bytes"?,
     * "timeout_ms"?, "follow_redirects"?}. The callback runs once, on the main thread. */
    void (*fetch)(limen_call *call, limen_bytes request, limen_bytes body, limen_fetch_callback callback,
                  void *context);

    /* Reads or writes the plugin's key-value state, which the host keeps apart for each user or tenant by the
     * manifest's isolation. The callback runs once, on the main thread. */
    void (*kv)(limen_call *call, limen_kv_operation operation, limen_bytes key, limen_bytes value,
               limen_kv_callback callback, void *context);

    /* Runs `work` on the main thread, soon. Any thread may ask. */
    void (*schedule)(limen_scheduled work, void *context);

    /* Main thread only: handles what the host sends until `*done` is not 0 or the call is over; for code that must
     * wait inside `call`. Returns 0 when done, -1 when the call was cancelled or its deadline passed. */
    int (*pump)(limen_call *call, const volatile int *done);

    /* The only writable directory, emptied between calls of different isolation keys: "/scratch". NUL-terminated. */
    const char *scratch_path;

    /* The operator's `config` object as JSON; "{}" when none. */
    limen_bytes config;

    /* Only where `size` reaches this far. 0 when the host has compared this bundle's description already, so that `limen_plugin.description`
     * may stay empty: for plugins that take time to make it. */
    uint32_t wants_description;

    /* The three below: only where `size` reaches this far (LIMEN_HAS of the table and the member). A reply read piece by piece: nothing of its body is
     * fetched from the server before it is asked for, so a slow plugin slows the server and no memory fills.
     *
     * fetch_open is as `fetch`, but its callback runs when the reply's head is there, with an empty body; status 0 is a refusal as there. Returns the
     * reply's number, which is not 0 unless the call is over. A call may have 8 replies open at once; all limits of `fetch` hold for each. */
    uint32_t (*fetch_open)(limen_call *call, limen_bytes request, limen_bytes body, limen_fetch_callback callback,
                           void *context);

    /* Asks for the next piece of an open reply; the callback runs once, on the main thread. One piece is asked for at a time. After the last piece,
     * or an error, the reply is closed. */
    void (*fetch_read)(limen_call *call, uint32_t reply, limen_piece_callback callback, void *context);

    /* Ends a reply before its end: the connection to the server is closed at once, and a callback that is still to come runs with `cancelled`. A reply
     * that is closed already stays so. The end of the call closes all. */
    void (*fetch_close)(limen_call *call, uint32_t reply);

    /* The three below: only where `size` reaches this far. A request whose body is written piece by piece, as fast as the server takes it and no faster.
     *
     * fetch_begin is as fetch_open, with the body to come by fetch_write. `body_bytes` is how long it will be, which is then its Content-Length and must
     * be so, or LIMEN_LENGTH_UNKNOWN for a body in chunks. At most 64 MiB. Such a request follows no redirects. It counts among the 8 open replies; its
     * callback runs when the reply's head is there, which may be before all of the body is written; fetch_close ends both. */
    uint32_t (*fetch_begin)(limen_call *call, limen_bytes request, uint64_t body_bytes, limen_fetch_callback callback, void *context);

    /* Writes a piece of the body, at least a byte and at most 64 KiB. The callback runs once, on the main thread, when the connection to the server has
     * taken it: wait for it before the next piece. After an error no more is taken. */
    void (*fetch_write)(limen_call *call, uint32_t reply, limen_bytes data, limen_written_callback callback, void *context);

    /* The body is complete; also while its last piece is on its way. */
    void (*fetch_finish)(limen_call *call, uint32_t reply);
} limen_host;

#define LIMEN_LENGTH_UNKNOWN UINT64_MAX

/* Whether a table of the host's, as its `size` says, has a member. */
#define LIMEN_HAS(table, member) \
    ((table)->size >= offsetof(limen_host, member) + sizeof(((const limen_host *)0)->member))

/* What the plugin offers. The struct must live as long as the process. */
typedef struct limen_plugin {
    uint32_t size;                        /* sizeof(limen_plugin) as the plugin knew it */
    uint32_t abi;                         /* LIMEN_ABI_VERSION the plugin was built against */

    /* JSON: {"name", "version", "tools": [{"name", "description", "input_schema", "output_schema", ...}]}. The tool
     * names and schemas must equal the manifest's, or the plugin is refused. */
    limen_bytes description;

    void *state;                          /* passed back in the functions below */

    /* Handles one call. May return before the call has ended; then it ends on any thread. */
    void (*call)(void *state, limen_call *call, const limen_request *request);

    /* Optional. The call should end soon, with fail("cancelled"). */
    void (*cancel)(void *state, limen_call *call);

    /* Optional. The worker is about to end; no call is in flight. 100 ms are given. */
    void (*stop)(void *state);
} limen_plugin;

/* The one symbol that a plugin exports. Returns NULL if it cannot serve; `host->log` says why. */
typedef const limen_plugin *(*limen_plugin_entry_function)(const limen_host *host);
#define LIMEN_ENTRY_SYMBOL "limen_plugin_entry"
LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *host);

#ifdef __cplusplus
}
#endif
#endif
