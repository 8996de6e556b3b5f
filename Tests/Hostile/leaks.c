/* A plugin that gives nothing back: every call takes a little more, until a limit of the jail says no. */
#include "hostile.h"

static void *sleeper(void *unused) {
    sleep_forever();
    return unused;
}

/* 2 MiB a call, touched and never freed: the worker dies of its memory limit. */
static void leak_memory(const char *argument) {
    (void)argument;
    char *block = malloc(2 << 20);
    if (block) memset(block, 1, 2 << 20);
    saw_text("leaked", "memory");
}
/* Four descriptors a call: the table is full after a few calls, and stays full. */
static void leak_descriptors(const char *argument) {
    (void)argument;
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (pipe(ends) < 0) break;
    }
    saw_text("leaked", "descriptors");
}
/* Two threads a call that never end. */
static void leak_threads(const char *argument) {
    (void)argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    pthread_t thread;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread, &attributes, sleeper, NULL) != 0) break;
    saw_text("leaked", "threads");
}
/* A file of a megabyte a call, until the scratch is full. */
static void leak_scratch(const char *argument) {
    (void)argument;
    static int number;
    static char block[1 << 20];
    char path[64];
    snprintf(path, sizeof path, "/scratch/leak-%d", number++);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd >= 0) {
        if (write(fd, block, sizeof block) < 0) unlink(path);
        close(fd);
    }
    saw_text("leaked", "scratch");
}
/* A quarter of a megabyte of events a call, which nobody collects. */
static void leak_events(const char *argument) {
    (void)argument;
    static char text[32 << 10];
    memset(text, 'x', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    for (int i = 0; i < 8; i++) host->emit(current, LIMEN_EVENT_PARTIAL, (limen_bytes){(uint8_t *)text, sizeof text});
    saw_text("leaked", "events");
}
static void noop(const char *argument) { (void)argument; saw_text("still", "here"); }

ATTACKS({"leak-memory", leak_memory}, {"leak-descriptors", leak_descriptors}, {"leak-threads", leak_threads}, {"leak-scratch", leak_scratch},
        {"leak-events", leak_events}, {"noop", noop});
