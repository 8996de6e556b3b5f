/* Nothing hostile by itself: fetches what it is told, or says what it is told to its proxy, and tells what became of it. The argument is hexadecimal. */
#include "hostile.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static size_t decode(const char *hex, uint8_t *out, size_t room) {
    size_t length = 0;
    for (unsigned byte; length < room && sscanf(hex, "%2x", &byte) == 1 && hex[1]; hex += 2) out[length++] = (uint8_t)byte;
    return length;
}

static volatile int done;

static void keep(void *context, const limen_response *response) {
    (void)context;
    saw_text("status", "%u", response->status);
    saw_text("code", "%.*s", (int)response->error_code.length, (const char *)response->error_code.data);
    saw_text("message", "%.*s", (int)response->error_message.length, (const char *)response->error_message.data);
    done = 1;
}

static void fetch(const char *argument) {
    uint8_t request[2048];
    size_t length = decode(argument, request, sizeof request);
    done = 0;
    host->fetch(current, (limen_bytes){request, length}, (limen_bytes){0}, keep, NULL);
    host->pump(current, &done);
}

static void tunnel(const char *argument) {
    uint8_t request[2048];
    size_t length = decode(argument, request, sizeof request);
    struct sockaddr_in proxy = {.sin_family = AF_INET, .sin_port = htons(3128), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {10, 0};
    char answer[1024];
    size_t have = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *)&proxy, sizeof proxy) != 0 || send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) {
        saw("tunnel", -1);
    } else {
        while (have + 1 < sizeof answer) {
            ssize_t count = recv(fd, answer + have, sizeof answer - 1 - have, 0);
            if (count <= 0) break;
            have += (size_t)count;
            answer[have] = 0;
            if (strstr(answer, "\r\n\r\n")) break;
        }
        answer[have] = 0;
        saw_text("status", "%.3s", have > 12 ? answer + 9 : "");
        saw_text("message", "%.400s", answer);
    }
    close(fd);
}

ATTACKS({"fetch", fetch}, {"tunnel", tunnel});
