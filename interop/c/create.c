/*
 * How a file comes into being (V1-W4 to V1-W6, V2-W9, V2-W10).
 *
 * Rule 1: it has no name, or a dotted temporary one, until it is complete; its name is linked, never taken from
 *         another file.
 * Rule 2: its space is reserved before anything is mapped, so that a store never meets a full disk.
 * Rule 3: the lock is held through a descriptor that is used for nothing else.
 * Rule 4: a limit on the size of files is an error, and no signal.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0644, NAMES_MOST = 1000000, TEMPORARY_TRIES = 100 };

uint64_t page_size(void)
{
    long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (uint64_t)size : 4096;
}

int reserve_space(int descriptor, uint64_t offset, uint64_t size)
{
    /* Beyond a limit the system sends SIGXFSZ, which ends a process that does not know of it. It is held back, and
     * taken away where it was not there before. */
    sigset_t limit, before, waiting;
    struct timespec at_once = {0};
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    sigpending(&waiting);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    int error;
    do
        error = posix_fallocate(descriptor, (off_t)offset, (off_t)size);
    while (error == EINTR);
    if (error == EFBIG && !sigismember(&waiting, SIGXFSZ))
        sigtimedwait(&limit, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

unsigned char *map_file(int descriptor, uint64_t offset, uint64_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, (off_t)offset);
    return at == MAP_FAILED ? NULL : at;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *absolute(const char *path)
{
    if (*path == '/')
        return strdup(path);
    char *directory = getcwd(NULL, 0), *whole = NULL;
    if (directory && asprintf(&whole, "%s/%s", directory, path) < 0)
        whole = NULL;
    free(directory);
    return whole;
}

static int open_directory(const char *path)
{
    size_t size = (size_t)(base_of(path) - path);
    char *directory = size ? strndup(path, size) : strdup(".");
    if (!directory)
        return -1;
    int descriptor = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    return descriptor;
}

/* Where everybody may write and replace what is another's. */
static bool is_open(int directory)
{
    struct stat about;
    return !fstat(directory, &about) && (about.st_mode & S_IWOTH) && !(about.st_mode & S_ISVTX);
}

static void link_of(int descriptor, char link[32])
{
    snprintf(link, 32, "/proc/self/fd/%d", descriptor);
}

/* A file without a name, opened twice: two descriptions of it, since a lock belongs to one. */
static bool open_unnamed(struct made *made)
{
    char link[32];
    made->descriptor = openat(made->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);
    if (made->descriptor < 0)
        return false;
    link_of(made->descriptor, link);
    made->lock = open(link, O_RDWR | O_CLOEXEC);
    if (made->lock >= 0)
        return true;
    close(made->descriptor);
    made->descriptor = -1;
    return false;
}

/* The same under a dotted name, where the file system makes no files without one. */
static int open_temporary(struct made *made)
{
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        uint64_t random = 0;
        char name[48];
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return errno;
        snprintf(name, sizeof name, ".mmstats-%016llx.new", (unsigned long long)random);
        int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
        made->descriptor = openat(made->directory, name, flags | O_CREAT | O_EXCL, MODE);
        if (made->descriptor < 0 && errno == EEXIST)
            continue;
        if (made->descriptor < 0)
            return errno;
        made->lock = openat(made->directory, name, flags);
        made->temporary = strdup(name);
        if (!made->temporary) {
            unlinkat(made->directory, name, 0);
            return ENOMEM;
        }
        return 0;
    }
    return EEXIST;
}

int make_file(struct made *made, const char *path, uint64_t size, bool refuse_open_directory)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *made = (struct made){.descriptor = -1, .lock = -1, .size = size};
    made->directory = open_directory(path);
    if (made->directory < 0)
        return errno;
    if (!*base_of(path))
        return EINVAL;
    if (refuse_open_directory && is_open(made->directory))
        return EPERM;
    if (!open_unnamed(made)) {
        int error = open_temporary(made);
        if (error)
            return error;
    }
    int error = reserve_space(made->descriptor, 0, size);
    if (error)
        return error;
    made->locked = made->lock >= 0 && !fcntl(made->lock, F_OFD_SETLK, &whole);
    return 0;
}

/* The name `path` with `-NUMBER` before its extension, unless the number is 0. */
static char *numbered(const char *path, unsigned number)
{
    const char *base = base_of(path), *start = base + strspn(base, "."), *dot = strrchr(start, '.');
    int before = (int)(dot ? (size_t)(dot - path) : strlen(path));
    char *name;
    int made = number ? asprintf(&name, "%.*s-%u%s", before, path, number, path + before) : asprintf(&name, "%s", path);
    return made < 0 ? NULL : name;
}

static int link_once(const struct made *made, const char *name)
{
    char link[32];
    if (made->temporary)
        return linkat(made->directory, made->temporary, made->directory, name, 0) ? errno : 0;
    link_of(made->descriptor, link);
    return linkat(AT_FDCWD, link, made->directory, name, AT_SYMLINK_FOLLOW) ? errno : 0;
}

int name_file(struct made *made, const char *path)
{
    int error = EEXIST;
    for (unsigned number = 0; error == EEXIST && number < NAMES_MOST; number++) {
        char *name = numbered(path, number);
        if (!name)
            return ENOMEM;
        error = link_once(made, base_of(name));
        if (error)
            free(name);
        else
            made->path = name;
    }
    if (error)
        return error;
    if (made->temporary)
        unlinkat(made->directory, made->temporary, 0);
    free(made->temporary);
    made->temporary = NULL;
    return 0;
}

void close_made(struct made *made)
{
    if (made->temporary)
        unlinkat(made->directory, made->temporary, 0);
    if (made->descriptor >= 0)
        close(made->descriptor);
    if (made->lock >= 0)
        close(made->lock);
    if (made->directory >= 0)
        close(made->directory);
    free(made->temporary);
    made->temporary = NULL;
    made->descriptor = made->lock = made->directory = -1;
}
