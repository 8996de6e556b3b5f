/* Files: what a plugin may open, change, run and leave behind. */
#include "hostile.h"
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

static long try_open(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0600);
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return fd;
}

static void open_each(const char *const *paths, int flags) {
    for (; *paths; paths++) saw(*paths, try_open(*paths, flags));
}

static void touch(const char *path, const char *text) {
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    if (fd < 0) return;
    if (write(fd, text, strlen(text)) < 0) saw("write scratch", -1);
    close(fd);
}

static void open_host_files(const char *argument) {
    (void)argument;
    static const char *const paths[] = {"/etc/passwd", "/etc/shadow", "/root", "/root/.ssh/id_ed25519", "/home", "/var/lib", "/var/log",
                                        "/boot", "/run", "/mnt", "/opt", "/srv", "/work", NULL};
    open_each(paths, O_RDONLY);
}

/* Each way there is to name a file to the kernel. */
static void open_every_way(const char *argument) {
    (void)argument;
    const char *path = "/etc/passwd", *folder = "/etc/default";
    struct open_how how = {.flags = O_RDONLY};
    struct stat status;
    struct statx extended;
    struct statfs system;
    char buffer[64];
#ifdef SYS_open
    saw("open", syscall(SYS_open, path, O_RDONLY));
    saw("stat", syscall(SYS_stat, path, &status));
    saw("access", syscall(SYS_access, path, R_OK));
    saw("creat", syscall(SYS_creat, path, 0600));
#endif
    saw("openat", syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
    saw("openat O_PATH", syscall(SYS_openat, AT_FDCWD, path, O_PATH));
    saw("openat O_DIRECTORY", syscall(SYS_openat, AT_FDCWD, folder, O_DIRECTORY));
    saw("openat2", syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
    saw("newfstatat", syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0));
    saw("statx", syscall(SYS_statx, AT_FDCWD, path, 0, STATX_ALL, &extended));
    saw("faccessat2", syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, 0));
    saw("readlinkat", syscall(SYS_readlinkat, AT_FDCWD, path, buffer, sizeof buffer));
    saw("statfs", syscall(SYS_statfs, folder, &system));
    saw("truncate", syscall(SYS_truncate, path, 0));
    saw("chdir", syscall(SYS_chdir, folder));
}

/* `argument` names paths of the host, separated by ':': its database, its key, the bundle of a neighbour. */
static void open_given(const char *argument) {
    char paths[4096], *rest = paths, *path;
    snprintf(paths, sizeof paths, "%s", argument);
    for (int index = 0; (path = strsep(&rest, ":")); index++) {
        char name[32];
        snprintf(name, sizeof name, "read %d", index);
        saw(name, try_open(path, O_RDONLY));
        snprintf(name, sizeof name, "write %d", index);
        saw(name, try_open(path, O_RDWR));
    }
}

/* Every way to change a file without opening it, on paths of the host. Where one succeeds it changes nothing: modes and owners that the
 * file has, names that do not exist. */
static void change_given(const char *argument) {
    char paths[4096], *rest = paths, *path, beside[4200], name[48];
    snprintf(paths, sizeof paths, "%s", argument);
    for (int index = 0; (path = strsep(&rest, ":")); index++) {
        struct stat status = {.st_mode = 0600, .st_uid = getuid(), .st_gid = getgid()};
        stat(path, &status);
        struct timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
        struct utimbuf old = {status.st_atime, status.st_mtime};
        snprintf(beside, sizeof beside, "%s.limen-escape", path);
#define CHANGE(what, result) (snprintf(name, sizeof name, what " %d", index), saw(name, result))
        CHANGE("chmod", chmod(path, status.st_mode & 07777));
        CHANGE("fchmodat", fchmodat(AT_FDCWD, path, status.st_mode & 07777, 0));
        CHANGE("chown", chown(path, status.st_uid, status.st_gid));
        CHANGE("utimensat", utimensat(AT_FDCWD, path, times, 0));
        CHANGE("utime", utime(path, &old));
        CHANGE("setxattr", setxattr(path, "user.limen", "1", 1, 0));
        CHANGE("truncate", truncate(path, status.st_size));
        CHANGE("rename", rename(path, path));
        CHANGE("link", link(path, beside));
        CHANGE("symlink", symlink(path, beside));
        CHANGE("unlink", unlink(beside));
        CHANGE("rmdir", rmdir(beside));
        CHANGE("mkdir", mkdir(beside, 0700));
    }
}

/* Where a walk begins: the root itself may be unreadable. */
static const char *const starts[] = {"/", "/usr", "/bundle", "/bundle/lib", "/scratch", "/proc", "/proc/self", "/dev", NULL};

static int climbed, climb_escapes, climb_found;
static void climb(const char *directory, int depth, struct stat *root) {
    char path[1200];
    struct stat above;
    climbed++;
    snprintf(path, sizeof path, "%s/../../../../../../../../../..", directory);
    if (stat(path, &above) == 0 && (above.st_ino != root->st_ino || above.st_dev != root->st_dev)) climb_escapes++;
    snprintf(path, sizeof path, "%s/../../../../../../../../../../etc/passwd", directory);
    if (access(path, F_OK) == 0) climb_found++;
    DIR *entries = depth ? opendir(directory) : NULL;
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || entry->d_type != DT_DIR || climbed > 2000) continue;
        snprintf(path, sizeof path, "%s/%s", strcmp(directory, "/") ? directory : "", entry->d_name);
        climb(path, depth - 1, root);
    }
    if (entries) closedir(entries);
}
static void climb_dotdot(const char *argument) {
    (void)argument;
    struct stat root;
    if (saw("stat /", stat("/", &root)) < 0) return;
    climbed = climb_escapes = climb_found = 0;
    for (int i = 0; starts[i]; i++) climb(starts[i], 4, &root);
    saw_text("directories tried", climbed > 3 ? "several" : "%d", climbed);
    saw_text("other roots", "%d", climb_escapes);
    saw_text("passwd found", "%d", climb_found);
}

static void symlink_to_host(const char *argument) {
    (void)argument;
    struct stat root, through;
    saw("symlink", symlink("/etc/passwd", "/scratch/passwd"));
    saw("open link", try_open("/scratch/passwd", O_RDONLY));
    saw("create through link", try_open("/scratch/passwd", O_CREAT | O_WRONLY));
    symlink("/../../../../", "/scratch/up");
    if (stat("/", &root) == 0 && stat("/scratch/up", &through) == 0)
        saw_text("link to /..", root.st_ino == through.st_ino && root.st_dev == through.st_dev ? "own root" : "another root");
    symlink("/proc/self/root/etc/passwd", "/scratch/magic");
    saw("open magic link", try_open("/scratch/magic", O_RDONLY));
    symlink("loop", "/scratch/loop");
    saw("open loop", try_open("/scratch/loop", O_RDONLY));
}

static void link_tricks(const char *argument) {
    (void)argument;
    saw("link library", link(own_library(), "/scratch/library"));
    int fd = open(own_library(), O_PATH | O_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    saw("linkat by /proc", linkat(AT_FDCWD, path, AT_FDCWD, "/scratch/library", AT_SYMLINK_FOLLOW));
    saw("linkat by descriptor", linkat(fd, "", AT_FDCWD, "/scratch/library", AT_EMPTY_PATH));
    saw("reopen for writing", try_open(path, O_RDWR));
    close(fd);
}

static int libraries, libraries_writable;
static int try_library(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    if (!info->dlpi_name || info->dlpi_name[0] != '/') return 0;
    libraries++;
    if (try_open(info->dlpi_name, O_WRONLY) >= 0 || try_open(info->dlpi_name, O_RDWR) >= 0 || try_open(info->dlpi_name, O_WRONLY | O_APPEND) >= 0)
        libraries_writable++;
    return 0;
}
static void write_libraries(const char *argument) {
    (void)argument;
    libraries = libraries_writable = 0;
    dl_iterate_phdr(try_library, NULL);
    saw_text("libraries", libraries > 0 ? "some" : "none");
    saw_text("writable", "%d", libraries_writable);
}

static void change_bundle(const char *argument) {
    (void)argument;
    const char *library = own_library();
    struct stat status = {0};
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    saw("stat", stat(library, &status));
    saw("open write", try_open(library, O_WRONLY));
    saw("truncate", truncate(library, status.st_size));
    saw("chmod", chmod(library, status.st_mode));
    saw("chown", chown(library, status.st_uid, status.st_gid));
    saw("utimensat", utimensat(AT_FDCWD, library, times, 0));
    saw("setxattr", setxattr(library, "user.limen", "1", 1, 0));
    saw("unlink", unlink(library));
    touch("/scratch/new", "x");
    saw("rename over", rename("/scratch/new", library));
    saw("rename out", rename(library, "/scratch/taken"));
    saw("exchange", syscall(SYS_renameat2, AT_FDCWD, "/scratch/new", AT_FDCWD, library, 2));
    char beside[1200];
    snprintf(beside, sizeof beside, "%s.new", library);
    saw("create beside", try_open(beside, O_CREAT | O_WRONLY));
    saw("mkdir beside", mkdir(beside, 0700));
    saw("symlink beside", symlink("/scratch", beside));
}

/* A shared writable mapping would change the page cache under every other worker. */
static void map_bundle_shared(const char *argument) {
    (void)argument;
    int fd = open(own_library(), O_RDONLY | O_CLOEXEC);
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    saw("mmap shared writable", at == MAP_FAILED ? -1 : 0);
    at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    saw("mprotect to writable", at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_READ | PROT_WRITE));
    saw("fallocate", fallocate(fd, 0, 0, 4096));
    saw("F_SETLEASE", fcntl(fd, F_SETLEASE, F_WRLCK));
    saw("F_NOTIFY", fcntl(fd, F_NOTIFY, DN_MODIFY));
    close(fd);
}

static int creatable;
static char creatable_where[256];
static void try_create(const char *directory, int depth) {
    char path[1200];
    if (strcmp(directory, "/scratch") == 0) return;
    snprintf(path, sizeof path, "%s/limen-escape", directory);
    if (try_open(path, O_CREAT | O_EXCL | O_WRONLY) >= 0 || mkdir(path, 0700) == 0 || symlink("x", path) == 0) {
        creatable++;
        snprintf(creatable_where, sizeof creatable_where, "%s", directory);
        unlink(path), rmdir(path);
    }
    DIR *entries = depth ? opendir(directory) : NULL;
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || entry->d_type != DT_DIR) continue;
        snprintf(path, sizeof path, "%s/%s", strcmp(directory, "/") ? directory : "", entry->d_name);
        try_create(path, depth - 1);
    }
    if (entries) closedir(entries);
}
static void create_anywhere(const char *argument) {
    (void)argument;
    creatable = 0;
    snprintf(creatable_where, sizeof creatable_where, "nowhere");
    for (int i = 0; starts[i]; i++) try_create(starts[i], 4);
    saw_text("directories outside scratch", "%s", creatable_where);
    saw("mkdir /x", mkdir("/x", 0700));
    saw("O_TMPFILE in /", try_open("/", O_TMPFILE | O_RDWR));
    saw("O_TMPFILE in /proc", try_open("/proc", O_TMPFILE | O_RDWR));
    saw("create in /dev", try_open("/dev/x", O_CREAT | O_WRONLY));
}

static void remove_scratch(const char *argument) {
    (void)argument;
    saw("rmdir /scratch", rmdir("/scratch"));
    saw("rename /scratch", rename("/scratch", "/x"));
    saw("symlink over /scratch", symlink("/", "/scratch"));
    saw("still there", access("/scratch", W_OK));
}

static char *const no_words[] = {"x", NULL};
static void exec_scratch(const char *argument) {
    (void)argument;
    touch("/scratch/script", "#!/bin/sh\nexit 0\n");
    saw("execve script", execve("/scratch/script", no_words, NULL));
    saw("execve missing", execve("/bin/sh", no_words, NULL));
    saw("execve library", execve(own_library(), no_words, NULL));
    saw("execve self", execve("/proc/self/exe", no_words, NULL));
    int fd = open("/scratch/script", O_RDONLY | O_CLOEXEC);
    saw("execveat", syscall(SYS_execveat, fd, "", no_words, NULL, AT_EMPTY_PATH));
    close(fd);
    char *loader[] = {"/lib64/ld-linux-x86-64.so.2", "/scratch/script", NULL};
    saw("execve loader", execve(loader[0], loader, NULL));
}

static void copy_to(const char *path) {
    static char buffer[65536];
    int from = open(own_library(), O_RDONLY | O_CLOEXEC), to = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);
    for (ssize_t count; (count = read(from, buffer, sizeof buffer)) > 0;)
        if (write(to, buffer, (size_t)count) != count) break;
    close(from), close(to);
}
static void dlopen_scratch(const char *argument) {
    (void)argument;
    copy_to("/scratch/libcopy.so");
    void *library = dlopen("/scratch/libcopy.so", RTLD_NOW | RTLD_LOCAL);
    saw_text("dlopen", library ? "ok" : "refused");
}

static void map_scratch_executable(const char *argument) {
    (void)argument;
    copy_to("/scratch/code");
    int fd = open("/scratch/code", O_RDWR | O_CLOEXEC);
    saw("mmap read exec", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    saw("mmap shared exec", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    saw("mmap write exec", mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    saw("mprotect to exec", at == MAP_FAILED ? -1 : mprotect(at, 4096, PROT_READ | PROT_EXEC));
    close(fd);
}

static void map_bundle_executable(const char *argument) {
    (void)argument;
    int fd = open(own_library(), O_RDONLY | O_CLOEXEC);
    saw("mmap exec after load", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
    close(fd);
}

static void memfd_code(const char *argument) {
    (void)argument;
    int fd = memfd_create("code", MFD_CLOEXEC);
    saw("memfd_create", fd);
    if (fd < 0) return;
    if (ftruncate(fd, 4096) < 0) saw("ftruncate", -1);
    saw("mmap exec", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    saw("fexecve", syscall(SYS_execveat, fd, "", no_words, NULL, AT_EMPTY_PATH));
    close(fd);
}
static void memfd_secret_code(const char *argument) {
    (void)argument;
    saw("memfd_secret", syscall(447, 0));
}

static void setuid_file(const char *argument) {
    (void)argument;
    touch("/scratch/setuid", "#!/bin/sh\n");
    struct statvfs mount = {0};
    chmod("/scratch/setuid", 06755);
    statvfs("/scratch", &mount);
    saw_text("nosuid", "%s", mount.f_flag & ST_NOSUID ? "yes" : "no");
    saw_text("noexec", "%s", mount.f_flag & ST_NOEXEC ? "yes" : "no");
    saw_text("nodev", "%s", mount.f_flag & ST_NODEV ? "yes" : "no");
    saw("execve", execve("/scratch/setuid", no_words, NULL));
    saw("chown to root", chown("/scratch/setuid", 0, 0));
    saw("set capability", setxattr("/scratch/setuid", "security.capability", "\1\0\0\2\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
}

static void mount_flags(const char *argument) {
    (void)argument;
    char directory[1200];
    snprintf(directory, sizeof directory, "%s", own_library());
    char *slash = strrchr(directory, '/');
    if (slash) *slash = 0;
    const char *paths[] = {"/", directory, "/proc", NULL};
    const char *names[] = {"/", "bundle", "/proc"};
    for (int i = 0; paths[i]; i++) {
        struct statvfs mount = {0};
        if (statvfs(paths[i], &mount) < 0) { saw(names[i], -1); continue; }
        saw_text(names[i], "%s%s%s", mount.f_flag & ST_RDONLY ? "ro" : "rw", mount.f_flag & ST_NOSUID ? " nosuid" : " suid",
                 mount.f_flag & ST_NODEV ? " nodev" : " dev");
    }
}

static void make_nodes(const char *argument) {
    (void)argument;
    saw("character device", mknod("/scratch/mem", S_IFCHR | 0600, 0x101));
    saw("block device", mknod("/scratch/disk", S_IFBLK | 0600, 0x800));
    saw("mknod syscall", syscall(SYS_mknodat, AT_FDCWD, "/scratch/null", S_IFCHR | 0600, 0x103));
    saw("socket node", mknod("/scratch/socket", S_IFSOCK | 0600, 0));
}

static void proc_memory(const char *argument) {
    (void)argument;
    saw("/proc/self/mem for writing", try_open("/proc/self/mem", O_RDWR));
    saw("/proc/1/mem for writing", try_open("/proc/1/mem", O_WRONLY));
    saw("/proc/thread-self/mem for writing", try_open("/proc/thread-self/mem", O_WRONLY));
}

static void proc_exe(const char *argument) {
    (void)argument;
    saw("write /proc/self/exe", try_open("/proc/self/exe", O_WRONLY));
    saw("execve /proc/self/exe", execve("/proc/self/exe", no_words, NULL));
    saw("truncate /proc/self/exe", truncate("/proc/self/exe", 0));
    saw("link /proc/self/exe", linkat(AT_FDCWD, "/proc/self/exe", AT_FDCWD, "/scratch/exe", AT_SYMLINK_FOLLOW));
}

static void proc_roots(const char *argument) {
    (void)argument;
    static const char *const paths[] = {"/proc/1/root/etc/passwd", "/proc/self/root/etc/passwd", "/proc/self/root/../../etc/passwd",
                                        "/proc/1/cwd/etc/passwd", "/proc/self/cwd/../etc/passwd", "/proc/2/root", "/proc/3/root", NULL};
    open_each(paths, O_RDONLY);
}

static void proc_system(const char *argument) {
    (void)argument;
    static const char *const paths[] = {"/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms",
                                        "/proc/keys", "/proc/cmdline", "/proc/cpuinfo", "/proc/meminfo", "/proc/modules", "/proc/config.gz",
                                        "/proc/interrupts", "/proc/timer_list", "/proc/scsi/scsi", "/proc/bus/pci", "/proc/version", "/proc/fs", NULL};
    open_each(paths, O_RDONLY);
}

static void proc_writes(const char *argument) {
    (void)argument;
    static const char *const paths[] = {"/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups",
                                        "/proc/self/loginuid", "/proc/self/coredump_filter", "/proc/self/attr/current",
                                        "/proc/self/clear_refs", "/proc/self/comm", "/proc/self/timerslack_ns", "/proc/self/sched", NULL};
    int open_count = 0;
    for (int i = 0; paths[i]; i++) open_count += try_open(paths[i], O_WRONLY) >= 0;
    saw_text("writable", "%d", open_count);
}

static void proc_others(const char *argument) {
    (void)argument;
    DIR *entries = opendir("/proc");
    int others = 0, own = 0;
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') {
            if (atoi(entry->d_name) == getpid()) own++;
            else others++;
        }
    if (entries) closedir(entries);
    saw_text("processes seen", "%d own, %d others", own, others);
}

static void devices(const char *argument) {
    (void)argument;
    static const char *const paths[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kvm", "/dev/kmsg", "/dev/ptmx", "/dev/pts/0", "/dev/tty",
                                        "/dev/console", "/dev/fuse", "/dev/shm", "/dev/mqueue", "/dev/net/tun", "/dev/userfaultfd",
                                        "/dev/vda", "/dev/sda", "/dev/loop0", "/dev/vsock", "/dev/random", "/dev/full", "/dev/stdin", NULL};
    open_each(paths, O_RDONLY);
    saw("/sys", try_open("/sys", O_RDONLY));
    saw("/sys/fs/cgroup", try_open("/sys/fs/cgroup", O_RDONLY));
    DIR *entries = opendir("/dev");
    int others = 0;
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "null") && strcmp(entry->d_name, "zero") && strcmp(entry->d_name, "urandom")) others++;
    if (entries) closedir(entries);
    saw_text("other devices", "%d", others);
}

static void device_controls(const char *argument) {
    (void)argument;
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0) fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    saw("open urandom", fd);
    int count = 0;
    saw("RNDADDTOENTCNT", ioctl(fd, 0x40045201, &count));
    saw("RNDCLEARPOOL", ioctl(fd, 0x5206, NULL));
    saw("RNDRESEEDCRNG", ioctl(fd, 0x5207, NULL));
    close(fd);
}

static void handles(const char *argument) {
    (void)argument;
    struct { struct file_handle handle; unsigned char bytes[128]; } buffer = {.handle.handle_bytes = 128};
    int mount;
    saw("name_to_handle_at", name_to_handle_at(AT_FDCWD, "/", &buffer.handle, &mount, 0));
}

static void watches(const char *argument) {
    (void)argument;
    saw("inotify_init1", syscall(SYS_inotify_init1, 0));
    saw("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    saw("chroot", chroot("/scratch"));
    saw("acct", syscall(SYS_acct, "/scratch/acct"));
    saw("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
}

static void descriptors(const char *argument) {
    (void)argument;
    int sockets = 0, directories = 0, regular = 0, total = 0, pipes = 0;
    for (int fd = 0; fd < 4096; fd++) {
        struct stat status;
        if (fstat(fd, &status) != 0) continue;
        total++;
        sockets += S_ISSOCK(status.st_mode);
        directories += S_ISDIR(status.st_mode);
        regular += S_ISREG(status.st_mode);
        pipes += S_ISFIFO(status.st_mode);
    }
    saw_text("sockets", "%d", sockets);
    saw_text("directories", "%d", directories);
    saw_text("regular files", "%d", regular);
    saw_text("pipes", "%d", pipes);
    saw_text("more than eight", total > 8 ? "%d" : "no", total);
    char cwd[1024];
    saw_text("working directory", "%s", getcwd(cwd, sizeof cwd) ? cwd : strerrorname_np(errno));
}

static void locks(const char *argument) {
    (void)argument;
    int fd = open("/scratch/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    saw("F_SETOWN other process", fcntl(fd, F_SETOWN, 2));
    saw("F_SETSIG", fcntl(fd, F_SETSIG, SIGKILL));
    saw("ioctl FIOASYNC", ioctl(fd, 0x5452, &(int){1}));
    close(fd);
}

ATTACKS({"open-host-files", open_host_files}, {"open-every-way", open_every_way}, {"open-given", open_given}, {"change-given", change_given},
        {"climb-dotdot", climb_dotdot}, {"symlink-to-host", symlink_to_host}, {"link-tricks", link_tricks},
        {"write-libraries", write_libraries}, {"change-bundle", change_bundle}, {"map-bundle-shared", map_bundle_shared},
        {"create-anywhere", create_anywhere}, {"remove-scratch", remove_scratch}, {"exec-scratch", exec_scratch},
        {"dlopen-scratch", dlopen_scratch}, {"map-scratch-executable", map_scratch_executable},
        {"map-bundle-executable", map_bundle_executable}, {"memfd-code", memfd_code}, {"memfd-secret", memfd_secret_code},
        {"setuid-file", setuid_file}, {"mount-flags", mount_flags}, {"make-nodes", make_nodes}, {"proc-memory", proc_memory},
        {"proc-exe", proc_exe}, {"proc-roots", proc_roots}, {"proc-system", proc_system}, {"proc-writes", proc_writes},
        {"proc-others", proc_others}, {"devices", devices}, {"device-controls", device_controls}, {"handles", handles},
        {"watches", watches}, {"descriptors", descriptors}, {"locks", locks});
