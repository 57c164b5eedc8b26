/*
 * A file that changes: polled again and again by read calls (FORMAT.md 2.6, 3.9).
 *
 * Rule 1: the file is copied and never mapped, so that nobody can kill the reader by making it shorter.
 * Rule 2: what leads to other bytes is read by a call before theirs (V2-R2); a latch's number by one before and one
 *         after its buffers (V2-R4).
 * Rule 3: what a poll finds is kept: records are decoded once, and a value is the one that was confirmed last until
 *         another is. Where the file does not fit what is kept, all is read anew.
 * Rule 4: every loop is bounded; a value that is not confirmed by then is marked.
 */
#include "internal.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
    COPIES_MOST = 20,    /* of a version 1 file, in a poll */
    LATCH_TRIES = 10,    /* of one latch, in a poll */
    TRIES_MOST = 100000, /* of all latches */
    REREAD_AFTER = 500   /* microseconds: time for a file that is being made to become whole */
};

/* Copies of the values area of an extent; the offsets in each are those in the area. */
struct copies {
    unsigned char *before, *after; /* the numbers of latches are taken from these, buffers from the extent's bytes */
    unsigned char *confirmed;      /* the content of each latch, where its slot is */
    uint64_t size;
    bool latches;
};

struct mmstats_live {
    char *path;
    int descriptor;     /* -1: none */
    struct stat opened; /* the file of the descriptor */
    bool version_2;     /* what `file` holds is of version 2, and goes on */
    struct mmstats_file file;
    unsigned char header[HEADER_SIZE];
    struct copies copies[EXTENTS_MOST];
    size_t placed; /* series that have their place in the copies */
};

struct mmstats_live *mmstats_watch(const char *path)
{
    struct mmstats_live *live = calloc(1, sizeof *live);
    if (!live || !(live->path = strdup(path))) {
        free(live);
        return NULL;
    }
    live->descriptor = -1;
    return live;
}

/* Forget what was read, but not the descriptor. */
static void forget(struct mmstats_live *live)
{
    for (size_t i = 0; i < EXTENTS_MOST; i++) {
        if (live->version_2 && i < live->file.extent_count)
            free(live->file.extents[i].bytes);
        free(live->copies[i].before);
        free(live->copies[i].after);
        free(live->copies[i].confirmed);
        live->copies[i] = (struct copies){0};
    }
    clear(&live->file);
    live->placed = 0;
    live->version_2 = false;
}

static void shut(struct mmstats_live *live)
{
    forget(live);
    if (live->descriptor >= 0)
        close(live->descriptor);
    live->descriptor = -1;
}

void mmstats_unwatch(struct mmstats_live *live)
{
    if (!live)
        return;
    shut(live);
    free(live->path);
    free(live);
}

/* The descriptor is one of the file that the path leads to (V2-R9). */
static bool attach(struct mmstats_live *live)
{
    struct stat about;
    if (live->descriptor >= 0 && !stat(live->path, &about) && about.st_dev == live->opened.st_dev &&
        about.st_ino == live->opened.st_ino)
        return true;
    shut(live);
    live->descriptor = open_regular(live->path);
    return live->descriptor >= 0 && !fstat(live->descriptor, &live->opened);
}

static bool size_now(const struct mmstats_live *live, uint64_t *size, struct mmstats_error *error)
{
    struct stat about;
    if (fstat(live->descriptor, &about) || about.st_size > FILE_MOST)
        return unreadable(error);
    *size = (uint64_t)about.st_size;
    return true;
}

/* Exactly these bytes. The file may have become shorter: then it is as if it had ended there. */
static bool copy(const struct mmstats_live *live, void *to, size_t size, uint64_t offset, struct mmstats_error *error)
{
    ssize_t got = read_at(live->descriptor, to, size, offset);
    if (got < 0)
        return unreadable(error);
    return (size_t)got == size || fail(error, "truncated", "V2-12", offset);
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Version 2 */

/* A head that is read now, of an extent whose records may be decoded in part; then its new records. */
static bool poll_extent(struct mmstats_live *live, size_t number, uint64_t offset, uint64_t *next,
                        struct mmstats_error *error)
{
    struct mmstats_file *file = &live->file;
    unsigned char head[EXTENT_HEAD] = {0};
    uint64_t size, used;
    if (number == file->extent_count) {
        /* The file's size after what led here (R2.3), then the head. */
        if (!size_now(live, &size, error))
            return false;
        if (read_at(live->descriptor, head, sizeof head, offset) < 0)
            return unreadable(error);
        if (!parse_extent(file, offset, head, size, error))
            return false;
        struct extent *extent = &file->extents[number];
        extent->bytes = malloc(extent->size); /* of which no more is touched than is in use */
        if (!extent->bytes)
            return unreadable(error);
    } else if (!copy(live, head, sizeof head, offset, error)) {
        return false;
    } else if (offset != file->extents[number].offset || memcmp(head, file->extents[number].bytes, EXTENT_CRC_SIZE)) {
        return fail(error, "bad-crc", "V2-13", offset + EXTENT_CRC_AT); /* never changes in a file that is right */
    }
    struct extent *extent = &file->extents[number];
    bool has_next = number + 1 < file->extent_count;
    /* R2.5: an extent that has a next one gains nothing more, but the words of one call have no order. */
    if (!has_next && (uint32_t)get64(head + NEXT_AT) &&
        !copy(live, head + METADATA_USED_AT, UNIT, offset + METADATA_USED_AT, error))
        return false;
    memcpy(extent->bytes, head, sizeof head);
    if (!parse_used(extent, head, &used, error))
        return false;
    uint64_t end = EXTENT_HEAD + used;
    if (end < extent->decoded || (end > extent->decoded && has_next))
        return fail(error, "bad-extent", "V2-17", offset + METADATA_USED_AT); /* likewise */
    if (end > extent->decoded &&
        !copy(live, extent->bytes + extent->decoded, end - extent->decoded, offset + extent->decoded, error))
        return false;
    return parse_records(file, number, used, error) && parse_next(file, number, head, next, error);
}

static const struct mmstats_family *family_of(const struct mmstats_live *live, size_t series)
{
    return &live->file.document.families[live->file.document.series[series].family];
}

static bool series_is_latch(const struct mmstats_family *family)
{
    return is_latch(family->kind, family->combination);
}

static size_t series_size(const struct mmstats_family *family)
{
    return content_size(family->kind, family->combination, family->bound_count, family->capacity);
}

static uint64_t area_of(const struct mmstats_live *live, size_t extent)
{
    return get64(live->file.extents[extent].bytes + VALUES_OFFSET_AT);
}

/* The place of a series' slot in its values area. */
static uint64_t place_of(const struct mmstats_live *live, size_t series)
{
    const struct slot *slot = &live->file.slots[series];
    return slot->offset - area_of(live, slot->extent);
}

static bool enlarge(unsigned char **bytes, uint64_t size)
{
    unsigned char *larger = realloc(*bytes, size ? size : 1);
    if (!larger)
        return false;
    *bytes = larger;
    return true;
}

/* Room for copies of all slots that there are by now. */
static bool make_room(struct mmstats_live *live, struct mmstats_error *error)
{
    struct mmstats_document *document = &live->file.document;
    for (size_t i = live->placed; i < document->series_count; i++)
        live->copies[live->file.slots[i].extent].latches |= series_is_latch(family_of(live, i));
    live->placed = document->series_count;
    for (size_t i = 0; i < live->file.extent_count; i++) {
        struct copies *copies = &live->copies[i];
        uint64_t size = live->file.extents[i].slots - area_of(live, i);
        if (!copies->latches || size == copies->size)
            continue;
        if (!enlarge(&copies->before, size) || !enlarge(&copies->after, size) || !enlarge(&copies->confirmed, size))
            return unreadable(error);
        copies->size = size;
    }
    return true;
}

/* One pass over the values areas: into the copies that `into` tells, 0 before, 1 the extent's own bytes, 2 after. */
static bool copy_values(struct mmstats_live *live, int into, struct mmstats_error *error)
{
    for (size_t i = 0; i < live->file.extent_count; i++) {
        struct extent *extent = &live->file.extents[i];
        struct copies *copies = &live->copies[i];
        uint64_t area = area_of(live, i);
        unsigned char *to = into == 0 ? copies->before : into == 1 ? extent->bytes + area : copies->after;
        if ((into == 1 || copies->latches) && extent->slots > area &&
            !copy(live, to, extent->slots - area, extent->offset + area, error))
            return false;
    }
    return true;
}

/* R4.1, R4.3 and R4.5 for one latch; each is a call of its own. The last number of a try is the first of the next. */
static bool retry(struct mmstats_live *live, size_t series, long *tries, struct mmstats_error *error)
{
    const struct slot *slot = &live->file.slots[series];
    struct extent *extent = &live->file.extents[slot->extent];
    struct copies *copies = &live->copies[slot->extent];
    uint64_t place = place_of(live, series), offset = extent->offset + slot->offset;
    size_t buffers = 2 * series_size(family_of(live, series));
    unsigned char *before = copies->before + place, *after = copies->after + place;
    for (int i = 0; i < LATCH_TRIES && *tries > 0 && get64(before) != get64(after); i++, --*tries) {
        memcpy(before, after, UNIT);
        if (!copy(live, extent->bytes + slot->offset + UNIT, buffers, offset + UNIT, error) ||
            !copy(live, after, UNIT, offset, error))
            return false;
    }
    return true;
}

static bool confirm(struct mmstats_live *live, struct mmstats_error *error)
{
    struct mmstats_document *document = &live->file.document;
    bool unordered = document->compatible & MMSTATS_UNORDERED;
    long tries = TRIES_MOST;
    for (size_t i = 0; i < document->series_count; i++) {
        const struct mmstats_family *family = family_of(live, i);
        const struct slot *slot = &live->file.slots[i];
        struct mmstats_series *series = &document->series[i];
        unsigned char *copied = live->file.extents[slot->extent].bytes + slot->offset;
        struct copies *copies = &live->copies[slot->extent];
        if (!series_is_latch(family)) {
            series->published = copied;
            series->confirmed = true;
            continue;
        }
        uint64_t place = place_of(live, i);
        size_t size = series_size(family);
        if (!retry(live, i, &tries, error))
            return false;
        uint64_t number = get64(copies->before + place);
        bool equal = number == get64(copies->after + place);
        if (equal)
            memcpy(copies->confirmed + place, copied + UNIT + size * (number & 1), size);
        if (equal || series->published) /* which may have moved */
            series->published = copies->confirmed + place;
        series->confirmed = equal && !unordered;
    }
    return true;
}

static bool poll_2(struct mmstats_live *live, const unsigned char *header, size_t size, struct mmstats_error *error)
{
    if (live->version_2 && (size != HEADER_SIZE || memcmp(header, live->header, HEADER_CRC_SIZE)))
        return fail(error, "bad-crc", "V2-6", HEADER_CRC_AT); /* never changes in a file that is right */
    if (live->version_2 ? !parse_words(&live->file, header, error) : !parse_header(&live->file, header, size, error))
        return false;
    live->version_2 = true;
    memcpy(live->header, header, HEADER_SIZE);

    uint64_t next = HEADER_SIZE;
    size_t count = 0;
    for (; next; count++)
        if (!poll_extent(live, count, next, &next, error))
            return false;
    if (count != live->file.extent_count)
        return fail(error, "bad-extent", "V2-17", HEADER_SIZE); /* they do not become fewer in a file that is right */
    return make_room(live, error) && copy_values(live, 0, error) && copy_values(live, 1, error) &&
           copy_values(live, 2, error) && confirm(live, error);
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Version 1, and what is none */

static bool copy_fields(struct mmstats_live *live, struct mmstats_file *file, struct mmstats_error *error)
{
    uint64_t size;
    if (!size_now(live, &size, error))
        return false;
    file->bytes = malloc(size + 1);
    ssize_t got = file->bytes ? read_at(live->descriptor, file->bytes, size, 0) : -1;
    if (got < 0)
        return unreadable(error);
    if (!got)
        return fail(error, "truncated", "G-1", 0);
    if (file->bytes[0] != VERSION_1)
        return fail(error, "unsupported-version", "G-1", 0);
    return parse_fields(file, file->bytes, (size_t)got, error);
}

/* Compare a copy with the one before; what that one has confirmed already stays. */
static bool confirm_fields(const struct mmstats_file *before, struct mmstats_file *after)
{
    bool all = true;
    for (size_t i = 0; i < after->document.field_count; i++) {
        struct mmstats_field *field = &after->document.fields[i];
        const struct mmstats_field *old = i < before->document.field_count ? &before->document.fields[i] : NULL;
        bool same = old && same_text(field->label, old->label) && same_text(field->signature, old->signature) &&
                    field->buffered == old->buffered;
        /* Two buffers: which one is published tells the index. */
        bool first = old && (const char *)field->published - field->signature.bytes ==
                                (const char *)old->published - old->signature.bytes;
        if (same && old->confirmed)
            field->published = memcpy(after->bytes + (field->published - after->bytes), old->published, field->size);
        field->confirmed = same && (old->confirmed || (first && !memcmp(field->published, old->published, field->size)));
        all = all && field->confirmed;
    }
    return all;
}

static bool poll_1(struct mmstats_live *live, struct mmstats_error *error)
{
    struct mmstats_file before = {0};
    if (!copy_fields(live, &before, error)) {
        clear(&before);
        return false;
    }
    for (size_t i = 0; i < before.document.field_count; i++)
        before.document.fields[i].confirmed = false;
    for (int i = 1; i < COPIES_MOST; i++) {
        struct mmstats_file after = {0};
        if (!copy_fields(live, &after, error)) {
            clear(&before);
            clear(&after);
            return false;
        }
        bool all = confirm_fields(&before, &after);
        clear(&before);
        before = after;
        if (all)
            break;
    }
    live->file = before;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- */

static bool poll_once(struct mmstats_live *live, struct mmstats_error *error)
{
    unsigned char header[HEADER_SIZE];
    ssize_t got = attach(live) ? read_at(live->descriptor, header, sizeof header, 0) : -1;
    if (got < 0)
        return unreadable(error);
    if (!live->version_2)
        clear(&live->file); /* of version 1 nothing is kept */
    if (live->version_2 || (got && header[0] == VERSION_2))
        return poll_2(live, header, (size_t)got, error);
    return poll_1(live, error);
}

const struct mmstats_document *mmstats_poll(struct mmstats_live *live, struct mmstats_error *error)
{
    /* What is malformed is read once more (V1-R4, V2-R7); what does not fit what is kept is no try. */
    int tries = live->version_2 ? 3 : 2;
    for (int i = 0; i < tries; i++) {
        if (i)
            usleep(REREAD_AFTER);
        if (poll_once(live, error))
            return &live->file.document;
        forget(live);
    }
    shut(live);
    return NULL;
}
