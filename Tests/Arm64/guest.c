/* The first and only process of a machine with an arm64 kernel of Debian's (`run` beside this file starts it). It installs the filters that the Swift
 * sources made for arm64, asks that kernel about every call, takes the steps of a jail that are written in C, and calls a plugin under both stages.
 * Everything it says goes to the console; the last line is `passed N, failed N`. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "ckit.h"
#include "clinux.h"
#include "limen_plugin.h"

static int passed, failed;

static void check(int holds, const char *what) {
    printf("%s %s\n", holds ? "ok" : "FAILED", what);
    if (holds) passed++;
    else failed++;
}

static void *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*size);
    *size = fread(bytes, 1, *size, file);
    fclose(file);
    return bytes;
}

/* What a child of its own returns; 128 and the signal that ended it. */
static int in_child(int (*work)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit(work());
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Every call that the policy was asked about, put to this kernel. */
static void compare(const char *name) {
    char path[300];
    size_t size = 0;
    snprintf(path, sizeof path, "/vectors/%s", name);
    uint64_t *words = load(path, &size);
    uint64_t filters = words ? words[0] : 0, calls = words ? words[1] : 0;
    if (!words || size != 16 + 8 * (filters + 8 * calls)) return check(0, name);
    const struct ckit_call *asked = (const void *)(words + 2 + filters);
    const int64_t *expected = (const int64_t *)(words + 2 + filters + 7 * calls);
    int64_t *answers = calloc(calls, sizeof *answers);
    int result = ckit_try_calls(words + 2, (uint16_t)filters, asked, answers, calls);
    size_t wrong = 0;
    for (size_t i = 0; result == 0 && i < calls; i++)
        if (answers[i] != expected[i] && wrong++ < 5)
            printf("call %lu: the kernel says %ld, the policy %ld\n", (unsigned long)asked[i].number, (long)answers[i], (long)expected[i]);
    char what[400];
    snprintf(what, sizeof what, "%s: %lu calls, %zu wrong, result %d", name, (unsigned long)calls, wrong, result);
    check(result == 0 && wrong == 0 && calls > 1000, what);
    free(answers);
    free(words);
}

static void compare_all(void) {
    DIR *folder = opendir("/vectors");
    int count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (strstr(entry->d_name, ".vectors")) compare(entry->d_name), count++;
    check(count >= 7, "filters of every rung");
}

static int install(const char *name, uint32_t flags) {
    char path[300];
    size_t size = 0;
    snprintf(path, sizeof path, "/vectors/%s.filter", name);
    void *filter = load(path, &size);
    /* Stage 1 lets nobody set it, only ask. */
    int ready = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    return filter && ready && clinux_seccomp_filter(filter, (uint16_t)(size / 8), flags) == 0;
}

static void *thread(void *argument) { return argument; }

static int refused(long result, int error) { return result == -1 && errno == error; }

/* Stage 1 as a worker has it. */
static int stage1(void) {
    if (!install("stage-1-on-root", 0)) return 1;
    pthread_t id;
    if (pthread_create(&id, NULL, thread, NULL) != 0 || pthread_join(id, NULL) != 0) return 2;
    if (fork() != -1 || errno != EPERM) return 3;
    if (!refused(syscall(SYS_clone3, NULL, 0), ENOSYS)) return 4;
    if (!refused(execl("/init", "/init", NULL), EPERM)) return 5;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return 6;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || !refused(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM)) return 7;
    if (!refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM)) return 8;
    return 0;
}

/* Stage 1 of a worker with a socket grant: a TCP client over IPv4. */
static int socket_grant(void) {
    /* Where a worker has its frame socket. */
    if (dup2(0, 3) != 3 || !install("stage-1-with-a-socket-on-root", 0)) return 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 2;
    if (clinux_try_bind(fd, 4000) != -EPERM) return 3;
    long tried = clinux_try_connect(fd, 4000);
    if (tried != -ECONNREFUSED && tried != -ENETUNREACH) return 4;
    if (!refused(socket(AF_INET, SOCK_DGRAM, 0), EPERM) || !refused(socket(AF_INET6, SOCK_STREAM, 0), EPERM)) return 5;
    if (!refused(dup(3), EPERM) || !refused(shutdown(3, SHUT_RD), EPERM)) return 6;
    return 0;
}

/* With nobody to report to, a tripwire kills by itself. */
static int tripwire(void) {
    if (!install("stage-1-without-a-listener", 0)) return 1;
    syscall(SYS_setns, -1, 0);
    return 2;
}

/* The listener's side of a tripwire: the call arrives with its number, its arguments and this architecture. */
static int notified(void) {
    size_t size = 0;
    void *filter = load("/vectors/stage-1-on-root.filter", &size);
    if (!filter || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
    pid_t worker = fork();
    if (worker == 0) {
        long listener = clinux_seccomp_filter(filter, (uint16_t)(size / 8), SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if (listener < 0 || clinux_send_fds(ends[1], "l", 1, &(int){(int)listener}, 1) != 1) _exit(3);
        syscall(SYS_unshare, 0x7e020000);
        _exit(4);
    }
    char byte;
    struct iovec part = {&byte, 1};
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(ends[0], &message, 0) != 1 || !CMSG_FIRSTHDR(&message)) return 5;
    int listener;
    memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof listener);
    struct clinux_notification seen;
    if (clinux_seccomp_receive(listener, &seen) != 0) return 6;
    kill(worker, SIGKILL);
    return seen.number == SYS_unshare && seen.architecture == AUDIT_ARCH_AARCH64 && seen.arguments[0] == 0x7e020000 ? 0 : 7;
}

/* Landlock: what no rule names is out of reach. */
static int landlock(void) {
    if (clinux_landlock_abi() < 1) return 1;
    struct clinux_landlock_ruleset rules = {.fs = (1 << 13) - 1};
    long set = clinux_landlock_create(&rules);
    int lib = open("/lib", O_PATH | O_CLOEXEC);
    if (set < 0 || lib < 0 || clinux_landlock_add_path((int)set, lib, 1 << 2 | 1 << 3) < 0) return 2;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || clinux_landlock_restrict((int)set) < 0) return 3;
    if (open("/lib/libc.so.6", O_RDONLY) < 0) return 4;
    return refused(open("/init", O_RDONLY), EACCES) ? 0 : 5;
}

static int capabilities(void) {
    if (clinux_capabilities_clear() != 0) return 1;
    return refused(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM) ? 0 : 2;
}

/* A detached, sealed copy of a folder, attached where nobody wrote it. */
static int sealed(void) {
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 1;
    if (mount("bundle", "/tmp", "tmpfs", 0, NULL) != 0 || mkdir("/tmp/a", 0755) != 0 || mkdir("/tmp/b", 0755) != 0) return 2;
    long tree = clinux_sealed_tree("/tmp/a");
    if (tree < 0 || clinux_attach_tree((int)tree, "/tmp/b") < 0) return 3;
    return refused(mkdir("/tmp/b/c", 0755), EROFS) ? 0 : 4;
}

/* Borrowed memory, a stack of its own, a new process id namespace: the assembly of clinux_birth.c. */
static void birth(void) {
    int null = open("/dev/null", O_RDWR), ends[2], pidfd = -1;
    if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return check(0, "birth: descriptors");
    char *arguments[] = {"/init", "born", NULL}, *environment[] = {NULL};
    struct clinux_birth plan = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, .unified_cgroup = -1, .null = null, .setup = ends[1],
        .program = "/init", .arguments = arguments, .environment = environment,
    };
    for (int round = 0; round < 100; round++) {
        long pid = clinux_clone_worker(&plan, &pidfd);
        int status = -1;
        char said = 0;
        if (pid <= 0 || read(ends[0], &said, 1) != 1 || said != '1' || waitpid((pid_t)pid, &status, 0) != pid || status != 0) {
            printf("round %d: pid %ld, said %d, status %x\n", round, pid, said, (unsigned)status);
            return check(0, "birth");
        }
        close(pidfd);
    }
    check(1, "a hundred workers born into namespaces, each process 1 of its own");
    close(null), close(ends[0]), close(ends[1]);
}

static int born(void) { return write(4, getpid() == 1 ? "1" : "0", 1) == 1 && fcntl(5, F_GETFD) < 0 ? 0 : 1; }

static char output[100];

static void complete(limen_call *call, limen_bytes bytes, const limen_attachment *attachments, uint32_t count) {
    (void)call, (void)attachments, (void)count;
    snprintf(output, sizeof output, "%.*s", (int)bytes.length, (const char *)bytes.data);
}

static void quiet(limen_call *call, limen_log_level level, limen_bytes message) { (void)call, (void)level, (void)message; }

/* The C template's library: loaded under stage 1, called under stage 2. */
static int plugin(void) {
    static limen_host host = {.size = sizeof host, .abi = LIMEN_ABI_VERSION, .complete = complete, .log = quiet};
    if (!install("stage-1-on-root", 0)) return 1;
    void *library = dlopen("/libhello.so", RTLD_NOW);
    limen_plugin_entry_function entry = library ? (limen_plugin_entry_function)dlsym(library, LIMEN_ENTRY_SYMBOL) : NULL;
    const limen_plugin *served = entry ? entry(&host) : NULL;
    if (!served) return 2;
    if (!install("stage-2", SECCOMP_FILTER_FLAG_TSYNC)) return 5;
    const char *input = "{\"text\":\"Hello\"}";
    limen_request request = {.size = sizeof request, .tool = {(const uint8_t *)"count", 5}, .input = {(const uint8_t *)input, strlen(input)}};
    served->call(served->state, NULL, &request);
    if (strcmp(output, "{\"bytes\":16}") != 0) return 3;
    return dlopen("/lib/libm.so.6", RTLD_NOW) == NULL ? 0 : 4;
}

static void expect(const char *what, int (*work)(void), int wanted) {
    int got = in_child(work);
    char text[200];
    snprintf(text, sizeof text, "%s (%d)", what, got);
    check(got == wanted, text);
}

int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "born") == 0) return born();
    struct utsname name;
    setvbuf(stdout, NULL, _IOLBF, 0);
    uname(&name);
    printf("%s, Linux %s\n", name.machine, name.release);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    check(strcmp(name.machine, "aarch64") == 0, "the machine is an arm64");
    compare_all();
    expect("stage 1: threads run, processes, programs, sockets and new code are refused", stage1, 0);
    expect("stage 1 with a socket: a TCP client runs, a server and other sockets are refused", socket_grant, 0);
    expect("a tripwire without a listener kills", tripwire, 128 + SIGSYS);
    expect("a tripwire is reported with number, arguments and architecture", notified, 0);
    expect("Landlock", landlock, 0);
    expect("no capability is left", capabilities, 0);
    expect("a sealed mount is read-only", sealed, 0);
    expect("a plugin loads under stage 1, answers under stage 2, and no library loads after", plugin, 0);
    birth();
    printf("passed %d, failed %d\n", passed, failed);
    sync();
    reboot(RB_POWER_OFF);
}
