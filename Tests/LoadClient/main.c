// limen-load MODE [--option value]...: see usage(). One process a core is enough; each may have 20,000 descriptors.
#include "load.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 16 };

static _Noreturn void usage(void) {
    fputs("usage: limen-load MODE --port N [--connections N] [--processes N] [--addresses N] [--path P] [--seconds N] [--window N]\n"
          "  get    keep-alive requests, one after another on each connection, for --seconds\n"
          "  echo   the same with WebSocket messages of --payload bytes\n"
          "  hold   opens all, asks once on each (--websocket 1: shakes hands; --stream 1: waits for the first content), says how it went, and\n"
          "         keeps them until its standard input ends\n"
          "  abort  --connections requests, each cut off at a random point (--seed)\n"
          "  drip   a byte of a request every --every milliseconds on each, until the server has dropped all or --seconds have passed\n",
          stderr);
    exit(2);
}

static enum mode mode_named(const char *name) {
    static const char *const names[] = {"get", "echo", "hold", "abort", "drip"};
    for (int i = 0; i < 5; i++) if (strcmp(name, names[i]) == 0) return (enum mode)i;
    usage();
}

static struct options parse(int count, char **words) {
    if (count < 2 || count % 2 != 0) usage();
    struct options options = {
        .mode = mode_named(words[1]), .connections = 1, .addresses = 1, .processes = 1, .window = 128, .seconds = 5, .payload = 64,
        .every_ms = 1000, .seed = 1, .path = "/"};
    for (int i = 2; i < count; i += 2) {
        const char *name = words[i];
        int number = atoi(words[i + 1]);
        if (strcmp(name, "--port") == 0) options.port = number;
        else if (strcmp(name, "--connections") == 0) options.connections = number;
        else if (strcmp(name, "--addresses") == 0) options.addresses = number;
        else if (strcmp(name, "--processes") == 0) options.processes = number;
        else if (strcmp(name, "--window") == 0) options.window = number;
        else if (strcmp(name, "--seconds") == 0) options.seconds = number;
        else if (strcmp(name, "--payload") == 0) options.payload = number;
        else if (strcmp(name, "--every") == 0) options.every_ms = number;
        else if (strcmp(name, "--seed") == 0) options.seed = (unsigned)number;
        else if (strcmp(name, "--websocket") == 0) options.websocket = number != 0;
        else if (strcmp(name, "--stream") == 0) options.stream = number != 0;
        else if (strcmp(name, "--path") == 0) options.path = words[i + 1];
        else usage();
    }
    if (options.port < 1 || options.port > 65535 || options.processes < 1 || options.processes > PROCESSES_MAX || options.addresses < 1
        || options.window < 1 || options.connections < options.processes || options.payload < 0 || options.payload > 65535
        || strlen(options.path) > 200)
        usage();
    return options;
}

static bool read_tally(int descriptor, struct tally *tally) {
    size_t got = 0;
    while (got < sizeof *tally) {
        ssize_t count = read(descriptor, (char *)tally + got, sizeof *tally - got);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        got += (size_t)count;
    }
    return true;
}

static void print(const char *what, const struct tally *t, uint64_t us) {
    printf("%s answered=%llu refused=%llu other=%llu failed=%llu open=%llu exchanges=%llu bytes=%llu per_second=%.1f p50_us=%llu p99_us=%llu "
           "worst_us=%llu first_ms=%llu last_ms=%llu ms=%llu\n",
           what, (unsigned long long)t->answered, (unsigned long long)t->refused, (unsigned long long)t->other, (unsigned long long)t->failed,
           (unsigned long long)t->open, (unsigned long long)t->exchanges, (unsigned long long)t->bytes,
           us > 0 ? (double)t->exchanges * 1e6 / (double)us : 0, (unsigned long long)tally_percentile(t, 0.5),
           (unsigned long long)tally_percentile(t, 0.99), (unsigned long long)t->worst_us, (unsigned long long)t->first_ms,
           (unsigned long long)t->last_ms, (unsigned long long)(us / 1000));
    fflush(stdout);
}

// One tally of each child, added up; false when one has died.
static bool gather(const int *reports, int count, struct tally *all) {
    memset(all, 0, sizeof *all);
    for (int i = 0; i < count; i++) {
        struct tally one;
        if (!read_tally(reports[i], &one)) return false;
        tally_add(all, &one);
    }
    return true;
}

static void start(const struct options *options, int index, int *controls, int *reports) {
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0) { perror("pipe"); exit(1); }
    int share = options->connections / options->processes + (index < options->connections % options->processes);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) { perror("fork"); exit(1); }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent) _exit(1);
        // The ends of earlier children's pipes would keep them open.
        for (int i = 0; i < index; i++) {
            close(controls[i]);
            close(reports[i]);
        }
        close(down[1]);
        close(up[0]);
        client_run(options, index, share, down[0], up[1]);
        _exit(0);
    }
    close(down[0]);
    close(up[1]);
    controls[index] = down[1];
    reports[index] = up[0];
}

int main(int count, char **words) {
    struct options options = parse(count, words);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int controls[PROCESSES_MAX], reports[PROCESSES_MAX];
    uint64_t begin = now_us();
    for (int i = 0; i < options.processes; i++) start(&options, i, controls, reports);
    struct tally all;
    bool alive = true;
    if (options.mode == MODE_HOLD) {
        alive = gather(reports, options.processes, &all);
        if (alive) print("held", &all, now_us() - begin);
        char byte;
        while (alive && read(STDIN_FILENO, &byte, 1) > 0) continue;
        for (int i = 0; i < options.processes; i++) close(controls[i]);
    }
    if (alive) alive = gather(reports, options.processes, &all);
    if (alive) print("done", &all, now_us() - begin);
    while (wait(NULL) > 0) continue;
    return alive ? 0 : 1;
}
