/*
 * A writer of version 2: its families, its series, its beginning and its end.
 *
 * Rule 1: a declaration is made a record, and checked by reading it as a reader does: what a reader would not take is
 *         never in a file.
 * Rule 2: metrics and children are kept for ever: who has one may use it, also in a forked child and after the end.
 * Rule 3: what is looked up by the caller once costs no look-up later.
 */
#include "writer.h"

#include <errno.h>
#include <time.h>

/* Nanoseconds until a forked child that could make no file tries again. */
#define RETRY_AFTER INT64_C(1000000000)

/* ---------------------------------------------------------------------------------------------------------------- */
/* Records */

struct buffer {
    unsigned char *bytes;
    size_t size, room;
    bool failed;
};

static unsigned char *extend(struct buffer *buffer, size_t size)
{
    if (!buffer->failed && size > buffer->room - buffer->size) {
        size_t room = 2 * buffer->room + size;
        unsigned char *larger = room <= WRITTEN_MOST ? realloc(buffer->bytes, room) : NULL;
        buffer->failed = !larger;
        if (larger) {
            buffer->bytes = larger;
            buffer->room = room;
        }
    }
    if (buffer->failed)
        return NULL;
    unsigned char *at = buffer->bytes + buffer->size;
    memset(at, 0, size);
    buffer->size += size;
    return at;
}

static void extend_text(struct buffer *buffer, struct mmstats_text text)
{
    unsigned char *at = text.size <= LENGTH_MOST ? extend(buffer, 2 + text.size) : NULL;
    if (!at) {
        buffer->failed = true;
        return;
    }
    put16(at, (uint16_t)text.size);
    if (text.size)
        memcpy(at + 2, text.bytes, text.size);
}

static void extend_texts(struct buffer *buffer, const struct mmstats_text *texts, size_t count)
{
    for (size_t i = 0; i < count && !buffer->failed; i++)
        extend_text(buffer, texts[i]);
}

/* The record, with its head filled in; NULL where it could not be made. */
static unsigned char *end_record(struct buffer *buffer, uint16_t type, size_t slot)
{
    extend(buffer, rounded(buffer->size, UNIT) - buffer->size);
    if (buffer->failed) {
        free(buffer->bytes);
        return NULL;
    }
    put32(buffer->bytes, (uint32_t)buffer->size);
    put16(buffer->bytes + RECORD_TYPE_AT, type);
    put32(buffer->bytes + RECORD_SLOT_AT, (uint32_t)slot);
    put32(buffer->bytes + RECORD_CRC_AT, checksum(buffer->bytes, buffer->size, RECORD_CRC_AT));
    return buffer->bytes;
}

static unsigned char *origin_record(struct mmstats_text app, struct mmstats_text host)
{
    struct buffer buffer = {0};
    if (!mmstats_is_utf8(app) || !mmstats_is_utf8(host))
        return NULL;
    extend(&buffer, RECORD_HEAD);
    extend_text(&buffer, app);
    extend_text(&buffer, host);
    return end_record(&buffer, ORIGIN, 0);
}

static unsigned char *family_record(const struct mmstats_declaration *declaration)
{
    struct buffer buffer = {0};
    size_t parts = declaration->bound_count + declaration->state_count;
    if (declaration->label_count > LABELS_MOST || declaration->bound_count > PARTS_MOST ||
        declaration->state_count > PARTS_MOST || parts > PARTS_MOST || declaration->capacity > CAPACITY_MOST)
        return NULL;
    /* A number of them is what a reader checks; these would be lost here. */
    if ((declaration->bound_count && declaration->kind != MMSTATS_HISTOGRAM) ||
        (declaration->state_count && declaration->kind != MMSTATS_STATE_SET))
        return NULL;
    unsigned char *at = extend(&buffer, FAMILY_BODY_AT + UNIT * declaration->bound_count);
    if (!at)
        return NULL;
    at[FAMILY_KIND_AT] = (unsigned char)declaration->kind;
    at[FAMILY_TYPE_AT] = (unsigned char)declaration->type;
    at[FAMILY_COMBINATION_AT] = (unsigned char)declaration->combination;
    at[FAMILY_FLAGS_AT] = declaration->kept ? FAMILY_KEPT : 0;
    at[FAMILY_LABELS_AT] = (unsigned char)declaration->label_count;
    put16(at + FAMILY_PARTS_AT, (uint16_t)parts);
    put32(at + FAMILY_CAPACITY_AT, (uint32_t)declaration->capacity);
    if (declaration->bound_count)
        memcpy(at + FAMILY_BODY_AT, declaration->bounds, UNIT * declaration->bound_count);
    extend_text(&buffer, declaration->name);
    extend_text(&buffer, declaration->unit);
    extend_text(&buffer, declaration->help);
    extend_texts(&buffer, declaration->labels, declaration->label_count);
    extend_texts(&buffer, declaration->states, declaration->state_count);
    return end_record(&buffer, FAMILY, 0);
}

static unsigned char *series_record(const struct mmstats_metric *metric, const struct mmstats_text *labels, size_t count)
{
    struct buffer buffer = {0};
    unsigned char *at = extend(&buffer, SERIES_BODY_AT);
    if (!at)
        return NULL;
    put32(at + SERIES_FAMILY_AT, metric->number);
    for (size_t i = 0; i < count; i++)
        buffer.failed |= !mmstats_is_utf8(labels[i]);
    extend_texts(&buffer, labels, count);
    return end_record(&buffer, SERIES, slot_size(metric));
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Children */

/* The bytes of a record that tell a series of a family from another: all behind its family. */
static const unsigned char *key_of(const unsigned char *record, size_t *size)
{
    *size = get32(record) - SERIES_BODY_AT;
    return record + SERIES_BODY_AT;
}

static void free_child(struct mmstats_child *child)
{
    if (!child)
        return;
    free(child->record);
    free(child->buffers);
    free(child);
}

/* A child with its record, which it takes over; not in the file, and known to nobody yet. */
static struct mmstats_child *new_child(struct mmstats_metric *metric, unsigned char *record)
{
    struct mmstats_child *child = calloc(1, sizeof *child);
    if (!child) {
        free(record);
        return NULL;
    }
    *child = (struct mmstats_child){.writer = metric->writer, .metric = metric, .epoch = NO_SLOT, .record = record};
    child->counter = metric->family->kind == MMSTATS_COUNTER && metric->family->type == MMSTATS_UNSIGNED;
    if (metric->latch && !(child->buffers = calloc(2 * metric->words, UNIT))) {
        free_child(child);
        return NULL;
    }
    return child;
}

static void link_child(struct mmstats_metric *metric, struct mmstats_child *child)
{
    if (metric->last)
        metric->last->next = child;
    else
        metric->first = child;
    metric->last = child;
}

/* Make a child known, and give it its slot where there is a file. */
static bool admit(struct mmstats_metric *metric, struct mmstats_child *child, bool overflow)
{
    size_t size;
    const unsigned char *key = key_of(child->record, &size);
    /* First all that may fail: what is in the file has to be found again. */
    if (!set_reserve(&metric->labels) ||
        !reserve(&metric->children, metric->child_count, sizeof(struct mmstats_child *)))
        return false;
    if (metric->writer->stage == LIVE && !append(metric, child))
        return false;
    if (overflow) {
        metric->overflow = child;
    } else {
        set_add(&metric->labels, key, size, (uint32_t)metric->child_count);
        metric->children[metric->child_count++] = child;
        metric->count += metric->writer->stage != FORKED;
    }
    link_child(metric, child);
    return true;
}

/* The series that counts all label sets beyond the limit. */
static struct mmstats_child *overflow_of(struct mmstats_metric *metric)
{
    struct mmstats_text labels[LABELS_MOST];
    size_t count = metric->family->labels.count;
    if (metric->overflow)
        return metric->overflow;
    for (size_t i = 0; i < count; i++)
        labels[i] = MMSTATS_TEXT(MMSTATS_OVERFLOW);
    unsigned char *record = series_record(metric, labels, count);
    struct mmstats_child *child = record ? new_child(metric, record) : NULL;
    if (child && !admit(metric, child, true)) {
        free_child(child);
        return NULL;
    }
    return child;
}

static bool is_overflow(const struct mmstats_text *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!same_text(labels[i], MMSTATS_TEXT(MMSTATS_OVERFLOW)))
            return false;
    return count > 0;
}

/* A child that may have no slot in the file yet, since a parent made it: with one, or that of the overflow. */
static struct mmstats_child *attached(struct mmstats_child *child)
{
    struct mmstats_metric *metric = child->metric;
    bool counted = child != metric->overflow;
    if (child->epoch == metric->writer->epoch)
        return child;
    if (counted && metric->family->labels.count && metric->count >= metric->limit) {
        child = overflow_of(metric);
        return !child || child->epoch == metric->writer->epoch || append(metric, child) ? child : NULL;
    }
    if (!append(metric, child))
        return NULL;
    metric->count += counted;
    return child;
}

struct mmstats_child *mmstats_child(struct mmstats_metric *metric, const struct mmstats_text *labels, size_t count)
{
    if (!metric || count != metric->family->labels.count)
        return NULL;
    enum stage stage = metric->writer->stage;
    size_t size;
    unsigned char *record = series_record(metric, labels, count);
    if (!record)
        return NULL;
    const unsigned char *key = key_of(record, &size);
    uint32_t found = set_find(&metric->labels, key, size);
    if (found != SET_NONE || stage == CLOSED) {
        free(record);
        if (found == SET_NONE)
            return NULL;
        return stage == LIVE ? attached(metric->children[found]) : metric->children[found];
    }
    if (is_overflow(labels, count) || (count && metric->count >= metric->limit)) {
        free(record);
        struct mmstats_child *child = overflow_of(metric);
        return child && stage == LIVE ? attached(child) : child;
    }
    struct mmstats_child *child = new_child(metric, record);
    if (child && !admit(metric, child, false)) {
        free_child(child);
        return NULL;
    }
    return child;
}

static int64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct mmstats_child *make_ready(struct mmstats_child *child)
{
    struct mmstats_writer *writer = child->writer;
    if (writer->stage == FORKED && monotonic() >= writer->retry) {
        hold_forks();
        if (create_file(writer))
            writer->retry = monotonic() + RETRY_AFTER;
        release_forks();
    }
    return writer->stage == LIVE ? attached(child) : NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* Families */

static void free_metric(struct mmstats_metric *metric)
{
    for (struct mmstats_child *child = metric->first, *next; child; child = next) {
        next = child->next;
        free_child(child);
    }
    mmstats_free(metric->parsed);
    set_clear(&metric->labels);
    free(metric->children);
    free(metric->record);
    free(metric);
}

/* A metric of a declaration that makes sense, known to nobody yet. */
static struct mmstats_metric *new_metric(struct mmstats_writer *writer, const struct mmstats_declaration *declaration)
{
    struct mmstats_metric *metric = calloc(1, sizeof *metric);
    if (!metric)
        return NULL;
    metric->writer = writer;
    metric->record = family_record(declaration);
    metric->parsed = metric->record ? parse_declaration(metric->record) : NULL;
    if (!metric->parsed) {
        free_metric(metric);
        return NULL;
    }
    const struct mmstats_family *family = metric->family = metric->parsed->document.families;
    metric->number = (uint32_t)writer->metric_count;
    metric->latch = is_latch(family->kind, family->combination);
    metric->words =
        content_size(family->kind, family->combination, family->bound_count, family->capacity) / UNIT;
    metric->limit = declaration->series_limit ? declaration->series_limit : MMSTATS_SERIES_LIMIT;
    return metric;
}

/* The one series of a family without labels is there from the declaration on. */
static bool admit_metric(struct mmstats_metric *metric)
{
    if (!metric->family->labels.count)
        return mmstats_child(metric, NULL, 0);
    return metric->writer->stage != LIVE || append(metric, NULL);
}

struct mmstats_metric *mmstats_declare(struct mmstats_writer *writer, const struct mmstats_declaration *declaration)
{
    if (!writer || writer->stage == CLOSED || mmstats_find(writer, declaration->name) || !set_reserve(&writer->names))
        return NULL;
    hold_forks(); /* a child goes through the metrics */
    bool room = reserve(&writer->metrics, writer->metric_count, sizeof(struct mmstats_metric *));
    release_forks();
    if (!room)
        return NULL;
    struct mmstats_metric *metric = new_metric(writer, declaration);
    if (!metric)
        return NULL;
    if (!admit_metric(metric)) {
        free_metric(metric);
        return NULL;
    }
    struct mmstats_text name = metric->family->name;
    set_add(&writer->names, name.bytes, name.size, metric->number);
    writer->metrics[writer->metric_count++] = metric;
    return metric;
}

struct mmstats_metric *mmstats_find(struct mmstats_writer *writer, struct mmstats_text name)
{
    uint32_t found = name.bytes ? set_find(&writer->names, name.bytes, name.size) : SET_NONE;
    return found == SET_NONE ? NULL : writer->metrics[found];
}

const struct mmstats_family *mmstats_declared(const struct mmstats_metric *metric)
{
    return metric->family;
}

struct mmstats_declaration mmstats_counter(const char *name, const char *help)
{
    return (struct mmstats_declaration){.kind = MMSTATS_COUNTER,
                                        .type = MMSTATS_UNSIGNED,
                                        .combination = MMSTATS_SUM,
                                        .name = mmstats_text(name),
                                        .help = mmstats_text(help)};
}

struct mmstats_declaration mmstats_gauge(const char *name, const char *help)
{
    return (struct mmstats_declaration){.kind = MMSTATS_GAUGE,
                                        .type = MMSTATS_FLOAT,
                                        .combination = MMSTATS_SUM,
                                        .name = mmstats_text(name),
                                        .help = mmstats_text(help)};
}

struct mmstats_declaration mmstats_histogram(const char *name, const char *help, const double *bounds, size_t count)
{
    return (struct mmstats_declaration){.kind = MMSTATS_HISTOGRAM,
                                        .type = MMSTATS_FLOAT,
                                        .combination = MMSTATS_SUM,
                                        .name = mmstats_text(name),
                                        .help = mmstats_text(help),
                                        .bounds = bounds,
                                        .bound_count = count};
}

/* ---------------------------------------------------------------------------------------------------------------- */
/* The writer */

/* The child's copy of all that is the parent's goes, the lock's descriptor among it. */
static void in_child(struct fork_watch *watch)
{
    struct mmstats_writer *writer = (struct mmstats_writer *)watch;
    if (writer->stage != LIVE)
        return;
    let_go(writer);
    writer->stage = FORKED;
    for (size_t i = 0; i < writer->metric_count; i++)
        writer->metrics[i]->count = 0;
}

struct mmstats_writer *mmstats_writer(struct mmstats_text app, struct mmstats_text host)
{
    struct mmstats_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->watch.in_child = in_child;
    writer->file = (struct made){.descriptor = -1, .lock = -1, .directory = -1};
    writer->origin = origin_record(app, host);
    if (!writer->origin || !watch_forks(&writer->watch)) {
        free(writer->origin);
        free(writer);
        return NULL;
    }
    return writer;
}

int mmstats_publish(struct mmstats_writer *writer, const char *path)
{
    if (writer->stage != NEW)
        return EINVAL;
    free(writer->wanted);
    writer->wanted = absolute(path);
    if (!writer->wanted)
        return ENOMEM;
    hold_forks();
    int error = create_file(writer);
    release_forks();
    return error;
}

const char *mmstats_path(const struct mmstats_writer *writer)
{
    return writer->stage == LIVE || writer->stage == CLOSED ? writer->file.path : NULL;
}

void mmstats_close(struct mmstats_writer *writer)
{
    hold_forks();
    if (writer->stage == LIVE) {
        store_header(writer, STATE_AT, STATE_CLOSED);
        let_go(writer);
    }
    writer->stage = CLOSED;
    release_forks();
}

bool mmstats_take_over(struct mmstats_writer *writer)
{
    if (writer->stage != LIVE)
        return false;
    for (size_t i = 0; i < writer->metric_count; i++) {
        const struct mmstats_family *family = writer->metrics[i]->family;
        bool stays = family->kept || family->combination == MMSTATS_SUM;
        for (struct mmstats_child *child = writer->metrics[i]->first; child && !stays; child = child->next)
            if (child->epoch == writer->epoch)
                unset(child);
    }
    store_header(writer, THREAD_AT, thread_id());
    return true;
}

void mmstats_destroy(struct mmstats_writer *writer)
{
    if (!writer)
        return;
    mmstats_close(writer);
    unwatch_forks(&writer->watch);
    for (size_t i = 0; i < writer->metric_count; i++)
        free_metric(writer->metrics[i]);
    set_clear(&writer->names);
    free(writer->metrics);
    free(writer->origin);
    free(writer->wanted);
    free(writer->file.path);
    free(writer);
}
