/*
 * Who this process and thread are, for the header of a file.
 *
 * Rule 1: what the system does not tell is 0, which the format has for unknown; only the writer id has to be.
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint32_t thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

/* A small file as a string. */
static bool slurp(const char *path, char *string, size_t room)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = descriptor < 0 ? -1 : read_at(descriptor, string, room - 1, 0);
    if (descriptor >= 0)
        close(descriptor);
    string[size > 0 ? size : 0] = 0;
    return size > 0;
}

/* The 22nd word of /proc/self/stat. The second is a name in parentheses, which may have any characters. */
static uint64_t process_start(void)
{
    char stat[1024];
    unsigned long long start = 0;
    if (!slurp("/proc/self/stat", stat, sizeof stat))
        return 0;
    const char *at = strrchr(stat, ')');
    for (int word = 2; at && word < 22; word++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, " %llu", &start) == 1 ? start : 0;
}

static void boot_id(unsigned char id[ID_SIZE])
{
    char text[64];
    const char *at = text;
    unsigned byte;
    memset(id, 0, ID_SIZE);
    if (!slurp("/proc/sys/kernel/random/boot_id", text, sizeof text))
        return;
    for (int i = 0; i < ID_SIZE; i++) {
        at += *at == '-';
        if (sscanf(at, "%2x", &byte) != 1)
            break;
        id[i] = (unsigned char)byte;
        at += 2;
    }
}

bool who_am_i(struct identity *identity)
{
    struct stat about;
    *identity = (struct identity){.created = now(), .pid = (uint64_t)getpid(), .start = process_start()};
    boot_id(identity->boot);
    if (!stat("/proc/self/ns/pid", &about))
        identity->pid_namespace = about.st_ino;
    return getrandom(identity->id, ID_SIZE, 0) == ID_SIZE;
}
