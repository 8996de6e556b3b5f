/* Exhaustion: memory, threads, descriptors, scratch, time, and every way to die in the middle of a call. */
#include "hostile.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

/* -- memory: none of these return in a jail that works -- */

static void memory_loop(const char *argument) {
    (void)argument;
    for (;;) {
        char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) { saw("mmap", -1); return; }
        memset(block, 0x5a, 1 << 20);
    }
}
static void memory_malloc(const char *argument) {
    (void)argument;
    for (;;) {
        char *block = malloc(777777);
        if (!block) { saw("malloc", -1); return; }
        for (int i = 0; i < 777777; i += 512) block[i] = (char)i;
    }
}
static void *eat(void *unused) {
    memory_loop("");
    return unused;
}
static void memory_threads(const char *argument) {
    (void)argument;
    pthread_t thread;
    for (int i = 0; i < 12; i++) {
        int error = pthread_create(&thread, NULL, eat, NULL);
        if (error && i == 0) { saw_errno("thread", error); return; }
    }
    sleep_forever();
}
static void memory_stack(const char *argument) {
    (void)argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    saw_errno("stack of 1 TiB", pthread_attr_setstacksize(&attributes, 1ul << 40));
    pthread_t thread;
    int result = pthread_create(&thread, &attributes, eat, NULL);
    if (result == 0) sleep_forever();
    saw_errno("thread", result);
}
/* Address space is not memory: reserving it may succeed, touching it may not. */
static void memory_huge_map(const char *argument) {
    (void)argument;
    static const size_t sizes[] = {1ul << 46, 1ul << 42, 1ul << 40, 1ul << 36};
    for (int i = 0; i < 4; i++) {
        char *block = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (block == MAP_FAILED) continue;
        for (size_t at = 0; at < sizes[i]; at += 4096) block[at] = 1;
    }
    saw_text("huge map", "refused");
}
static void memory_populate(const char *argument) {
    (void)argument;
    void *at = mmap(NULL, 4ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    saw("4 GiB populated", at == MAP_FAILED ? -1 : 0);
    if (at != MAP_FAILED) memset(at, 1, 4ul << 30);
}
static void memory_hugetlb(const char *argument) {
    (void)argument;
    saw("MAP_HUGETLB", mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED ? -1 : 0);
}
static void memory_shared(const char *argument) {
    (void)argument;
    for (;;) {
        char *block = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) { saw("shared", -1); return; }
        memset(block, 1, 8 << 20);
    }
}
static void memory_locked(const char *argument) {
    (void)argument;
    long total = 0;
    for (int i = 0; i < 4096; i++) {
        void *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mlock(block, 1 << 20) < 0) break;
        total++;
    }
    int error = errno;
    saw_text("locked", total <= 64 ? "at most 64 MiB" : "%ld MiB", total);
    saw_errno("mlock", error);
    saw("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
}
static void memory_page_tables(const char *argument) {
    (void)argument;
    for (size_t i = 0; i < 1000000; i++) {
        char *at = mmap((void *)(0x100000000000ul + (i << 21)), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (at == MAP_FAILED) { saw("sparse map", -1); return; }
        *at = 1;
    }
}
static void memory_mappings(const char *argument) {
    (void)argument;
    char *block = mmap(NULL, 400000ul * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    long made = 0;
    for (; block != MAP_FAILED && made < 200000; made++)
        if (mprotect(block + made * 8192, 4096, PROT_READ) < 0) break;
    saw_text("mappings", made < 200000 ? "limited" : "200000");
}

/* -- threads, descriptors, timers -- */

static void *sleeper(void *unused) {
    sleep_forever();
    return unused;
}
static void thread_bomb(const char *argument) {
    (void)argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    int made = 0, result = 0;
    pthread_t thread;
    while (made < 5000 && (result = pthread_create(&thread, &attributes, sleeper, NULL)) == 0) made++;
    saw_text("threads", made < 32 ? "under 32" : "%d", made);
    saw_errno("last", result);
}
static void *bomb_again(void *unused) {
    pthread_t thread;
    for (;;) {
        if (pthread_create(&thread, NULL, bomb_again, NULL) == 0) pthread_detach(thread);
    }
    return unused;
}
static void thread_bomb_endless(const char *argument) {
    (void)argument;
    bomb_again(NULL);
}
static int flood(int (*make)(void)) {
    int made = 0;
    while (made < 5000 && make() >= 0) made++;
    return made;
}
static int make_null(void) { return open("/dev/null", O_RDONLY); }
static int make_event(void) { return eventfd(0, 0); }
static int make_timer(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }
static int make_epoll(void) { return epoll_create1(0); }
static int make_pipe(void) {
    int pair[2];
    return pipe(pair);
}
static int make_memfd(void) { return (int)syscall(SYS_memfd_create, "flood", 0); }
static int make_dup(void) { return dup(1); }
static void descriptor_flood(const char *argument) {
    static const struct { const char *name; int (*make)(void); } makers[] = {
        {"open", make_null}, {"eventfd", make_event}, {"timerfd", make_timer}, {"epoll", make_epoll},
        {"pipe", make_pipe}, {"memfd", make_memfd}, {"dup", make_dup}};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        if (strcmp(makers[i].name, argument) != 0) continue;
        int made = flood(makers[i].make), error = errno;
        saw_text("made", made <= 64 ? "at most 64" : "%d", made);
        saw_text("error", "%s", strerrorname_np(error));
        struct rlimit more = {100000, 100000};
        saw("raise limit", setrlimit(RLIMIT_NOFILE, &more));
        saw("dup2 high", dup2(0, 100000));
    }
}
static void timer_flood(const char *argument) {
    (void)argument;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    timer_t timer;
    int made = 0;
    while (made < 100000 && syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0) made++;
    int error = errno;
    saw_text("timers", made < 100000 ? "limited" : "100000");
    saw_text("last", "%s", made < 100000 ? strerrorname_np(error) : "none");
}
static void signal_queue(const char *argument) {
    (void)argument;
    sigset_t set;
    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int queued = 0;
    while (queued < 200000 && sigqueue(getpid(), SIGRTMIN + 3, (union sigval){0}) == 0) queued++;
    saw_text("queued", queued < 200000 ? "limited" : "200000");
}
static void pipe_buffers(const char *argument) {
    (void)argument;
    int pair[2];
    if (saw("pipe", pipe(pair)) < 0) return;
    saw("F_SETPIPE_SZ 1 GiB", fcntl(pair[1], F_SETPIPE_SZ, 1 << 30));
}

/* -- scratch -- */

static void fill_scratch(const char *argument) {
    (void)argument;
    int fd = open("/scratch/fill", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    saw("create", fd);
    static char block[1 << 20];
    long written = 0;
    while (written < 1024 && write(fd, block, sizeof block) == (ssize_t)sizeof block) written++;
    int error = errno;
    saw_text("written", written <= 64 ? "at most 64 MiB" : "%ld MiB", written);
    saw_errno("write", error);
    close(fd);
    unlink("/scratch/fill");
    fd = open("/scratch/hole", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    saw("fallocate 1 GiB", fallocate(fd, 0, 0, 1 << 30));
    close(fd);
    unlink("/scratch/hole");
}
static void fill_inodes(const char *argument) {
    (void)argument;
    char path[64];
    int made = 0;
    for (; made < 200000; made++) {
        snprintf(path, sizeof path, "/scratch/f%d", made);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0) break;
        close(fd);
    }
    int error = errno;
    saw_text("files", made < 200000 ? "limited" : "200000");
    saw_text("last", "%s", strerrorname_np(error));
}
static void deep_folders(const char *argument) {
    (void)argument;
    char name[256];
    memset(name, 'd', 250);
    name[250] = 0;
    int depth = 0;
    for (; depth < 100000; depth++)
        if (mkdir(name, 0700) < 0 || chdir(name) < 0) break;
    if (depth == 0 && chdir("/scratch") == 0)
        for (; depth < 100000; depth++)
            if (mkdir(name, 0700) < 0 || chdir(name) < 0) break;
    saw_text("depth", depth < 100000 ? "limited" : "100000");
    saw("chdir /", chdir("/"));
}

/* -- time -- */

static void spin(const char *argument) {
    (void)argument;
    for (volatile uint64_t n = 0;; n++) {}
}
static void *spin_thread(void *unused) {
    spin("");
    return unused;
}
static void spin_threads(const char *argument) {
    (void)argument;
    pthread_t thread;
    for (int i = 0; i < 16; i++) pthread_create(&thread, NULL, spin_thread, NULL);
    spin("");
}
static void sleep_for_ever(const char *argument) {
    (void)argument;
    sleep_forever();
}
static void spinning_handler(int number) {
    (void)number;
    spin("");
}
static void spin_in_handler(const char *argument) {
    (void)argument;
    signal(SIGSEGV, spinning_handler);
    *(volatile int *)8 = 1;
}
static void segv_again(int number) { (void)number; }
static void segv_for_ever(const char *argument) {
    (void)argument;
    signal(SIGSEGV, segv_again);
    *(volatile int *)8 = 1;
}
static void never_answer(const char *argument) {
    (void)argument;
    current = NULL;
}

/* -- noise -- */

static void log_flood(const char *argument) {
    (void)argument;
    static char line[4096];
    memset(line, 'l', sizeof line);
    for (int i = 0; i < 20000; i++) host->log(i % 2 ? current : NULL, LIMEN_LOG_ERROR, (limen_bytes){(uint8_t *)line, sizeof line});
    saw_text("logged", "20000");
}
static void log_huge(const char *argument) {
    (void)argument;
    size_t size = 32 << 20;
    char *text = malloc(size);
    memset(text, 'x', size);
    host->log(current, LIMEN_LOG_INFO, (limen_bytes){(uint8_t *)text, size});
    host->log(current, (limen_log_level)77, text_of("a level that is none"));
    host->log(NULL, LIMEN_LOG_INFO, (limen_bytes){(const uint8_t *)"\xff\xfe\x80{\"level\":\"fake\"}\n\x1b[2J", 27});
    free(text);
    saw_text("logged", "one");
}
static void event_flood(const char *argument) {
    (void)argument;
    for (int i = 0; i < 200000; i++) host->emit(current, LIMEN_EVENT_PROGRESS, text_of("{\"fraction\":0.5}"));
    saw_text("emitted", "200000");
}
static void event_huge(const char *argument) {
    (void)argument;
    size_t size = 64 << 20;
    char *text = malloc(size);
    memset(text, 'x', size);
    text[0] = text[size - 1] = '"';
    host->emit(current, LIMEN_EVENT_PARTIAL, (limen_bytes){(uint8_t *)text, size});
    free(text);
    saw_text("emitted", "one");
}
static void event_bytes(const char *argument) {
    (void)argument;
    static char text[200 << 10];
    memset(text, 'x', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    for (int i = 0; i < 500; i++) host->emit(current, LIMEN_EVENT_PARTIAL, (limen_bytes){(uint8_t *)text, sizeof text});
    saw_text("emitted", "100 MB");
}
static void standard_streams(const char *argument) {
    (void)argument;
    static char block[65536];
    memset(block, 'o', sizeof block);
    for (int i = 0; i < 200; i++)
        if (write(1, block, sizeof block) < 0 && write(2, block, sizeof block) < 0) break;
    printf("{\"level\":\"error\",\"message\":\"forged\"}\n");
    fflush(stdout);
    saw_text("written", "yes");
}
static void output_too_large(const char *argument) {
    size_t size = (size_t)atol(argument);
    char *text = malloc(size);
    memset(text, 'x', size);
    int head = snprintf(text, size, "{\"saw\":{\"x\":\"");
    text[head] = 'x';
    memcpy(text + size - 3, "\"}}", 3);
    answer_raw(text, size);
}

/* -- dying -- */

static int recurse(volatile char *above) {
    if (above[0] == 77) return 0; /* never */
    volatile char frame[4096];
    frame[0] = above[0];
    return recurse(frame) + frame[0];
}
static void stack_overflow(const char *argument) { saw_text("recursion", "%d", recurse((volatile char *)argument)); }
static void die_abort(const char *argument) { (void)argument; abort(); }
static void die_trap(const char *argument) { (void)argument; __builtin_trap(); }
static void die_null(const char *argument) { (void)argument; *(volatile int *)0 = 1; }
static void die_wild_jump(const char *argument) { (void)argument; ((void (*)(void))0x4141414141414141)(); }
static void die_divide(const char *argument) {
    volatile int many = 1000, zero = argument[0] ? 0 : 0;
    saw_text("divided", "%d", many / zero);
}
static void die_double_free(const char *argument) {
    (void)argument;
    char *volatile block = malloc(100);
    free(block);
    free(block);
    memset(block, 0x41, 100);
    abort();
}
static void die_exit(const char *argument) { exit(atoi(argument)); }
static void die_exit_group(const char *argument) { syscall(SYS_exit_group, atoi(argument)); }
static void die_thread_exit(const char *argument) { (void)argument; syscall(SYS_exit, 0); }
static void die_pthread_exit(const char *argument) { (void)argument; pthread_exit(NULL); }
static void die_kill_self(const char *argument) {
    (void)argument;
    saw("SIGKILL to self", kill(getpid(), SIGKILL));
    saw("SIGSTOP to self", kill(getpid(), SIGSTOP));
    raise(SIGSTOP);
}
static void die_unmap(const char *argument) {
    (void)argument;
    for (uintptr_t at = 1ul << 46; at >= 0x10000; at >>= 1) munmap((void *)at, at - (at >> 1 == 1ul << 45 ? 0x2000 : 0));
}
static void die_corrupt_host_table(const char *argument) {
    (void)argument;
    limen_host *table = (limen_host *)host;
    memset(table, 0x41, sizeof *table);
}
static void close_descriptors(const char *argument) {
    (void)argument;
    for (int fd = 0; fd < 1024; fd++) close(fd);
}
/* The call is answered, but threads stay and go on taking what they get. */
static void linger_spinning(const char *argument) {
    (void)argument;
    pthread_t thread;
    for (int i = 0; i < 8; i++) pthread_create(&thread, NULL, spin_thread, NULL);
    saw_text("left behind", "8 threads");
}
static void die_after_answer(const char *argument) {
    (void)argument;
    saw_text("answered", "yes");
    answer();
    abort();
}
static void noop(const char *argument) { (void)argument; saw_text("still", "here"); }

ATTACKS({"memory-loop", memory_loop}, {"memory-malloc", memory_malloc}, {"memory-threads", memory_threads}, {"memory-stack", memory_stack},
        {"memory-huge-map", memory_huge_map}, {"memory-populate", memory_populate}, {"memory-hugetlb", memory_hugetlb},
        {"memory-shared", memory_shared}, {"memory-locked", memory_locked}, {"memory-page-tables", memory_page_tables},
        {"memory-mappings", memory_mappings}, {"thread-bomb", thread_bomb}, {"thread-bomb-endless", thread_bomb_endless},
        {"descriptor-flood", descriptor_flood}, {"timer-flood", timer_flood}, {"signal-queue", signal_queue}, {"pipe-buffers", pipe_buffers},
        {"fill-scratch", fill_scratch}, {"fill-inodes", fill_inodes}, {"deep-folders", deep_folders}, {"spin", spin},
        {"spin-threads", spin_threads}, {"sleep-for-ever", sleep_for_ever}, {"spin-in-handler", spin_in_handler},
        {"segv-for-ever", segv_for_ever}, {"never-answer", never_answer}, {"log-flood", log_flood}, {"log-huge", log_huge},
        {"event-flood", event_flood}, {"event-huge", event_huge}, {"event-bytes", event_bytes}, {"standard-streams", standard_streams},
        {"output-too-large", output_too_large}, {"stack-overflow", stack_overflow}, {"abort", die_abort}, {"trap", die_trap},
        {"null-write", die_null}, {"wild-jump", die_wild_jump}, {"divide", die_divide}, {"double-free", die_double_free}, {"exit", die_exit},
        {"exit-group", die_exit_group}, {"thread-exit", die_thread_exit}, {"pthread-exit", die_pthread_exit}, {"kill-self", die_kill_self},
        {"unmap", die_unmap}, {"corrupt-host-table", die_corrupt_host_table}, {"close-descriptors", close_descriptors},
        {"linger-spinning", linger_spinning}, {"die-after-answer", die_after_answer}, {"noop", noop});
