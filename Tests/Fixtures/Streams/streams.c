/* streams: reads replies piece by piece, as it should and as it should not; tells what became of it. */
#include "limen_plugin.h"

#include <stdio.h>
#include <string.h>

static const limen_host *host;

static limen_bytes text(const char *words) { return (limen_bytes){(const uint8_t *)words, strlen(words)}; }

struct head {
    volatile int done;
    unsigned status;
    char code[32];
};

struct piece {
    volatile int done;
    int is_last;
    size_t length;
    unsigned long sum;
    char code[32];
};

static void copy(char *to, size_t room, limen_bytes from)
{
    snprintf(to, room, "%.*s", (int)from.length, from.length ? (const char *)from.data : "");
}

static void keep_head(void *context, const limen_response *response)
{
    struct head *head = context;
    head->status = response->status;
    copy(head->code, sizeof head->code, response->error_code);
    head->done++;
}

static void keep_piece(void *context, const limen_piece *piece)
{
    struct piece *kept = context;
    kept->is_last = (int)piece->is_last;
    kept->length = piece->data.length;
    for (size_t at = 0; at < piece->data.length; at++)
        kept->sum += piece->data.data[at];
    copy(kept->code, sizeof kept->code, piece->error_code);
    kept->done++;
}

static uint32_t open_reply(limen_call *call, const char *url, struct head *head)
{
    char request[512];
    snprintf(request, sizeof request, "{\"url\":\"%s\"}", url);
    return host->fetch_open(call, text(request), text(""), keep_head, head);
}

static struct piece read_piece(limen_call *call, uint32_t reply)
{
    struct piece piece = {0};
    host->fetch_read(call, reply, keep_piece, &piece);
    host->pump(call, &piece.done);
    return piece;
}

/* All of it, with the greatest piece; `most` pieces at most. */
static int read_all(limen_call *call, const char *url, char *output, size_t room, unsigned most)
{
    struct head head = {0};
    uint32_t reply = open_reply(call, url, &head);
    host->pump(call, &head.done);
    size_t bytes = 0, greatest = 0;
    unsigned long sum = 0;
    unsigned pieces = 0;
    struct piece piece = {0};
    while (head.status && pieces < most) {
        piece = read_piece(call, reply);
        if (piece.is_last || piece.code[0])
            break;
        pieces++;
        bytes += piece.length;
        sum += piece.sum;
        greatest = piece.length > greatest ? piece.length : greatest;
    }
    struct piece after = read_piece(call, reply);
    host->fetch_close(call, reply);
    host->fetch_close(call, reply);
    struct piece closed = read_piece(call, reply);
    return snprintf(output, room, "{\"status\":%u,\"head\":\"%s\",\"bytes\":%zu,\"sum\":%lu,\"greatest\":%zu,\"last\":%d,\"code\":\"%s\",\"after\":\"%s\",\"closed\":\"%s\"}",
                    head.status, head.code, bytes, sum, greatest, piece.is_last, piece.code, after.code, closed.code);
}

/* Turns that are not its own: all are refused within the worker. */
static int misuse(limen_call *call, const char *url, char *output, size_t room)
{
    struct head head = {0};
    struct piece early = {0}, first = {0}, second = {0};
    uint32_t reply = open_reply(call, url, &head);
    host->fetch_read(call, reply, keep_piece, &early);
    host->pump(call, &head.done);
    host->pump(call, &early.done);
    host->fetch_read(call, reply, keep_piece, &first);
    host->fetch_read(call, reply, keep_piece, &second);
    host->pump(call, &second.done);
    host->fetch_close(call, reply);
    host->pump(call, &first.done);
    struct piece stranger = read_piece(call, reply + 1000);
    struct head closed = {0};
    uint32_t other = open_reply(call, url, &closed);
    host->fetch_close(call, other);
    host->pump(call, &closed.done);
    return snprintf(output, room, "{\"early\":\"%s\",\"second\":\"%s\",\"first\":%d,\"stranger\":\"%s\",\"closed\":\"%s\",\"times\":%d}", early.code, second.code,
                    first.done, stranger.code, closed.code, head.done + closed.done);
}

static void keep_written(void *context, const limen_written *written)
{
    struct piece *kept = context;
    copy(kept->code, sizeof kept->code, written->error_code);
    kept->done++;
}

static struct piece write_piece(limen_call *call, uint32_t reply, const uint8_t *bytes, size_t length)
{
    struct piece piece = {0};
    host->fetch_write(call, reply, (limen_bytes){bytes, length}, keep_written, &piece);
    host->pump(call, &piece.done);
    return piece;
}

/* Writes 4 MiB in pieces of 64 KiB, tries turns that are not its own on the way, and reads what the server says of it. */
static int upload(limen_call *call, const char *url, char *output, size_t room, uint64_t length)
{
    static uint8_t block[(64 << 10) + 1];
    char request[512];
    struct head head = {0};
    memset(block, 1, sizeof block);
    snprintf(request, sizeof request, "{\"url\":\"%s\",\"method\":\"PUT\"}", url);
    uint32_t reply = host->fetch_begin(call, text(request), length, keep_head, &head);
    unsigned pieces = 0;
    struct piece written = {0};
    while (pieces < 64 && !written.code[0]) {
        written = write_piece(call, reply, block, 64 << 10);
        pieces += !written.code[0];
    }
    struct piece empty = write_piece(call, reply, block, 0), large = write_piece(call, reply, block, sizeof block);
    struct piece stranger = write_piece(call, reply + 1000, block, 1);
    host->fetch_finish(call, reply);
    host->fetch_finish(call, reply);
    struct piece after = write_piece(call, reply, block, 1);
    host->pump(call, &head.done);
    struct piece said = head.status ? read_piece(call, reply) : (struct piece){0};
    host->fetch_close(call, reply);
    return snprintf(output, room, "{\"status\":%u,\"head\":\"%s\",\"pieces\":%u,\"said\":%zu,\"written\":\"%s\",\"empty\":\"%s\",\"large\":\"%s\",\"stranger\":\"%s\",\"after\":\"%s\"}",
                    head.status, head.code, pieces, said.length, written.code, empty.code, large.code, stranger.code, after.code);
}

/* Ten at once, of which eight may be open; none is read. */
static int many(limen_call *call, const char *url, char *output, size_t room)
{
    struct head heads[10] = {0};
    int opened = 0, refused = 0;
    for (int at = 0; at < 10; at++) {
        open_reply(call, url, &heads[at]);
        host->pump(call, &heads[at].done);
        opened += heads[at].status == 200;
        refused += strcmp(heads[at].code, "invalid") == 0;
    }
    return snprintf(output, room, "{\"opened\":%d,\"refused\":%d}", opened, refused);
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    char input[512] = "", output[512] = "{}", url[512] = "";
    copy(input, sizeof input, request->input);
    const char *begin = strstr(input, "https://");
    if (begin)
        snprintf(url, sizeof url, "%.*s", (int)strcspn(begin, "\""), begin);
    int length = 2;
    if (strstr(input, "\"all\""))
        length = read_all(call, url, output, sizeof output, 1000000);
    else if (strstr(input, "\"abort\""))
        length = read_all(call, url, output, sizeof output, 1);
    else if (strstr(input, "\"misuse\""))
        length = misuse(call, url, output, sizeof output);
    else if (strstr(input, "\"many\""))
        length = many(call, url, output, sizeof output);
    else if (strstr(input, "\"chunks\""))
        length = upload(call, url, output, sizeof output, LIMEN_LENGTH_UNKNOWN);
    else if (strstr(input, "\"upload\""))
        length = upload(call, url, output, sizeof output, 4 << 20);
    host->complete(call, (limen_bytes){(const uint8_t *)output, (size_t)length}, NULL, 0);
}

static limen_plugin plugin;

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    host = table;
    if (!LIMEN_HAS(table, fetch_finish))
        return NULL;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = text("{\"name\":\"streams\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"read\",\"description\":\"Reads a reply.\","
                              "\"input_schema\":{\"type\":\"object\"},\"output_schema\":{\"type\":\"object\"}}]}");
    plugin.call = call;
    return &plugin;
}
