/*
 * A writer of version 1.
 *
 * Rule 1: the file is made of an image that is complete in memory before; a forked child makes its own of the same.
 * Rule 2: a field with two buffers is updated in the one that its index names, and then the index changes (V1-W2); what
 *         is counted is counted in the writer's memory.
 * Rule 3: fields lie anywhere; a number is stored at once where it happens to be aligned, and by one copy otherwise.
 */
#include "internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

struct field {
    struct signature signature;
    bool buffered;
    size_t at;              /* of its index */
    unsigned char index;
    uint64_t bits, initial; /* of a number, as wide as it is */
};

enum stage { LIVE, FORKED, CLOSED };

struct mmstats1_writer {
    struct fork_watch watch; /* first: the watch is the writer */
    enum stage stage;
    char *wanted;
    struct made file;
    unsigned char *map, *image;
    uint64_t size;
    struct field *fields;
    size_t count;
};

/* ---------------------------------------------------------------------------------------------------------------- */
/* Stores */

/* A number of so many bytes, the lowest of these bits. */
static void store_number(unsigned char *at, uint64_t bits, size_t size)
{
    if ((uintptr_t)at % size) {
        memcpy(at, &bits, size);
        return;
    }
    switch (size) {
    case 1:
        atomic_store_explicit((_Atomic uint8_t *)at, (uint8_t)bits, memory_order_relaxed);
        break;
    case 2:
        atomic_store_explicit((_Atomic uint16_t *)at, (uint16_t)bits, memory_order_relaxed);
        break;
    case 4:
        atomic_store_explicit((_Atomic uint32_t *)at, (uint32_t)bits, memory_order_relaxed);
        break;
    default:
        atomic_store_explicit((_Atomic uint64_t *)at, bits, memory_order_relaxed);
    }
}

static void store_content(const struct field *field, unsigned char *buffer, uint64_t bits, struct mmstats_text text)
{
    if (field->signature.class != CLASS_TEXT) {
        store_number(buffer, bits, field->signature.size);
        return;
    }
    if (text.size)
        memcpy(buffer, text.bytes, text.size);
    memset(buffer + text.size, 0, field->signature.size - text.size);
}

/* An update, of a file or of its image. */
static void store(struct field *field, unsigned char *file, uint64_t bits, struct mmstats_text text)
{
    unsigned char *index = file + field->at, *buffers = index + 1;
    field->bits = bits;
    if (!field->buffered) {
        store_content(field, buffers, bits, text);
        return;
    }
    atomic_thread_fence(memory_order_release); /* not before the index of the update before */
    store_content(field, buffers + (field->index ? field->signature.size : 0), bits, text);
    field->index ^= 1;
    atomic_store_explicit((_Atomic uint8_t *)index, field->index, memory_order_release);
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Beginnings */

/* The bits of a number as its field has them: a float of 4 bytes narrowed, a boolean 0 or 1. */
static uint64_t fitted(const struct signature *signature, uint64_t bits)
{
    if (signature->class == CLASS_BOOLEAN)
        return bits != 0;
    return signature->class == CLASS_FLOAT && signature->size == 4 ? narrowed(bits) : bits;
}

/* Whether a field can be, and how many bytes it has in the file. */
static bool check(const struct mmstats1_field *declared, struct field *field, uint64_t *bytes)
{
    if (!declared->label.size || declared->label.size > LENGTH_MOST ||
        !read_signature(declared->signature, &field->signature))
        return false;
    if (declared->valued && field->signature.class == CLASS_TEXT && declared->text.size > field->signature.size)
        return false;
    field->buffered = declared->buffered;
    *bytes = 2 + declared->label.size + 2 + declared->signature.size + 1;
    *bytes += (declared->buffered ? 2 : 1) * (uint64_t)field->signature.size;
    return true;
}

static size_t put_text(unsigned char *at, struct mmstats_text text)
{
    put16(at, (uint16_t)text.size);
    memcpy(at + 2, text.bytes, text.size);
    return 2 + text.size;
}

static void fill(struct mmstats1_writer *writer, const struct mmstats1_field *declared)
{
    size_t at = 0;
    writer->image[at++] = VERSION_1;
    for (size_t i = 0; i < writer->count; i++) {
        struct field *field = &writer->fields[i];
        at += put_text(writer->image + at, declared[i].label);
        at += put_text(writer->image + at, declared[i].signature);
        field->at = at;
        writer->image[at] = field->buffered ? 0 : INDEX_UNBUFFERED;
        if (declared[i].valued) /* V1-W1: it begins as after one update */
            store(field, writer->image, fitted(&field->signature, declared[i].bits), declared[i].text);
        field->initial = field->bits;
        at += 1 + (field->buffered ? 2 : 1) * field->signature.size;
    }
}

static int create_held(struct mmstats1_writer *writer)
{
    free(writer->file.path); /* a forked child's parent's */
    int error = make_file(&writer->file, writer->wanted, writer->size, false);
    if (!error && !(writer->map = map_file(writer->file.descriptor, 0, writer->size)))
        error = ENOMEM;
    if (!error) {
        memcpy(writer->map, writer->image, writer->size);
        error = name_file(&writer->file, writer->wanted);
        if (error)
            munmap(writer->map, writer->size);
    }
    if (error) {
        close_made(&writer->file);
        return error;
    }
    /* The mapping needs it no more. */
    close(writer->file.descriptor);
    close(writer->file.directory);
    writer->file.descriptor = writer->file.directory = -1;
    for (size_t i = 0; i < writer->count; i++) {
        writer->fields[i].bits = writer->fields[i].initial;
        writer->fields[i].index = writer->image[writer->fields[i].at];
    }
    writer->stage = LIVE;
    return 0;
}

static int create(struct mmstats1_writer *writer)
{
    hold_forks();
    int error = create_held(writer);
    release_forks();
    return error;
}

static void let_go(struct mmstats1_writer *writer)
{
    munmap(writer->map, writer->size);
    close_made(&writer->file);
}

static void in_child(struct fork_watch *watch)
{
    struct mmstats1_writer *writer = (struct mmstats1_writer *)watch;
    if (writer->stage != LIVE)
        return;
    let_go(writer);
    writer->stage = FORKED;
}

static int prepare(struct mmstats1_writer *writer, const char *path, const struct mmstats1_field *fields)
{
    uint64_t size = 1, bytes;
    writer->wanted = absolute(path);
    writer->fields = calloc(writer->count + 1, sizeof *writer->fields);
    if (!writer->wanted || !writer->fields)
        return ENOMEM;
    for (size_t i = 0; i < writer->count; i++) {
        if (!check(&fields[i], &writer->fields[i], &bytes))
            return EINVAL;
        size += bytes;
        if (size > WRITTEN_1_MOST)
            return EFBIG;
    }
    writer->size = rounded(size, page_size());
    writer->image = calloc(1, writer->size);
    if (!writer->image)
        return ENOMEM;
    fill(writer, fields);
    return 0;
}

struct mmstats1_writer *mmstats1_create(const char *path, const struct mmstats1_field *fields, size_t count, int *error)
{
    struct mmstats1_writer *writer = calloc(1, sizeof *writer);
    *error = ENOMEM;
    if (!writer)
        return NULL;
    writer->stage = CLOSED;
    writer->count = count;
    writer->watch.in_child = in_child;
    *error = prepare(writer, path, fields);
    if (!*error && !watch_forks(&writer->watch))
        *error = ENOMEM;
    if (!*error)
        *error = create(writer);
    if (!*error)
        return writer;
    mmstats1_destroy(writer);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Updates, and the end */

const char *mmstats1_path(const struct mmstats1_writer *writer)
{
    return writer->stage == FORKED ? NULL : writer->file.path;
}

/* Of what `ready` gave; NULL is refused. */
static bool update(struct mmstats1_writer *writer, struct field *field, uint64_t bits, struct mmstats_text text)
{
    if (field)
        store(field, writer->map, bits, text);
    return field;
}

/* The field, of this class or the other; a forked child has a file of its own from here on. */
static struct field *ready(struct mmstats1_writer *writer, size_t number, enum field_class one, enum field_class other)
{
    if (number >= writer->count)
        return NULL;
    struct field *field = &writer->fields[number];
    if (field->signature.class != one && field->signature.class != other)
        return NULL;
    if (writer->stage == FORKED)
        create(writer);
    return writer->stage == LIVE ? field : NULL;
}

bool mmstats1_add(struct mmstats1_writer *writer, size_t number, int64_t amount)
{
    struct field *field = ready(writer, number, CLASS_SIGNED, CLASS_UNSIGNED);
    return update(writer, field, field ? field->bits + (uint64_t)amount : 0, (struct mmstats_text){0});
}

bool mmstats1_add_float(struct mmstats1_writer *writer, size_t number, double amount)
{
    struct field *field = ready(writer, number, CLASS_FLOAT, CLASS_FLOAT);
    if (!field)
        return false;
    uint64_t bits = field->signature.size == 4 ? widened((uint32_t)field->bits) : field->bits;
    return mmstats1_set_float(writer, number, mmstats_float(bits) + amount);
}

bool mmstats1_set(struct mmstats1_writer *writer, size_t number, uint64_t bits)
{
    struct field *field = ready(writer, number, CLASS_SIGNED, CLASS_UNSIGNED);
    if (!field)
        field = ready(writer, number, CLASS_BOOLEAN, CLASS_BOOLEAN);
    return update(writer, field, field ? fitted(&field->signature, bits) : 0, (struct mmstats_text){0});
}

bool mmstats1_set_float(struct mmstats1_writer *writer, size_t number, double value)
{
    struct field *field = ready(writer, number, CLASS_FLOAT, CLASS_FLOAT);
    uint64_t bits = mmstats_bits(value);
    return update(writer, field, field ? fitted(&field->signature, bits) : 0, (struct mmstats_text){0});
}

bool mmstats1_set_text(struct mmstats1_writer *writer, size_t number, struct mmstats_text text)
{
    struct field *field = ready(writer, number, CLASS_TEXT, CLASS_TEXT);
    if (!field)
        return false;
    text.size = mmstats_whole_characters(text, field->signature.size);
    return update(writer, field, 0, text);
}

void mmstats1_close(struct mmstats1_writer *writer)
{
    hold_forks();
    if (writer->stage == LIVE)
        let_go(writer);
    writer->stage = CLOSED;
    release_forks();
}

void mmstats1_destroy(struct mmstats1_writer *writer)
{
    if (!writer)
        return;
    mmstats1_close(writer);
    unwatch_forks(&writer->watch);
    free(writer->fields);
    free(writer->image);
    free(writer->wanted);
    free(writer->file.path);
    free(writer);
}
