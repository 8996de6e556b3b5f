/*
 * Load time: one library a variant, compiled with -DVARIANT_<name>. Constructors, resolvers and entries are the stranger's
 * code already; what a constructor saw is told by the case `report`.
 */
#include "hostile.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void report(const char *argument) { (void)argument; saw_text("loaded", "yes"); }

static long map_exec(int protection) { return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0; }
static void report_filter(const char *argument) {
    (void)argument;
    int fd = open(own_library(), O_RDONLY | O_CLOEXEC);
    saw("map rwx", map_exec(PROT_READ | PROT_WRITE | PROT_EXEC));
    saw("map rx", map_exec(PROT_READ | PROT_EXEC));
    saw("open passwd", open("/etc/passwd", O_RDONLY));
    saw("socket", socket(AF_INET, SOCK_STREAM, 0));
    saw("fork", fork());
    close(fd);
}

/* Notes of a constructor: the dispatcher empties its record at each call. */
static struct { const char *what; int error; } notes[16];
static int notes_count;
__attribute__((unused)) static void note(const char *what, long result) {
    if (notes_count < 16) notes[notes_count].what = what, notes[notes_count++].error = result >= 0 ? 0 : errno;
}
static void report_notes(const char *argument) {
    (void)argument;
    for (int i = 0; i < notes_count; i++) saw_errno(notes[i].what, notes[i].error);
}
__attribute__((unused)) static void *spinner(void *unused) {
    for (volatile uint64_t n = 0;; n++) {}
    return unused;
}

#define CONSTRUCTOR __attribute__((constructor)) static void before_entry(void)
#if defined VARIANT_constructor_open
CONSTRUCTOR {
    note("open passwd", open("/etc/passwd", O_RDONLY));
    note("open root", open("/root", O_RDONLY));
    note("create in /", open("/x", O_CREAT | O_WRONLY, 0600));
    note("socket", socket(AF_INET, SOCK_STREAM, 0));
    note("unix socket", socket(AF_UNIX, SOCK_STREAM, 0));
    note("fork", fork());
    note("execve", execve("/proc/self/exe", (char *[]){"x", NULL}, NULL));
    note("setuid", setuid(0));
    note("map rwx", map_exec(PROT_READ | PROT_WRITE | PROT_EXEC));
    note("map rx", map_exec(PROT_READ | PROT_EXEC));
    note("prctl dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
#elif defined VARIANT_constructor_spin
CONSTRUCTOR { spinner(NULL); }
#elif defined VARIANT_constructor_sleep
CONSTRUCTOR { sleep_forever(); }
#elif defined VARIANT_constructor_threads
CONSTRUCTOR {
    pthread_t thread;
    int made = 0;
    while (made < 200 && pthread_create(&thread, NULL, spinner, NULL) == 0) made++;
    errno = EAGAIN;
    note("threads past the limit", made < 32 ? -1 : 0);
}
#elif defined VARIANT_constructor_crash
CONSTRUCTOR {
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}
#elif defined VARIANT_constructor_abort
CONSTRUCTOR { abort(); }
#elif defined VARIANT_constructor_exit
CONSTRUCTOR { exit(0); }
#elif defined VARIANT_constructor_exit_group
CONSTRUCTOR { syscall(SYS_exit_group, 0); }
#elif defined VARIANT_constructor_tripwire
CONSTRUCTOR { syscall(SYS_bpf, 0, 0, 0); }
#elif defined VARIANT_constructor_unshare
CONSTRUCTOR { syscall(SYS_unshare, 0x10000000); }
#elif defined VARIANT_constructor_memory
CONSTRUCTOR { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }
#elif defined VARIANT_constructor_close
CONSTRUCTOR { for (int fd = 0; fd < 1024; fd++) close(fd); }
#elif defined VARIANT_constructor_forge_ready
CONSTRUCTOR {
    static const char ready[] = "{\"abi\":1,\"description\":{\"name\":\"neighbour\",\"version\":\"9.9.9\",\"tools\":[]}}";
    write_frame(FRAME_READY, 0, 0, 0, ready, sizeof ready - 1);
}
#elif defined VARIANT_constructor_forge_jailed
CONSTRUCTOR {
    static const char jailed[] = "{\"rung\":\"root\",\"landlock\":99}";
    write_frame(FRAME_JAILED, 0, 0, 0, jailed, sizeof jailed - 1);
}
#elif defined VARIANT_constructor_garbage
CONSTRUCTOR { write_to_host("\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef", 16); }
#elif defined VARIANT_constructor_result
CONSTRUCTOR {
    uint8_t payload[] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    for (uint64_t id = 0; id < 8; id++) write_frame(FRAME_RESULT, 0, 0, id, payload, sizeof payload);
}
#elif defined VARIANT_constructor_filter
/* A filter of the plugin's own that makes the second stage appear to succeed: no promise may rest on that stage. */
CONSTRUCTOR {
    struct sock_filter lie[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, lie};
    note("own filter", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}
#elif defined VARIANT_constructor_limits
CONSTRUCTOR {
    struct rlimit none = {0, 0};
    note("RLIMIT_NOFILE 0", setrlimit(RLIMIT_NOFILE, &none));
    note("RLIMIT_STACK 0", setrlimit(RLIMIT_STACK, &none));
    note("chdir", chdir("/scratch"));
    umask(0777);
}
#elif defined VARIANT_constructor_signals
CONSTRUCTOR {
    sigset_t all;
    sigfillset(&all);
    note("block all", pthread_sigmask(SIG_BLOCK, &all, NULL));
    for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
}
#elif defined VARIANT_constructor_log_flood
CONSTRUCTOR {
    static char line[4096];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 20000; i++) write_frame(FRAME_LOG, 0, 0, 0, line, sizeof line);
}
#elif defined VARIANT_resolver_open
/* A resolver runs while the library is being relocated, before any constructor. */
static int resolver_error = -1;
static void resolved(void) {}
static void (*resolve_it(void))(void) {
    long result = -1;
#ifdef __x86_64__
    /* Nothing is relocated yet: the system call by hand. */
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_openat), "D"(-100), "S"("/etc/passwd"), "d"(0) : "rcx", "r11", "memory");
#endif
    resolver_error = (int)-result;
    return resolved;
}
void chosen(void) __attribute__((ifunc("resolve_it")));
CONSTRUCTOR {
    chosen();
    errno = resolver_error;
    note("open passwd", -1);
}
#elif defined VARIANT_exit_handler
/* Refuses to end: the host gives a worker 100 ms to stop, then kills it. */
static void spin_at_exit(void) { spinner(NULL); }
CONSTRUCTOR { atexit(spin_at_exit); }
#elif defined VARIANT_big_tls
static __thread char huge[512 << 20];
CONSTRUCTOR { huge[0] = 1; }
#elif defined VARIANT_big_bss
static volatile char huge[1u << 30];
CONSTRUCTOR { for (size_t i = 0; i < sizeof huge; i += 4096) huge[i] = 1; }
#endif

ATTACKS({"report", report}, {"report-notes", report_notes}, {"report-filter", report_filter});

#ifndef VARIANT_entry_missing
LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *given) {
    static limen_plugin plugin;
    plugin = honest_plugin(given);
#if defined VARIANT_entry_null
    host->log(NULL, LIMEN_LOG_ERROR, text_of("this plugin does not want to serve"));
    return NULL;
#elif defined VARIANT_entry_crash
    *(volatile int *)0 = 1;
#elif defined VARIANT_entry_spin
    spinner(NULL);
#elif defined VARIANT_entry_exit
    exit(0);
#elif defined VARIANT_entry_wild
    return (const limen_plugin *)0x4141414141414140;
#elif defined VARIANT_abi_2
    plugin.abi = 2;
#elif defined VARIANT_abi_0
    plugin.abi = 0;
#elif defined VARIANT_size_0
    plugin.size = 0;
#elif defined VARIANT_size_short
    plugin.size = offsetof(limen_plugin, call);
#elif defined VARIANT_size_huge
    plugin.size = 0xffffffff;
#elif defined VARIANT_call_null
    plugin.call = NULL;
#elif defined VARIANT_call_wild
    plugin.call = (void (*)(void *, limen_call *, const limen_request *))0x4141414141414140;
#elif defined VARIANT_description_null
    plugin.description = (limen_bytes){NULL, 100};
#elif defined VARIANT_description_empty
    plugin.description = (limen_bytes){0};
#elif defined VARIANT_description_invalid
    plugin.description = text_of("{\"name\":");
#elif defined VARIANT_description_other_tool
    static char other[8192];
    snprintf(other, sizeof other, "%.*s", (int)plugin.description.length, (const char *)plugin.description.data);
    memcpy(strstr(other, "\"name\":\"run\""), "\"name\":\"nun\"", 12);
    plugin.description = text_of(other);
#elif defined VARIANT_description_more_tools
    static char more[8192];
    snprintf(more, sizeof more, "%.*s", (int)plugin.description.length - 2, (const char *)plugin.description.data);
    strcat(more, ",{\"name\":\"hidden\",\"description\":\"x\",\"input_schema\":{},\"output_schema\":{}}]}");
    plugin.description = text_of(more);
#elif defined VARIANT_description_other_schema
    static char other[8192];
    snprintf(other, sizeof other, "%.*s", (int)plugin.description.length, (const char *)plugin.description.data);
    memcpy(strstr(other, "\"additionalProperties\":false"), "\"additionalProperties\":true ", 28);
    plugin.description = text_of(other);
#elif defined VARIANT_description_no_tools
    static char none[8192];
    snprintf(none, sizeof none, "%.*s", (int)plugin.description.length, (const char *)plugin.description.data);
    strcpy(strstr(none, "\"tools\":["), "\"tools\":[]}");
    plugin.description = text_of(none);
#elif defined VARIANT_description_other_name
    plugin.description = text_of("{\"name\":\"neighbour\",\"version\":\"1.0.0\",\"tools\":[]}");
#elif defined VARIANT_description_huge
    size_t size = 64 << 20;
    char *huge_text = malloc(size);
    memset(huge_text, ' ', size);
    huge_text[0] = '{', huge_text[size - 1] = '}';
    plugin.description = (limen_bytes){(uint8_t *)huge_text, size};
#elif defined VARIANT_description_deep
    size_t size = 200000;
    char *deep = malloc(size);
    memset(deep, '[', size / 2);
    memset(deep + size / 2, ']', size / 2);
    plugin.description = (limen_bytes){(uint8_t *)deep, size};
#endif
    return &plugin;
}
#endif
