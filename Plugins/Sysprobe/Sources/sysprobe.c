/*
 * sysprobe: reports what its jail lets it see, as JSON. Plain C against limen_plugin.h.
 *
 * Every question is one that ordinary libraries ask too (reading files, listing folders, asking for a socket), so that an honest answer
 * never trips the supervisor.
 */
#define _GNU_SOURCE
#include "limen_plugin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { REPORT_BYTES_MAX = 256 * 1024, FILE_BYTES_MAX = 16 * 1024, ENTRIES_MAX = 64 };

static const limen_host *host;
extern char **environ;

/* A bounded JSON writer: what does not fit is dropped and `overflow` is set. */
typedef struct writer {
    char *bytes;
    size_t length;
    int overflow;
} writer;

static void put(writer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(writer *out, const char *format, ...)
{
    size_t room = REPORT_BYTES_MAX - out->length;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(out->bytes + out->length, room, format, arguments);
    va_end(arguments);
    if (wanted < 0 || (size_t)wanted >= room)
        out->overflow = 1;
    else
        out->length += (size_t)wanted;
}

/* Bytes as a JSON string; what is not printable ASCII is escaped, so the result is always valid UTF-8. */
static void put_string(writer *out, const char *text, size_t length)
{
    put(out, "\"");
    for (size_t i = 0; i < length && !out->overflow; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            put(out, "\\%c", byte);
        else if (byte == '\n')
            put(out, "\\n");
        else if (byte < 32 || byte > 126)
            put(out, "\\u%04x", byte);
        else
            put(out, "%c", byte);
    }
    put(out, "\"");
}

static void put_text(writer *out, const char *text) { put_string(out, text, strlen(text)); }

/* "key": result of an attempt, which is 0 or an errno. */
static void put_attempt(writer *out, const char *key, int error)
{
    put(out, "\"%s\":", key);
    put_text(out, error == 0 ? "allowed" : strerrorname_np(error) ? strerrorname_np(error) : "unknown");
}

/* The first bytes of a file, or null. */
static void put_file(writer *out, const char *path)
{
    static char buffer[FILE_BYTES_MAX];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        put(out, "null");
        return;
    }
    size_t length = 0;
    while (length < sizeof buffer) {
        ssize_t count = read(descriptor, buffer + length, sizeof buffer - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    close(descriptor);
    put_string(out, buffer, length);
}

/* The names in a folder, or the reason why there are none. */
static void put_folder(writer *out, const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        put_text(out, strerrorname_np(errno) ? strerrorname_np(errno) : "unknown");
        return;
    }
    put(out, "[");
    int count = 0;
    struct dirent *entry;
    while (count < ENTRIES_MAX && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (count++)
            put(out, ",");
        put_text(out, entry->d_name);
    }
    put(out, "]");
    closedir(folder);
}

/* One line "Name:\tvalue" of /proc/self/status as "key":"value". */
static void put_status(writer *out, const char *key, const char *status, const char *name)
{
    char needle[32];
    snprintf(needle, sizeof needle, "\n%s:", name);
    const char *line = status ? strstr(status, needle) : NULL;
    put(out, "\"%s\":", key);
    if (!line) {
        put(out, "null");
        return;
    }
    line += strlen(needle);
    while (*line == ' ' || *line == '\t')
        line++;
    put_string(out, line, strcspn(line, "\n"));
}

static const char *read_status(void)
{
    static char buffer[FILE_BYTES_MAX];
    int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    ssize_t count = read(descriptor, buffer, sizeof buffer - 1);
    close(descriptor);
    if (count <= 0)
        return NULL;
    buffer[count] = 0;
    return buffer;
}

static void identity(writer *out)
{
    struct utsname name;
    put(out, "{\"uid\":%u,\"euid\":%u,\"gid\":%u,\"egid\":%u,\"pid\":%d,\"ppid\":%d,\"groups\":%d", getuid(), geteuid(), getgid(), getegid(),
        getpid(), getppid(), getgroups(0, NULL));
    if (uname(&name) == 0) {
        put(out, ",\"hostname\":");
        put_text(out, name.nodename);
        put(out, ",\"kernel\":");
        put_text(out, name.release);
    }
    put(out, "}");
}

static void files(writer *out)
{
    put(out, "{\"root\":");
    put_folder(out, "/");
    put(out, ",\"proc\":");
    put_folder(out, "/proc");
    put(out, ",\"dev\":");
    put_folder(out, "/dev");
    put(out, ",\"scratch\":");
    put_folder(out, host->scratch_path);
    int descriptor = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    put(out, ",");
    put_attempt(out, "read_etc_passwd", descriptor < 0 ? errno : 0);
    if (descriptor >= 0)
        close(descriptor);
    descriptor = open("/limen-sysprobe", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    put(out, ",");
    put_attempt(out, "write_root", descriptor < 0 ? errno : 0);
    if (descriptor >= 0) {
        close(descriptor);
        unlink("/limen-sysprobe");
    }
    char path[256];
    snprintf(path, sizeof path, "%s/sysprobe", host->scratch_path);
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    put(out, ",");
    put_attempt(out, "write_scratch", descriptor < 0 ? errno : 0);
    if (descriptor >= 0) {
        close(descriptor);
        unlink(path);
    }
    put(out, "}");
}

static void mounts(writer *out)
{
    put(out, "{\"mountinfo\":");
    put_file(out, "/proc/self/mountinfo");
    put(out, "}");
}

static void network(writer *out)
{
    put(out, "{\"interfaces\":");
    put_file(out, "/proc/self/net/dev");
    int kinds[] = {AF_INET, AF_INET6, AF_UNIX};
    const char *names[] = {"socket_inet", "socket_inet6", "socket_unix"};
    for (int i = 0; i < 3; i++) {
        int descriptor = socket(kinds[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
        put(out, ",");
        put_attempt(out, names[i], descriptor < 0 ? errno : 0);
        if (descriptor >= 0)
            close(descriptor);
    }
    put(out, "}");
}

static void capabilities(writer *out)
{
    const char *status = read_status();
    put(out, "{");
    put_status(out, "permitted", status, "CapPrm");
    put(out, ",");
    put_status(out, "effective", status, "CapEff");
    put(out, ",");
    put_status(out, "inheritable", status, "CapInh");
    put(out, ",");
    put_status(out, "bounding", status, "CapBnd");
    put(out, ",");
    put_status(out, "ambient", status, "CapAmb");
    put(out, "}");
}

static void limits(writer *out)
{
    static const struct { const char *name; __rlimit_resource_t resource; } known[] = {
        {"address_space", RLIMIT_AS}, {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU}, {"data", RLIMIT_DATA}, {"file_size", RLIMIT_FSIZE},
        {"memlock", RLIMIT_MEMLOCK}, {"open_files", RLIMIT_NOFILE}, {"processes", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
    };
    put(out, "{");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct rlimit limit;
        put(out, "%s\"%s\":", i ? "," : "", known[i].name);
        if (getrlimit(known[i].resource, &limit) != 0)
            put(out, "null");
        else if (limit.rlim_cur == RLIM_INFINITY)
            put(out, "\"unlimited\"");
        else
            put(out, "%llu", (unsigned long long)limit.rlim_cur);
    }
    put(out, "}");
}

static void environment(writer *out)
{
    put(out, "[");
    for (int i = 0; environ && environ[i] && i < ENTRIES_MAX; i++) {
        if (i)
            put(out, ",");
        put_text(out, environ[i]);
    }
    put(out, "]");
}

static void seccomp(writer *out)
{
    const char *status = read_status();
    put(out, "{");
    put_status(out, "mode", status, "Seccomp");
    put(out, ",");
    put_status(out, "filters", status, "Seccomp_filters");
    put(out, ",");
    put_status(out, "no_new_privileges", status, "NoNewPrivs");
    put(out, ",\"dumpable\":%d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    put(out, "}");
}

static void host_interface(writer *out, limen_call *call)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t deadline = host->deadline(call), current = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    put(out, "{\"abi\":%u,\"table_bytes\":%u,\"milliseconds_left\":%llu,\"config_bytes\":%zu}", host->abi, host->size,
        (unsigned long long)(deadline > current ? (deadline - current) / 1000000u : 0), host->config.length);
}

static const struct section { const char *name; void (*write)(writer *); } sections[] = {
    {"identity", identity}, {"files", files}, {"mounts", mounts}, {"network", network}, {"capabilities", capabilities},
    {"limits", limits}, {"environment", environment}, {"seccomp", seccomp},
};

static limen_bytes bytes(const char *text) { return (limen_bytes){(const uint8_t *)text, strlen(text)}; }

/* The input is valid against the schema below: an object with at most "sections", an array of known names. */
static int wanted(const limen_request *request, const char *name)
{
    char quoted[40];
    int length = snprintf(quoted, sizeof quoted, "\"%s\"", name);
    if (!memmem(request->input.data, request->input.length, "\"sections\"", 10))
        return 1;
    return memmem(request->input.data, request->input.length, quoted, (size_t)length) != NULL;
}

static void call(void *state, limen_call *call, const limen_request *request)
{
    (void)state;
    if (request->tool.length != 6 || memcmp(request->tool.data, "report", 6) != 0) {
        host->fail(call, bytes("unknown_tool"), bytes("The plugin has one tool, report."), (limen_bytes){NULL, 0});
        return;
    }
    writer out = {malloc(REPORT_BYTES_MAX), 0, 0};
    if (!out.bytes) {
        host->fail(call, bytes("out_of_memory"), bytes("No memory."), (limen_bytes){NULL, 0});
        return;
    }
    put(&out, "{\"host\":");
    host_interface(&out, call);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!wanted(request, sections[i].name))
            continue;
        put(&out, ",\"%s\":", sections[i].name);
        sections[i].write(&out);
    }
    put(&out, "}");
    if (out.overflow)
        host->fail(call, bytes("too_large"), bytes("The report does not fit."), (limen_bytes){NULL, 0});
    else
        host->complete(call, (limen_bytes){(const uint8_t *)out.bytes, out.length}, NULL, 0);
    free(out.bytes);
}

static const char description[] =
    "{\"name\":\"sysprobe\",\"version\":\"1.0.0\",\"tools\":[{\"name\":\"report\",\"title\":\"What the jail shows\","
    "\"description\":\"Reports what the plugin's jail lets it see: identity, files, mounts, network, capabilities, limits, environment and "
    "seccomp.\","
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"sections\":{\"type\":\"array\",\"description\":\"What to report; everything when "
    "absent.\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"enum\":[\"identity\",\"files\",\"mounts\",\"network\",\"capabilities\","
    "\"limits\",\"environment\",\"seccomp\"]}}},\"additionalProperties\":false},"
    "\"output_schema\":{\"type\":\"object\",\"properties\":{\"host\":{\"type\":\"object\"},\"identity\":{\"type\":\"object\"},"
    "\"files\":{\"type\":\"object\"},\"mounts\":{\"type\":\"object\"},\"network\":{\"type\":\"object\"},\"capabilities\":{\"type\":\"object\"},"
    "\"limits\":{\"type\":\"object\"},\"environment\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"seccomp\":{\"type\":\"object\"}},"
    "\"required\":[\"host\"],\"additionalProperties\":false},"
    "\"annotations\":{\"read_only\":true,\"destructive\":false,\"idempotent\":true,\"open_world\":false},\"content_type\":\"json\"}]}";

LIMEN_EXPORT const limen_plugin *limen_plugin_entry(const limen_host *table)
{
    static limen_plugin plugin;
    if (table->abi != LIMEN_ABI_VERSION || table->size < sizeof(limen_host))
        return NULL;
    host = table;
    plugin.size = sizeof plugin;
    plugin.abi = LIMEN_ABI_VERSION;
    plugin.description = bytes(description);
    plugin.call = call;
    return &plugin;
}
