/* Network: every family, the worker's own socket, and what a descriptor from outside gives away. */
#include "hostile.h"
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Tripwire families have cases of their own in kernel.c. */
static bool is_tripwire(int family) { return family == AF_ALG || family == AF_NETLINK || family == AF_PACKET || family == AF_VSOCK; }

static void family_sweep(const char *argument) {
    (void)argument;
    int opened = 0, other_errors = 0;
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK};
    for (int family = 0; family <= 46; family++) {
        if (is_tripwire(family)) continue;
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
            int fd = socket(family, types[i], 0);
            if (fd >= 0) opened++, close(fd);
            else if (errno != EPERM && errno != ENOSYS && errno != EAFNOSUPPORT) other_errors++;
        }
    }
    saw_text("sockets opened", "%d", opened);
    saw_text("other errors", "%d", other_errors);
    saw("AF_INET stream", socket(AF_INET, SOCK_STREAM, 0));
    saw("AF_INET datagram", socket(AF_INET, SOCK_DGRAM, 0));
    saw("AF_INET raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    saw("AF_INET ping", socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    saw("AF_INET mptcp", socket(AF_INET, SOCK_STREAM, 262));
    saw("AF_INET6 stream", socket(AF_INET6, SOCK_STREAM, 0));
    saw("AF_UNIX stream", socket(AF_UNIX, SOCK_STREAM, 0));
    saw("AF_UNIX datagram", socket(AF_UNIX, SOCK_DGRAM, 0));
    saw("AF_XDP", socket(44, SOCK_RAW, 0));
    saw("AF_BLUETOOTH", socket(31, SOCK_RAW, 0));
    saw("AF_KEY", socket(15, SOCK_RAW, 2));
    saw("AF_TIPC", socket(30, SOCK_STREAM, 0));
    saw("AF_SMC", socket(43, SOCK_STREAM, 0));
}

static void socketpairs(const char *argument) {
    (void)argument;
    int pair[2], opened = 0;
    for (int family = 0; family <= 46; family++)
        if (!is_tripwire(family) && socketpair(family, SOCK_STREAM, 0, pair) == 0) opened++, close(pair[0]), close(pair[1]);
    saw_text("pairs opened", "%d", opened);
    saw("AF_UNIX pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static void resolve(const char *argument) {
    (void)argument;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int result = getaddrinfo("example.com", "80", &hints, &list);
    saw_text("getaddrinfo", "%s", result == 0 ? "resolved" : "failed");
    hints.ai_flags = AI_NUMERICHOST;
    saw_text("numeric", "%s", getaddrinfo("127.0.0.1", "80", &hints, &list) == 0 ? "parsed" : "failed");
}

/* The worker's socket was made outside: may it be used to reach anything but the host's end of it? */
static void worker_socket_tricks(const char *argument) {
    (void)argument;
    int fd = worker_socket();
    saw_text("found", "%s", fd >= 0 ? "yes" : "no");
    struct sockaddr_in internet = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0limen-escape"};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    saw("connect inet", connect(fd, (struct sockaddr *)&internet, sizeof internet));
    saw("connect abstract", connect(fd, (struct sockaddr *)&abstract, sizeof abstract));
    saw("disconnect", connect(fd, &none, sizeof none));
    saw("bind abstract", bind(fd, (struct sockaddr *)&abstract, sizeof abstract));
    saw("bind scratch", bind(fd, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/scratch/socket"}, sizeof abstract));
    saw("listen", listen(fd, 1));
    saw("accept", accept4(fd, NULL, NULL, SOCK_NONBLOCK));
    saw("sendto address", sendto(fd, "", 0, MSG_DONTWAIT, (struct sockaddr *)&abstract, sizeof abstract));
    saw("recvmmsg", recvmmsg(fd, NULL, 0, MSG_DONTWAIT, NULL));
    saw("sendmmsg", sendmmsg(fd, NULL, 0, MSG_DONTWAIT));
}

static void worker_socket_options(const char *argument) {
    (void)argument;
    int fd = worker_socket(), one = 1, value = 0;
    socklen_t length = sizeof value;
    struct { uint16_t length; void *filter; } program = {0, NULL};
    saw("SO_ATTACH_FILTER", setsockopt(fd, SOL_SOCKET, 26, &program, 16));
    saw("SO_ATTACH_BPF", setsockopt(fd, SOL_SOCKET, 50, &one, sizeof one));
    saw("SO_SNDBUFFORCE", setsockopt(fd, SOL_SOCKET, 32, &(int){1 << 30}, sizeof one));
    saw("SO_PASSCRED", setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    saw("SO_PASSSEC", setsockopt(fd, SOL_SOCKET, SO_PASSSEC, &one, sizeof one));
    saw("SO_MARK", setsockopt(fd, SOL_SOCKET, SO_MARK, &one, sizeof one));
    saw("SO_PEERPIDFD", getsockopt(fd, SOL_SOCKET, 77, &value, &length));
    struct { pid_t pid; uid_t uid; gid_t gid; } peer = {-1, 0, 0};
    length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) saw_text("SO_PEERCRED pid", "%d", peer.pid);
    else saw("SO_PEERCRED pid", -1);
    struct sockaddr_un name = {0};
    length = sizeof name;
    saw("getpeername", getpeername(fd, (struct sockaddr *)&name, &length));
}

/* A Unix socket answers device ioctls for the network namespace that it was made in, which is the host's. */
static void worker_socket_interfaces(const char *argument) {
    (void)argument;
    int fd = worker_socket();
    struct ifreq interfaces[16];
    struct ifconf list = {.ifc_len = sizeof interfaces, .ifc_req = interfaces};
    struct ifreq one = {.ifr_name = "lo"};
    saw("SIOCGIFCONF", ioctl(fd, SIOCGIFCONF, &list));
    saw("SIOCGIFADDR", ioctl(fd, SIOCGIFADDR, &one));
    one.ifr_ifindex = 2;
    saw("SIOCGIFNAME", ioctl(fd, SIOCGIFNAME, &one));
    saw("SIOCGIFHWADDR", ioctl(fd, SIOCGIFHWADDR, &one));
    saw("SIOCGIFFLAGS", ioctl(fd, SIOCGIFFLAGS, &one));
    saw("SIOCGIFMTU", ioctl(fd, SIOCGIFMTU, &one));
    saw("SIOCGIFINDEX", ioctl(fd, SIOCGIFINDEX, &one));
    saw("SIOCGSKNS", ioctl(fd, 0x894c));
    saw("SIOCUNIXFILE", ioctl(fd, 0x89e0));
    saw("SIOCSPGRP", ioctl(fd, 0x8902, &(int){1}));
    saw("high bits", syscall(SYS_ioctl, fd, 0x100000000ul | SIOCGIFCONF, &list));
}
/* What a C library does to list interfaces: a netlink socket. */
static void interfaces(const char *argument) {
    (void)argument;
    saw_text("if_nameindex", "%s", if_nameindex() ? "listed" : "refused");
}

static void pass_descriptors(const char *argument) {
    (void)argument;
    int fd = worker_socket(), given = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    static const uint8_t log_frame[] = {2, 0, 0, 0, FRAME_LOG, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    struct iovec frame = {(void *)log_frame, sizeof log_frame};
    struct msghdr message = {.msg_iov = &frame, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &given, sizeof given);
    int sent = 0;
    for (int i = 0; i < 1000; i++) sent += sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
    int error = errno;
    saw_text("messages sent", sent == 0 ? "none" : "some");
    saw_errno("last", sent == 0 ? error : 0);
    close(given);
}

static void out_of_band(const char *argument) {
    (void)argument;
    int fd = worker_socket();
    saw("MSG_OOB", send(fd, "x", 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL));
}

ATTACKS({"family-sweep", family_sweep}, {"socketpairs", socketpairs}, {"resolve", resolve}, {"worker-socket-tricks", worker_socket_tricks},
        {"worker-socket-options", worker_socket_options}, {"worker-socket-interfaces", worker_socket_interfaces}, {"interfaces", interfaces},
        {"pass-descriptors", pass_descriptors}, {"out-of-band", out_of_band});
