/* clinux_files.h: file system calls that glibc 2.36 does not wrap or Swift's Glibc module does not import. */
#ifndef CLINUX_FILES_H
#define CLINUX_FILES_H
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define CLINUX_RESOLVE_BENEATH_NO_LINKS (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* O_PATH, which <fcntl.h> shows only to GNU sources; the same number on every architecture that Limen runs on. */
static const int clinux_o_path = 010000000;

/* openat2(2): opens `path` beneath `directory`, through no symbolic link and no mount point. -1 with errno. */
/// A number that several processes have in memory.
static inline uint64_t clinux_atomic_load(const uint64_t *number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }
static inline void clinux_atomic_increment(uint64_t *number) { (void)__atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST); }

static inline int clinux_open_beneath(int directory, const char *path, uint64_t flags) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = 0, .resolve = CLINUX_RESOLVE_BENEATH_NO_LINKS};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/* renameat2(2) with RENAME_NOREPLACE: fails with EEXIST instead of replacing. */
static inline int clinux_rename_new(int from_directory, const char *from, int to_directory, const char *to) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 1u);
}

/* open(2) without its variadic form. */
static inline int clinux_open(int directory, const char *path, int flags, uint32_t mode) {
    return openat(directory, path, flags | O_CLOEXEC, mode);
}

/* preadv2(2) with RWF_NOWAIT: whether a byte can be read without waiting for the disk. 1, 0, or -1 with errno (a file system that cannot tell). */
static inline int clinux_byte_is_cached(int file, int64_t offset) {
    char byte;
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    long result = syscall(SYS_preadv2, file, &vector, 1ul, (unsigned long)offset, 0ul, 8 /* RWF_NOWAIT */);
    return result >= 0 ? 1 : errno == EAGAIN ? 0 : -1;
}

/* sendfile(2) from a place in the file, which stays where it is. Bytes sent, or -1 with errno. */
static inline long clinux_sendfile(int socket, int file, int64_t offset, size_t count) {
    off_t place = offset;
    return sendfile(socket, file, &place, count);
}
#endif
