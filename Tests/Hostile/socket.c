/* A plugin with `socket: true`: what it can do with a TCP socket beside speaking to the proxy. */
#include "hostile.h"
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in address(const char *host, int port) {
    struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &made.sin_addr);
    return made;
}

static int dial(const char *host, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = address(host, port);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void environment(const char *name) {
    const char *value = getenv(name);
    saw_text(name, "%s", value ? value : "unset");
}

static void proxy(const char *argument) {
    (void)argument;
    int fd = dial("127.0.0.1", 3128), one = 1, error = -1;
    saw("connect", fd);
    struct sockaddr_in name = {0};
    socklen_t length = sizeof name;
    saw("getsockname", getsockname(fd, (struct sockaddr *)&name, &length));
    length = sizeof name;
    getpeername(fd, (struct sockaddr *)&name, &length);
    char text[INET_ADDRSTRLEN];
    saw_text("peer", "%s:%d", inet_ntop(AF_INET, &name.sin_addr, text, sizeof text), ntohs(name.sin_port));
    saw("nodelay", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    saw("keepalive", setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one));
    length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    saw_text("error", "%d", error);
    close(fd);
    environment("https_proxy"), environment("HTTPS_PROXY"), environment("http_proxy"), environment("all_proxy");
    saw("authorities", open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY | O_CLOEXEC));
    saw("write authorities", open("/etc/ssl/certs/ca-certificates.crt", O_WRONLY | O_CLOEXEC));
    saw("default authorities", open("/usr/lib/ssl/cert.pem", O_RDONLY | O_CLOEXEC));
}

static void addresses(const char *argument) {
    (void)argument;
    static const struct { const char *host; int port; } others[] = {
        {"127.0.0.1", 1}, {"127.0.0.1", 22}, {"127.0.0.1", 53}, {"127.0.0.1", 80}, {"127.0.0.1", 443}, {"127.0.0.1", 3127}, {"127.0.0.1", 3129},
        {"127.0.0.1", 8080}, {"127.0.0.1", 65535}, {"127.0.0.2", 3128}, {"127.255.255.254", 3128}, {"10.0.0.1", 3128}, {"192.168.0.1", 443},
        {"169.254.169.254", 80}, {"8.8.8.8", 53}, {"100.64.0.1", 443}, {"224.0.0.1", 443}, {"255.255.255.255", 443},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s:%d", others[i].host, others[i].port);
        saw(name, dial(others[i].host, others[i].port));
    }
    int opened = 0;
    for (int port = 1; port < 20000; port++) {
        int fd = port == 3128 ? -1 : dial("127.0.0.1", port);
        if (fd >= 0) opened++, close(fd);
    }
    saw_text("ports open", "%d", opened);
}

/* Tripwire families have cases of their own. */
static bool is_tripwire(int family) { return family == AF_ALG || family == AF_NETLINK || family == AF_PACKET || family == AF_VSOCK; }

static void families(const char *argument) {
    (void)argument;
    int opened = 0, other_errors = 0, pair[2];
    static const int types[] = {SOCK_STREAM, SOCK_STREAM | SOCK_CLOEXEC, SOCK_STREAM | SOCK_NONBLOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET, 0, 9, 11, 15};
    for (int family = 0; family <= 46; family++) {
        if (is_tripwire(family)) continue;
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            int fd = socket(family, types[i], 0);
            if (fd >= 0) opened++, close(fd);
            else if (errno != EPERM) other_errors++;
        }
    }
    saw_text("sockets opened", "%d", opened);
    saw_text("other errors", "%d", other_errors);
    saw("AF_INET datagram", socket(AF_INET, SOCK_DGRAM, 0));
    saw("AF_INET raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    saw("AF_INET ping", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    saw("AF_INET mptcp", socket(AF_INET, SOCK_STREAM, 262));
    saw("AF_INET sctp", socket(AF_INET, SOCK_STREAM, 132));
    saw("AF_INET seqpacket", socket(AF_INET, SOCK_SEQPACKET, 132));
    saw("AF_INET6 stream", socket(AF_INET6, SOCK_STREAM, 0));
    saw("AF_UNIX stream", socket(AF_UNIX, SOCK_STREAM, 0));
    saw("AF_UNIX datagram", socket(AF_UNIX, SOCK_DGRAM, 0));
    saw("AF_UNIX pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    saw("high bits of the type", socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    saw("AF_SMC", socket(43, SOCK_STREAM, 0));
    saw("AF_XDP", socket(44, SOCK_RAW, 0));
}

static void server(const char *argument) {
    (void)argument;
    int fd = dial("127.0.0.1", 3128);
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = address("127.0.0.1", 4000), any = address("0.0.0.0", 0), from;
    socklen_t length = sizeof from;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = &to, .msg_namelen = sizeof to};
    struct mmsghdr many = {.msg_hdr = message};
    saw("bind", bind(fresh, (struct sockaddr *)&to, sizeof to));
    saw("bind 0", bind(fresh, (struct sockaddr *)&any, sizeof any));
    saw("listen", listen(fresh, 1));
    saw("accept", syscall(SYS_accept, fresh, NULL, NULL));
    saw("accept4", accept4(fresh, NULL, NULL, SOCK_NONBLOCK));
    saw("sendmsg", sendmsg(fresh, &message, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT));
    saw("recvmsg", recvmsg(fd, &message, MSG_DONTWAIT));
    saw("sendmmsg", sendmmsg(fresh, &many, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
    saw("recvmmsg", recvmmsg(fd, &many, 1, MSG_DONTWAIT, NULL));
    saw("sendto address", sendto(fresh, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to));
    saw("sendto fastopen", sendto(fresh, &byte, 1, MSG_FASTOPEN | MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0));
    saw("recvfrom address", recvfrom(fd, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    saw("out of band", send(fd, &byte, 1, MSG_OOB | MSG_NOSIGNAL));
    saw("error queue", recv(fd, &byte, 1, MSG_ERRQUEUE | MSG_DONTWAIT));
    close(fd), close(fresh);
}

static void options(const char *argument) {
    (void)argument;
    int fd = dial("127.0.0.1", 3128);
    char value[256] = {1};
    static const struct { const char *name; int level, option; } settings[] = {
        {"SO_ATTACH_FILTER", SOL_SOCKET, 26}, {"SO_ATTACH_BPF", SOL_SOCKET, 50}, {"SO_MARK", SOL_SOCKET, SO_MARK},
        {"SO_BINDTODEVICE", SOL_SOCKET, SO_BINDTODEVICE}, {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY}, {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
        {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT}, {"SO_ZEROCOPY", SOL_SOCKET, 60}, {"SO_TIMESTAMPING", SOL_SOCKET, 37},
        {"SO_SNDBUFFORCE", SOL_SOCKET, 32}, {"SO_INCOMING_CPU", SOL_SOCKET, 49}, {"TCP_FASTOPEN_CONNECT", IPPROTO_TCP, 30},
        {"TCP_REPAIR", IPPROTO_TCP, 19}, {"TCP_ULP", IPPROTO_TCP, 31}, {"TCP_CONGESTION", IPPROTO_TCP, 13}, {"TCP_MD5SIG", IPPROTO_TCP, 14},
        {"TCP_FASTOPEN", IPPROTO_TCP, 23}, {"IP_TRANSPARENT", IPPROTO_IP, 19}, {"IP_HDRINCL", IPPROTO_IP, 3}, {"IP_OPTIONS", IPPROTO_IP, 4},
        {"IP_ADD_MEMBERSHIP", IPPROTO_IP, 35},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        saw(settings[i].name, setsockopt(fd, settings[i].level, settings[i].option, value, 4));
    static const struct { const char *name; int level, option; } questions[] = {
        {"TCP_INFO", IPPROTO_TCP, TCP_INFO}, {"SO_PEERCRED", SOL_SOCKET, SO_PEERCRED}, {"SO_COOKIE", SOL_SOCKET, 57},
        {"SO_NETNS_COOKIE", SOL_SOCKET, 71}, {"SO_MEMINFO", SOL_SOCKET, 55},
    };
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        socklen_t length = sizeof value;
        saw(questions[i].name, getsockopt(fd, questions[i].level, questions[i].option, value, &length));
    }
    static const struct { const char *name; unsigned long request; } devices[] = {
        {"SIOCGIFCONF", SIOCGIFCONF}, {"SIOCGIFADDR", SIOCGIFADDR}, {"SIOCADDRT", SIOCADDRT}, {"SIOCSIFFLAGS", SIOCSIFFLAGS}, {"SIOCGSKNS", 0x894c},
    };
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) saw(devices[i].name, ioctl(fd, devices[i].request, value));
    close(fd);
}

/* The worker's socket was made in the host's network namespace: with the calls of a TCP client it could ask there for names of sockets. */
static void frame_socket(const char *argument) {
    (void)argument;
    int fd = worker_socket(), value = 0;
    saw_text("found", "%d", fd);
    struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0limen-escape"};
    struct sockaddr_in internet = address("127.0.0.1", 3128);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    socklen_t length = sizeof value;
    saw("connect abstract", connect(fd, (struct sockaddr *)&abstract, sizeof abstract));
    saw("connect inet", connect(fd, (struct sockaddr *)&internet, sizeof internet));
    saw("disconnect", connect(fd, &none, sizeof none));
    saw("sendto", send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL));
    saw("recvfrom", recv(fd, &value, 1, MSG_DONTWAIT | MSG_PEEK));
    saw("shutdown", shutdown(fd, SHUT_RD));
    saw("getsockname", getsockname(fd, &none, &length));
    saw("getpeername", getpeername(fd, &none, &length));
    length = sizeof value;
    saw("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length));
    saw("SO_SNDBUF", setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
    saw("dup", dup(fd));
    saw("dup2", dup2(fd, 50));
    saw("dup3", dup3(fd, 51, O_CLOEXEC));
    saw("F_DUPFD", fcntl(fd, F_DUPFD, 40));
    saw("F_DUPFD_CLOEXEC", fcntl(fd, F_DUPFD_CLOEXEC, 40));
}

static void resolve(const char *argument) {
    (void)argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    saw_text("getaddrinfo", "%s", getaddrinfo("allowed.test", "443", &hints, &list) == 0 ? "resolved" : "failed");
    hints.ai_flags = AI_NUMERICHOST;
    saw_text("numeric", "%s", getaddrinfo("127.0.0.1", "3128", &hints, &list) == 0 ? "parsed" : "failed");
}

static void netlink(const char *argument) {
    (void)argument;
    saw("AF_NETLINK", socket(AF_NETLINK, SOCK_RAW, 0));
}
static void vsock(const char *argument) {
    (void)argument;
    saw("AF_VSOCK", socket(AF_VSOCK, SOCK_STREAM, 0));
}

static void many(const char *argument) {
    (void)argument;
    int made = 0, last;
    while ((last = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && made < 100000) made++;
    int error = errno;
    saw_text("sockets", "%s", made > 0 ? "some" : "none");
    saw_errno("last", error);
    for (int fd = 4; fd < 70; fd++) close(fd);
}


/* Sends a request to the proxy and gives the status of its answer; the descriptor stays open if the answer was 200 and `kept` wants it. */
static int request(const char *text, size_t length, int *kept) {
    int fd = dial("127.0.0.1", 3128), status = 0;
    if (kept) *kept = -1;
    if (fd < 0) return -1;
    struct timeval patience = {20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send(fd, text, length, MSG_NOSIGNAL);
    char answer[2048] = {0};
    size_t have = 0;
    while (have < sizeof answer - 1 && !strstr(answer, "\r\n\r\n")) {
        ssize_t count = recv(fd, answer + have, sizeof answer - 1 - have, 0);
        if (count <= 0) break;
        have += (size_t)count;
    }
    sscanf(answer, "HTTP/1.1 %d", &status);
    if (strstr(answer, "127.0.0.1") || strstr(answer, "169.254") || strstr(answer, "10.0.0")) status += 10000;
    if (kept && status == 200) *kept = fd;
    else close(fd);
    return status;
}

static int ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int ask(const char *format, ...) {
    char text[2048];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return request(text, (size_t)length, NULL);
}

static int connect_to(const char *host, const char *port, int *kept) {
    char text[512];
    int length = snprintf(text, sizeof text, "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", host, port, host, port);
    return request(text, (size_t)length, kept);
}

static void status(const char *name, int found) {
    static bool leaked;
    if (found > 10000) leaked = true, found -= 10000;
    if (name) saw_text(name, "%d", found);
    else saw_text("internal address in an answer", "%s", leaked ? "yes" : "no");
}

static bool echoes(int fd, const char *text) {
    char back[256] = {0};
    size_t length = strlen(text), have = 0;
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) return false;
    while (have < length) {
        ssize_t count = recv(fd, back + have, sizeof back - 1 - have, 0);
        if (count <= 0) return false;
        have += (size_t)count;
    }
    return strcmp(back, text) == 0;
}

static void tunnel(const char *port) {
    int fd;
    status("answer", connect_to("allowed.test", port, &fd));
    saw_text("echo", "%s", echoes(fd, "hello, once") ? "hello, once" : "lost");
    shutdown(fd, SHUT_WR);
    char byte;
    saw_text("end", "%s", recv(fd, &byte, 1, 0) == 0 ? "closed" : "open");
    saw_text("after the end", "%s", recv(fd, &byte, 1, 0) == 0 ? "closed" : "open");
    close(fd);
}

static void requests(const char *port) {
    status("allowed", connect_to("allowed.test", port, NULL));
    status("upper case", connect_to("ALLOWED.test", port, NULL));
    status("trailing dot", connect_to("allowed.test.", port, NULL));
    status("port 22", connect_to("allowed.test", "22", NULL));
    status("port 25", connect_to("allowed.test", "25", NULL));
    status("port 0", connect_to("allowed.test", "0", NULL));
    status("port 65536", connect_to("allowed.test", "65536", NULL));
    status("no port", ask("CONNECT allowed.test HTTP/1.1\r\nHost: allowed.test\r\n\r\n"));
    status("other host", connect_to("other.test", port, NULL));
    status("suffix", connect_to("allowed.test.evil.test", port, NULL));
    status("prefix", connect_to("evilallowed.test", port, NULL));
    status("fetch only", connect_to("fetch.test", "443", NULL));
    status("loopback", connect_to("127.0.0.1", port, NULL));
    status("decimal", connect_to("2130706433", port, NULL));
    status("octal", connect_to("0177.0.0.1", port, NULL));
    status("IPv6 loopback", connect_to("[::1]", port, NULL));
    status("mapped", connect_to("[::ffff:127.0.0.1]", port, NULL));
    status("metadata", connect_to("169.254.169.254", "80", NULL));
    status("userinfo", ask("CONNECT a@allowed.test:%s HTTP/1.1\r\n\r\n", port) == 400 ? 403 : connect_to("evil.test@allowed.test", port, NULL));
    status("closed port", connect_to("allowed.test", "9", NULL));
    status("host differs", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: other.test:%s\r\n\r\n", port, port));
    status("host missing", ask("CONNECT allowed.test:%s HTTP/1.1\r\n\r\n", port));
    status("two hosts", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: allowed.test:%s\r\nHost: allowed.test:%s\r\n\r\n", port, port, port));
    status("body", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: allowed.test:%s\r\nContent-Length: 1\r\n\r\nx", port, port));
    status("chunked", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: allowed.test:%s\r\nTransfer-Encoding: chunked\r\n\r\n", port, port));
    status("early bytes", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: allowed.test:%s\r\n\r\nearly", port, port));
    status("GET absolute", ask("GET http://allowed.test:%s/ HTTP/1.1\r\nHost: allowed.test:%s\r\n\r\n", port, port));
    status("GET", ask("GET / HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n"));
    status("POST", ask("POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nContent-Length: 0\r\n\r\n"));
    status("HTTP/2", ask("CONNECT allowed.test:%s HTTP/2.0\r\n\r\n", port));
    status("TLS at once", ask("\x16\x03\x01\x02"));
    status("bare line feed", ask("CONNECT allowed.test:%s HTTP/1.1\nHost: allowed.test:%s\n\n", port, port));
    status("folded", ask("CONNECT allowed.test:%s HTTP/1.1\r\nHost: allowed.test:%s\r\n folded\r\n\r\n", port, port));
    static char head[9000];
    memset(head, 'x', sizeof head);
    memcpy(head, "CONNECT a:1 HTTP/1.1\r\nA: ", 25);
    status("long head", request(head, sizeof head, NULL));
    static const char null[] = "CONNECT a\0b:1 HTTP/1.1\r\nHost: a\0b:1\r\n\r\n";
    status("NUL", request(null, sizeof null - 1, NULL));
    status(NULL, 0);
}

/* What is sent through a tunnel is the server's: no second request is read by the proxy. */
static void nested(const char *port) {
    int fd;
    status("answer", connect_to("allowed.test", port, &fd));
    saw_text("nested", "%s", echoes(fd, "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n") ? "echoed" : "answered");
    saw_text("second request", "%s", echoes(fd, "GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n") ? "echoed" : "answered");
    close(fd);
}

static long now_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void flood(const char *port) {
    int made = 0, allowed = 0, turned_away = 0, unexpected = 0;
    /* An emulated machine does not get so far. */
    for (long began = now_milliseconds(); made < 10000 && now_milliseconds() - began < 20000;) {
        int found = connect_to("allowed.test", port, NULL);
        made++;
        if (found == 200) allowed++;
        else if (found == 429) turned_away++;
        else unexpected++;
    }
    saw_text("connections", "%s", made == 10000 ? "10000" : made >= 500 ? "many" : "few");
    saw_text("allowed", "%s", allowed ? "some" : "none");
    saw_text("turned away", "%s", turned_away ? "some" : "none");
    saw_text("unexpected", "%d", unexpected);
    sleep_milliseconds(300);
    status("afterwards", connect_to("allowed.test", port, NULL));
}

/* Two hundred at once. */
static void crowd(const char *port) {
    int open[200], allowed = 0, turned_away = 0, other = 0;
    for (int i = 0; i < 200; i++) {
        int found = connect_to("allowed.test", port, &open[i]);
        if (found == 200) allowed++;
        else if (found == 429) turned_away++;
        else other++;
    }
    saw_text("allowed", "%d", allowed);
    saw_text("turned away", "%d", turned_away);
    saw_text("other", "%d", other);
    for (int i = 0; i < 200; i++)
        if (open[i] >= 0) close(open[i]);
    sleep_milliseconds(500);
    status("afterwards", connect_to("allowed.test", port, NULL));
}


static void slow(const char *port) {
    long began = now_milliseconds();
    int fd;
    status("silent", request("", 0, NULL));
    status("half a request", request("CONNECT allowed", 15, NULL));
    connect_to("allowed.test", port, &fd);
    char byte;
    saw_text("idle tunnel", "%s", recv(fd, &byte, 1, 0) == 0 ? "closed" : "open");
    close(fd);
    saw_text("in time", "%s", now_milliseconds() - began < 60000 ? "yes" : "no");
}

static void leave_open(const char *port) {
    struct stat information;
    bool found = false;
    for (int fd = 4; fd < 64; fd++)
        if (fstat(fd, &information) == 0 && S_ISSOCK(information.st_mode)) found = true;
    saw_text("sockets from before", "%s", found ? "some" : "none");
    int fd;
    status("answer", connect_to("allowed.test", port, &fd));
}

static void strangers(const char *port) {
    status("own", connect_to("neighbour.test", port, NULL));
    status("another plugin's", connect_to("allowed.test", port, NULL));
}

ATTACKS({"proxy", proxy}, {"addresses", addresses}, {"families", families}, {"server", server}, {"options", options},
        {"frame-socket", frame_socket}, {"resolve", resolve}, {"netlink", netlink}, {"vsock", vsock}, {"many", many}, {"tunnel", tunnel},
        {"requests", requests}, {"nested", nested}, {"flood", flood}, {"crowd", crowd}, {"slow", slow}, {"leave-open", leave_open},
        {"strangers", strangers});
