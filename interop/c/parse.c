/*
 * A file at rest: read it whole, and parse it strictly.
 *
 * Rule 1: nothing but regular files is opened, and none above the limit is read.
 * Rule 2: memory is linear in the size of the file.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool reserve(void *array, size_t count, size_t size)
{
    if (count && (count & (count - 1)))
        return true; /* between two powers of two there is room */
    if (count > SIZE_MAX / 2 / size)
        return false;
    void *at;
    memcpy(&at, array, sizeof at);
    at = realloc(at, (count ? 2 * count : 1) * size);
    if (!at)
        return false;
    memcpy(array, &at, sizeof at);
    return true;
}

void clear(struct mmstats_file *file)
{
    struct mmstats_document *document = &file->document;
    for (size_t i = 0; i < document->family_count; i++)
        free(document->families[i].states);
    free(document->fields);
    free(document->families);
    free(document->series);
    free(document->folded);
    free(file->slots);
    free(file->bytes);
    set_clear(&file->names);
    set_clear(&file->labels);
    *file = (struct mmstats_file){0};
}

int open_regular(const char *path)
{
    struct stat about;
    /* Looked at before it is opened: opening alone does something to a device or a pipe. And after: it may be another
     * one by then. */
    if (stat(path, &about) || !S_ISREG(about.st_mode))
        return -1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor >= 0 && (fstat(descriptor, &about) || !S_ISREG(about.st_mode))) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

ssize_t read_at(int descriptor, void *bytes, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(descriptor, (char *)bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool parse_extents(struct mmstats_file *file, unsigned char *bytes, size_t size, struct mmstats_error *error)
{
    uint64_t next = HEADER_SIZE, used;
    for (size_t i = 0; next; i++) {
        if (!parse_extent(file, next, bytes + (next < size ? next : 0), size, error))
            return false;
        unsigned char *head = file->extents[i].bytes = bytes + next;
        if (!parse_used(&file->extents[i], head, &used, error) || !parse_records(file, i, used, error) ||
            !parse_next(file, i, head, &next, error))
            return false;
    }
    return true;
}

/* At rest each value is the published one. */
static void publish(struct mmstats_file *file)
{
    struct mmstats_document *document = &file->document;
    for (size_t i = 0; i < document->series_count; i++) {
        struct mmstats_series *series = &document->series[i];
        const struct mmstats_family *family = &document->families[series->family];
        const unsigned char *slot = file->extents[file->slots[i].extent].bytes + file->slots[i].offset;
        size_t size = content_size(family->kind, family->combination, family->bound_count, family->capacity);
        series->confirmed = true;
        series->published = is_latch(family->kind, family->combination) ? slot + UNIT + size * (get64(slot) & 1) : slot;
    }
}

static bool parse(struct mmstats_file *file, size_t size, struct mmstats_error *error)
{
    unsigned char *bytes = file->bytes;
    if (!size)
        return fail(error, "truncated", "G-1", 0);
    if (bytes[0] == VERSION_1)
        return parse_fields(file, bytes, size, error);
    if (bytes[0] != VERSION_2)
        return fail(error, "unsupported-version", "G-1", 0);
    if (!parse_header(file, bytes, size, error) || !parse_extents(file, bytes, size, error))
        return false;
    publish(file);
    return true;
}

/* Parse bytes that the file owns from here on. */
static struct mmstats_file *parse_owned(unsigned char *bytes, size_t size, struct mmstats_error *error)
{
    struct mmstats_file *file = calloc(1, sizeof *file);
    if (!file) {
        free(bytes);
        unreadable(error);
        return NULL;
    }
    file->bytes = bytes;
    if (parse(file, size, error))
        return file;
    mmstats_free(file);
    return NULL;
}

struct mmstats_file *mmstats_parse(const unsigned char *bytes, size_t size, struct mmstats_error *error)
{
    unsigned char *copy = size <= FILE_MOST ? malloc(size + 1) : NULL;
    if (!copy) {
        unreadable(error);
        return NULL;
    }
    if (size)
        memcpy(copy, bytes, size);
    return parse_owned(copy, size, error);
}

struct mmstats_file *mmstats_read(const char *path, struct mmstats_error *error)
{
    struct stat about;
    unsigned char *bytes = NULL;
    ssize_t size = -1;
    int descriptor = open_regular(path);
    if (descriptor >= 0 && !fstat(descriptor, &about) && about.st_size <= FILE_MOST &&
        (bytes = malloc((size_t)about.st_size + 1)))
        size = read_at(descriptor, bytes, (size_t)about.st_size, 0);
    if (descriptor >= 0)
        close(descriptor);
    if (size < 0) {
        free(bytes);
        unreadable(error);
        return NULL;
    }
    return parse_owned(bytes, (size_t)size, error);
}

const struct mmstats_document *mmstats_document(const struct mmstats_file *file)
{
    return &file->document;
}

void mmstats_free(struct mmstats_file *file)
{
    if (!file)
        return;
    clear(file);
    free(file);
}
