// One process of limen-load: one epoll loop over its share of the connections.
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 1024, TEXT_MAX = 70000, ABORT_TEXTS = 6, SETTLE_MS = 60000 };

enum state { GONE, CONNECTING, SENDING, WAITING_HEAD, WAITING_BODY, WAITING_FRAME, OPEN, DRIPPING };

struct connection {
    int fd;
    enum state state;
    const char *out;
    size_t out_length, sent;
    char head[HEAD_MAX];
    size_t head_length;
    int status;
    bool is_chunked, has_ended;
    char tail[5];
    uint64_t body_left;
    uint64_t begun_us;
    uint64_t next_drip_ms;
    int drops;            // abort: how it ends
};

static const struct options *options;
static struct connection *connections;
static struct tally tally;
static int epoll_fd, share, first_address, opened, on_way, alive;
static uint64_t end_us;
static bool is_over;
static char request[512], frame[TEXT_MAX];
static size_t request_length, frame_length, echo_length;
static char *abort_texts[ABORT_TEXTS];
static unsigned random_state;

static unsigned next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static void watch(struct connection *c, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data = {.ptr = c}};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0) { perror("epoll_ctl"); _exit(1); }
}

static void drop(struct connection *c, bool resets) {
    if (resets) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(c->fd);
    c->state = GONE;
    alive--;
}

// A connection that ends before its answer.
static void fail(struct connection *c) {
    if (options->mode == MODE_DRIP && c->state == DRIPPING) {
        uint64_t ms = (now_us() - c->begun_us) / 1000;
        if (tally.first_ms == 0 || ms < tally.first_ms) tally.first_ms = ms > 0 ? ms : 1;
        if (ms > tally.last_ms) tally.last_ms = ms;
        tally.answered++;
    } else if (c->state == OPEN) {
        // Settled long ago; it is no longer open, and that is what will be told.
    } else {
        if (options->mode != MODE_ABORT) tally.failed++; else tally.exchanges++;
        on_way--;
    }
    drop(c, false);
}

static void begin_exchange(struct connection *c) {
    c->head_length = 0;
    c->status = 0;
    c->is_chunked = false;
    c->body_left = 0;
    c->sent = 0;
    memset(c->tail, 0, sizeof c->tail);
    c->begun_us = now_us();
    c->state = SENDING;
}

// Sends what is left; the end of it is the beginning of waiting.
static void send_rest(struct connection *c) {
    while (c->sent < c->out_length) {
        ssize_t count = send(c->fd, c->out + c->sent, c->out_length - c->sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) return watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        if (count < 0 && errno != EINTR) return fail(c);
        if (count > 0) c->sent += (size_t)count;
    }
    if (options->mode == MODE_ABORT && c->drops < 2) {
        tally.exchanges++;
        on_way--;
        return drop(c, c->drops == 1);
    }
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
    c->state = c->out == frame ? WAITING_FRAME : WAITING_HEAD;
    if (c->state == WAITING_FRAME) c->body_left = echo_length;
}

static void send_frame(struct connection *c) {
    c->out = frame;
    c->out_length = frame_length;
    begin_exchange(c);
    send_rest(c);
}

// The answer is whole.
static void settle(struct connection *c) {
    uint64_t us = now_us() - c->begun_us;
    bool is_good = c->status == 101 || (c->status >= 200 && c->status < 300);
    bool is_first = options->mode == MODE_HOLD || c->out != frame || c->state != WAITING_FRAME;
    if (c->state == WAITING_FRAME) is_good = true;
    if (!is_good && options->mode != MODE_ABORT) {
        if (c->status == 429 || c->status == 503) tally.refused++; else tally.other++;
        on_way--;
        return drop(c, false);
    }
    if (options->mode == MODE_HOLD) {
        tally.answered++;
        tally_latency(&tally, us);
        on_way--;
        c->state = OPEN;
        return;
    }
    if (options->mode == MODE_ABORT) {
        tally.exchanges++;
        on_way--;
        return drop(c, true);
    }
    if (options->mode == MODE_ECHO && is_first) {
        tally.answered++;
        return send_frame(c);
    }
    tally.exchanges++;
    if (options->mode == MODE_GET) tally.answered++;
    tally_latency(&tally, us);
    if (is_over || now_us() >= end_us) {
        on_way--;
        return drop(c, false);
    }
    if (options->mode == MODE_ECHO) return send_frame(c);
    begin_exchange(c);
    send_rest(c);
}

static void take_body(struct connection *c, const char *bytes, size_t count) {
    tally.bytes += count;
    if (options->mode == MODE_ABORT || (options->stream && count > 0)) return settle(c);
    if (c->is_chunked) {
        for (size_t i = count > 5 ? count - 5 : 0; i < count; i++) {
            memmove(c->tail, c->tail + 1, 4);
            c->tail[4] = bytes[i];
        }
        if (memcmp(c->tail, "0\r\n\r\n", 5) == 0) settle(c);
        return;
    }
    c->body_left -= count < c->body_left ? count : c->body_left;
    if (c->body_left == 0) settle(c);
}

static void take_head(struct connection *c, const char *bytes, size_t count) {
    size_t room = HEAD_MAX - 1 - c->head_length, copied = count < room ? count : room;
    size_t before = c->head_length;
    memcpy(c->head + c->head_length, bytes, copied);
    c->head_length += copied;
    c->head[c->head_length] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (copied < count) fail(c);
        return;
    }
    size_t head_end = (size_t)(end - c->head) + 4;
    c->status = strlen(c->head) > 12 ? atoi(c->head + 9) : 0;
    end[2] = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->is_chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL;
    c->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
    c->state = WAITING_BODY;
    size_t taken = head_end - before;
    if (c->status == 101 || (!c->is_chunked && c->body_left == 0)) return settle(c);
    if (count > taken) take_body(c, bytes + taken, count - taken);
}

static void readable(struct connection *c) {
    static char buffer[1 << 16];
    ssize_t count = recv(c->fd, buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return fail(c);
    switch (c->state) {
    case WAITING_HEAD: return take_head(c, buffer, (size_t)count);
    case WAITING_BODY: return take_body(c, buffer, (size_t)count);
    // A server that refuses at once does not wait for the request.
    case SENDING: c->state = WAITING_HEAD; return take_head(c, buffer, (size_t)count);
    case WAITING_FRAME:
        tally.bytes += (uint64_t)count;
        c->body_left -= (uint64_t)count < c->body_left ? (uint64_t)count : c->body_left;
        if (c->body_left == 0) settle(c);
        return;
    default: tally.bytes += (uint64_t)count;
    }
}

static void connected(struct connection *c) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) return fail(c);
    if (options->mode == MODE_DRIP) {
        on_way--;
        c->state = DRIPPING;
        c->begun_us = now_us();
        c->next_drip_ms = c->begun_us / 1000 + next_random() % (unsigned)(options->every_ms + 1);
        return watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
    begin_exchange(c);
    send_rest(c);
}

static void open_one(struct connection *c, int number) {
    memset(c, 0, sizeof *c);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) { perror("socket"); _exit(1); }
    alive++;
    on_way++;
    c->state = CONNECTING;
    c->out = request;
    c->out_length = request_length;
    if (options->mode == MODE_ABORT) {
        c->out = abort_texts[next_random() % ABORT_TEXTS];
        size_t whole = strlen(c->out);
        c->drops = (int)(next_random() % 4);
        c->out_length = c->drops < 2 ? next_random() % (whole + 1) : whole;
    }
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    int place = (first_address + number) % options->addresses;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010001u + (unsigned)place)};
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool failed = options->addresses > 1 && bind(c->fd, (struct sockaddr *)&local, sizeof local) != 0;
    failed = failed || (connect(c->fd, (struct sockaddr *)&remote, sizeof remote) != 0 && errno != EINPROGRESS);
    watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
    if (failed) fail(c);
}

static void drip(void) {
    uint64_t now = now_us() / 1000;
    for (int i = 0; i < opened; i++) {
        struct connection *c = &connections[i];
        if (c->state != DRIPPING || now < c->next_drip_ms) continue;
        c->next_drip_ms = now + (uint64_t)options->every_ms;
        char byte = c->sent < request_length - 2 ? request[c->sent] : 'a';
        c->sent++;
        if (send(c->fd, &byte, 1, MSG_NOSIGNAL) < 0 && errno != EAGAIN) fail(c);
    }
}

static void handle(struct connection *c, uint32_t events) {
    if (c->state == GONE) return;
    if (c->state == CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) return connected(c);
    if (events & EPOLLIN) return readable(c);
    if (events & (EPOLLERR | EPOLLHUP)) return fail(c);
    if (c->state == SENDING && events & EPOLLOUT) send_rest(c);
}

// The connection whose number it is, or one that is over.
static struct connection *place_for(int number) {
    if (options->mode != MODE_ABORT) return &connections[number];
    for (int i = 0; i < options->window; i++) if (connections[i].state == GONE) return &connections[i];
    return NULL;
}

static bool is_settled(void) { return opened == share && on_way == 0; }

static bool is_done(void) {
    switch (options->mode) {
    case MODE_HOLD: return false;
    case MODE_DRIP: return is_settled() && alive == 0;
    default: return is_settled();
    }
}

static void prepare(int index) {
    request_length = (size_t)snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: load.test\r\n%s\r\n", options->path,
        options->websocket || options->mode == MODE_ECHO
            ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bGltZW4gbG9hZCB0ZXN0IQ==\r\n" : "");
    // A binary message, masked with a key of zeros.
    size_t payload = (size_t)options->payload;
    frame[0] = (char)0x82;
    size_t head = 2;
    if (payload < 126) frame[1] = (char)(0x80 | payload);
    else { frame[1] = (char)(0x80 | 126); frame[2] = (char)(payload >> 8); frame[3] = (char)payload; head = 4; }
    memset(frame + head, 0, 4);
    memset(frame + head + 4, 'x', payload);
    frame_length = head + 4 + payload;
    echo_length = head + payload;
    static char texts[ABORT_TEXTS][600];
    const char *const begin[ABORT_TEXTS] = {
        "GET %s HTTP/1.1\r\nHost: load.test\r\n\r\n", "GET %s?ms=20 HTTP/1.1\r\nHost: load.test\r\n\r\nGET %s HTTP/1.1\r\nHost: load.test\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: load.test\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "POST /upload HTTP/1.1\r\nHost: load.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n",
        "GET /ticks HTTP/1.1\r\nHost: load.test\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: load.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: bGltZW4gbG9hZCB0ZXN0IQ==\r\n\r\n"};
    for (int i = 0; i < ABORT_TEXTS; i++) {
        snprintf(texts[i], sizeof texts[i], begin[i], options->path, options->path);
        abort_texts[i] = texts[i];
    }
    random_state = (options->seed * 2654435761u + (unsigned)index * 40503u) | 1;
}

static void write_tally(int report) {
    for (size_t sent = 0; sent < sizeof tally;) {
        ssize_t count = write(report, (char *)&tally + sent, sizeof tally - sent);
        if (count < 0 && errno != EINTR) _exit(1);
        if (count > 0) sent += (size_t)count;
    }
}

void client_run(const struct options *given, int index, int count, int control, int report) {
    options = given;
    share = count;
    first_address = index * (count + 1);
    prepare(index);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)(count > options->window ? count : options->window), sizeof *connections);
    if (epoll_fd < 0 || !connections) _exit(1);
    struct epoll_event end = {.events = EPOLLIN, .data = {.ptr = NULL}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, control, &end);
    uint64_t begin = now_us();
    bool has_told = options->mode != MODE_HOLD, is_released = false;
    // What only opens has no time of its own.
    bool is_timed = options->mode != MODE_HOLD && options->mode != MODE_ABORT;
    end_us = is_timed ? begin + (uint64_t)options->seconds * 1000000 : UINT64_MAX;
    while (!is_done() && !(is_released && has_told)) {
        while (opened < share && on_way < options->window) {
            struct connection *c = place_for(opened);
            if (!c) break;
            open_one(c, opened++);
        }
        bool is_late = !has_told && now_us() > begin + (uint64_t)SETTLE_MS * 1000;
        if (!has_told && (is_settled() || is_late)) {
            if (is_late) tally.failed += (uint64_t)(share - opened + on_way);
            write_tally(report);
            has_told = true;
        }
        if (options->mode == MODE_DRIP) drip();
        struct epoll_event events[256];
        int ready = epoll_wait(epoll_fd, events, 256, options->mode == MODE_DRIP ? 5 : 100);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) handle(events[i].data.ptr, events[i].events);
            else is_released = true;
        }
        // A server that no longer answers must not keep us.
        if (now_us() > end_us) is_over = true;
        if (is_timed && now_us() > end_us + 5000000) {
            tally.failed += (uint64_t)(options->mode == MODE_DRIP ? alive : on_way);
            break;
        }
        if (options->mode == MODE_ABORT && now_us() > begin + (uint64_t)SETTLE_MS * 1000) break;
    }
    // What the kernel already knows to have ended counts as ended.
    for (int i = 0; options->mode == MODE_HOLD && i < share; i++) {
        struct pollfd look = {.fd = connections[i].fd, .events = POLLRDHUP};
        if (connections[i].state == OPEN && poll(&look, 1, 0) == 0) tally.open++;
    }
    write_tally(report);
}
