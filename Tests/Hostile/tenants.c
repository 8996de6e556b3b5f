/* Tenants and time: what one caller leaves for the next, and answers that come when somebody else is being served. */
#include "hostile.h"

extern char **environ;

static char kept[256] = "nothing";
static __thread char kept_in_thread[64] = "nothing";

static void keep_global(const char *argument) {
    snprintf(kept, sizeof kept, "%s", argument);
    snprintf(kept_in_thread, sizeof kept_in_thread, "%s", argument);
    saw_text("kept", "%s", kept);
}
static void read_global(const char *argument) {
    (void)argument;
    saw_text("global", "%s", kept);
    saw_text("thread local", "%s", kept_in_thread);
}

static void keep_scratch(const char *argument) {
    int fd = open("/scratch/kept", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    saw("write", write(fd, argument, strlen(argument)));
    close(fd);
    mkdir("/scratch/folder", 0700);
    mkdir("/scratch/folder/closed", 0);
    symlink("/", "/scratch/link");
    mkfifo("/scratch/fifo", 0600);
    close(open("/scratch/name with\nnewline \xff", O_CREAT | O_WRONLY, 0));
    close(open("/scratch/-rf", O_CREAT | O_WRONLY, 0));
    chmod("/scratch/folder", 0);
    chmod("/scratch", 0500);
}
static void read_scratch(const char *argument) {
    (void)argument;
    DIR *entries = opendir("/scratch");
    int count = 0;
    if (!entries) { saw("opendir", -1); return; }
    for (struct dirent *entry; (entry = readdir(entries));) count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(entries);
    saw_text("files left", "%d", count);
    int fd = open("/scratch/probe", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    saw("writable", fd);
    close(fd);
    unlink("/scratch/probe");
}
/* An unlinked file that is still open is in no directory. */
static void keep_descriptor(const char *argument) {
    int fd = open("/scratch/gone", O_CREAT | O_RDWR, 0600);
    unlink("/scratch/gone");
    saw("write", write(fd, argument, strlen(argument)));
    saw("dup", dup2(fd, 50));
}
static void read_descriptor(const char *argument) {
    (void)argument;
    char text[64] = "";
    saw("descriptor 50", pread(50, text, sizeof text - 1, 0));
}
static void keep_environment(const char *argument) {
    setenv("KEPT", argument, 1);
    srand(12345);
    umask(0777);
    saw_text("environment", "%s", getenv("KEPT"));
}
static void read_environment(const char *argument) {
    (void)argument;
    int others = 0;
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "SWIFT_BACKTRACE=", 16) && strncmp(*at, "TZ=", 3)) others++;
    saw_text("KEPT", "%s", getenv("KEPT") ? getenv("KEPT") : "absent");
    saw_text("SWIFT_BACKTRACE", "%s", getenv("SWIFT_BACKTRACE") ? getenv("SWIFT_BACKTRACE") : "absent");
    saw_text("TZ", "%s", getenv("TZ") ? getenv("TZ") : "absent");
    saw_text("other variables", "%d", others);
    mode_t mask = umask(077);
    umask(mask);
    saw_text("umask all", "%s", mask == 0777 ? "yes" : "no");
}
static int count_matches(const char *path, const char *word) {
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    int found = 0;
    size_t length = strlen(word);
    for (ssize_t i = 0; i + (ssize_t)length <= count; i++) found += memcmp(text + i, word, length) == 0;
    return found;
}
/* `argument` is a word that only the host's own arguments and paths contain. */
static void read_arguments(const char *argument) {
    saw_text("cmdline", "%d", count_matches("/proc/self/cmdline", argument));
    saw_text("environ", "%d", count_matches("/proc/self/environ", argument));
    saw_text("mountinfo", "%d", count_matches("/proc/self/mountinfo", argument));
    saw_text("maps", "%d", count_matches("/proc/self/maps", argument));
    saw_text("cgroup", "%d", count_matches("/proc/self/cgroup", argument));
    saw_text("own library", "%s", strstr(own_library(), argument) ? "host path" : "jail path");
}
/* Two workers of one binary must not share the state of their random numbers. */
static void randomness(const char *argument) {
    (void)argument;
    uint64_t value = 0;
    if (syscall(SYS_getrandom, &value, sizeof value, 0) != sizeof value) saw("getrandom", -1);
    saw_text("random", "%016llx", (unsigned long long)value);
    saw_text("stack", "%p", (void *)&value);
    saw_text("canary", "%s", "hidden");
}
static void keep_shared(const char *argument) {
    (void)argument;
    saw("shm_open", syscall(SYS_openat, AT_FDCWD, "/dev/shm/limen-escape", O_CREAT | O_RDWR, 0600));
    saw("shmget", syscall(SYS_shmget, 0x1234, 4096, 01600));
    saw("mq_open", syscall(SYS_mq_open, "limen-escape", O_CREAT | O_RDWR, 0600, NULL));
    saw("semget", syscall(SYS_semget, 0x1234, 1, 01600));
}
static void core_file(const char *argument) {
    (void)argument;
    if (chdir("/scratch") < 0) saw("chdir", -1);
    abort();
}

/* The call is given up in good order when it is cancelled; a thread then speaks for it while the next caller is served. */
static limen_call *old_call;
static bool give_up(limen_call *call) {
    old_call = call;
    return true;
}
static void *speak_late(void *unused) {
    for (int i = 0; i < 200; i++) {
        sleep_milliseconds(2);
        if (!old_call) continue;
        host->complete(old_call, text_of("{\"saw\":{\"from\":\"an older call\"}}"), NULL, 0);
        host->emit(old_call, LIMEN_EVENT_TOKEN, text_of("{\"text\":\"an older call\"}"));
    }
    return unused;
}
static void cancelled_then_late(const char *argument) {
    (void)argument;
    pthread_t thread;
    on_cancel = give_up;
    pthread_create(&thread, NULL, speak_late, NULL);
    current = NULL; /* returns with the call in flight */
}
static uint64_t answered_id;
static void *forge_late(void *unused) {
    static const char json[] = "{\"saw\":{\"from\":\"an older call\"}}";
    uint8_t payload[8 + sizeof json] = {sizeof json - 1};
    memcpy(payload + 8, json, sizeof json - 1);
    sleep_milliseconds(20);
    for (uint64_t id = answered_id; id < answered_id + 64; id++) write_frame(FRAME_RESULT, 0, 0, id, payload, 8 + sizeof json - 1);
    return unused;
}
/* Answers, then forges results for every call that may come next. */
static void answer_then_forge(const char *argument) {
    (void)argument;
    pthread_t thread;
    answered_id = (uint64_t)(uintptr_t)current;
    pthread_create(&thread, NULL, forge_late, NULL);
    saw_text("from", "this call");
}
static void say(const char *argument) {
    sleep_milliseconds(60);
    saw_text("said", "%s", argument);
}

static void kv_answered(void *context, const limen_kv_result *result) {
    *(volatile int *)context = 1;
    saw_text("found", "%u", result->found);
    saw_text("error", "%.*s", (int)result->error_code.length, (const char *)result->error_code.data);
    saw_text("value", "%.*s", (int)(result->value.length > 200 ? 200 : result->value.length), (const char *)result->value.data);
}
static void kv(limen_kv_operation operation, const char *key, const char *value) {
    volatile int done = 0;
    host->kv(current, operation, text_of(key), text_of(value), kv_answered, (void *)&done);
    if (host->pump(current, &done) != 0) saw_text("pump", "ended");
}
static void keep_state(const char *argument) { kv(LIMEN_KV_SET, "secret", argument); }
static void read_state(const char *argument) { kv(LIMEN_KV_GET, *argument ? argument : "secret", ""); }
static void list_state(const char *argument) { kv(LIMEN_KV_LIST, argument, ""); }

ATTACKS({"keep-global", keep_global}, {"read-global", read_global}, {"keep-scratch", keep_scratch}, {"read-scratch", read_scratch},
        {"keep-descriptor", keep_descriptor}, {"read-descriptor", read_descriptor}, {"keep-environment", keep_environment},
        {"read-environment", read_environment}, {"read-arguments", read_arguments}, {"randomness", randomness}, {"keep-shared", keep_shared},
        {"core-file", core_file}, {"cancelled-then-late", cancelled_then_late}, {"answer-then-forge", answer_then_forge}, {"say", say},
        {"keep-state", keep_state}, {"read-state", read_state}, {"list-state", list_state});
