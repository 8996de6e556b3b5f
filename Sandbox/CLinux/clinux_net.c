#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

long clinux_loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -(long)errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, "lo", 3);
    long done = clinux_result(ioctl(fd, SIOCGIFFLAGS, &request));
    if (done >= 0) {
        request.ifr_flags |= IFF_UP;
        done = clinux_result(ioctl(fd, SIOCSIFFLAGS, &request));
    }
    close(fd);
    return done;
}

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

long clinux_try_connect(int fd, uint16_t port) {
    struct sockaddr_in address = loopback(port);
    return clinux_result(connect(fd, (struct sockaddr *)&address, sizeof address));
}

long clinux_try_bind(int fd, uint16_t port) {
    struct sockaddr_in address = loopback(port);
    return clinux_result(bind(fd, (struct sockaddr *)&address, sizeof address));
}

long clinux_listen_loopback(uint16_t port, int backlog) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -(long)errno;
    long done = clinux_try_bind(fd, port);
    if (done >= 0) done = clinux_result(listen(fd, backlog));
    if (done < 0) close(fd);
    return done < 0 ? done : fd;
}
