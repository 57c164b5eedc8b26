/*
 * A writer of version 2 from within: writer.c makes its metrics and children, extents.c its file, update.c stores.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdatomic.h>

#include "internal.h"

/* A word of a file, which readers see. */
typedef _Atomic uint64_t shared_word;
_Static_assert(sizeof(shared_word) == UNIT && ATOMIC_LLONG_LOCK_FREE == 2, "words are stored at once");

/* An extent of the file that is written. */
struct written {
    unsigned char *map;  /* what is mapped; the first extent begins HEADER_SIZE behind it, all others at once */
    unsigned char *at;   /* the extent */
    uint64_t mapped;     /* bytes */
    uint64_t used, metadata; /* bytes of records published, and room for them */
    uint64_t slots, values;  /* bytes of slots in use, and room for them */
    uint64_t values_offset;
};

enum { NO_FILE = 0, NO_SLOT = UINT32_MAX };

enum stage {
    NEW,    /* mmstats_publish makes the file */
    LIVE,
    FORKED, /* the file is the parent's; the first update makes another */
    CLOSED
};

struct mmstats_writer {
    struct fork_watch watch; /* first: the watch is the writer */
    /* The number of the file that is written, from 1, or NO_FILE. A child whose number differs has no slot in it: so
     * one comparison tells whether an update may go straight on. */
    uint32_t epoch, last_epoch;
    enum stage stage;
    char *wanted;
    struct made file;
    struct written extents[EXTENTS_MOST];
    size_t extent_count;
    unsigned char *origin; /* the record */
    struct mmstats_metric **metrics;
    size_t metric_count;
    struct set names;
    int64_t retry; /* when a forked child that could make no file tries again */
};

struct mmstats_metric {
    struct mmstats_writer *writer;
    struct mmstats_file *parsed; /* the record, as a reader reads it */
    const struct mmstats_family *family;
    unsigned char *record;
    uint32_t number, epoch;
    bool latch;
    size_t words; /* of the content */
    size_t limit, count; /* of the series that are in the file, without that of the overflow */
    struct mmstats_child *first, *last; /* all children, in the order in which they were made */
    struct mmstats_child **children;
    struct set labels; /* of the children but the overflow's; their place in `children` */
    size_t child_count;
    struct mmstats_child *overflow;
};

struct mmstats_child {
    struct mmstats_writer *writer;
    struct mmstats_metric *metric;
    uint32_t epoch;
    bool counter;      /* of unsigned numbers: what is updated most */
    uint64_t value;    /* of a word */
    shared_word *slot; /* in the file */
    uint64_t *buffers; /* of a latch: both, as they are in the file */
    unsigned char *record;
    struct mmstats_child *next;
};

/* extents.c */

int create_file(struct mmstats_writer *writer);

/* Publish the family where it is not in the file yet, and a series of it unless it is NULL. */
bool append(struct mmstats_metric *metric, struct mmstats_child *child);
void let_go(struct mmstats_writer *writer);

/* Store a word of the header, the state or the thread. */
void store_header(struct mmstats_writer *writer, size_t at, uint32_t number);

/* update.c */

/* Store what a slot begins with (V2-31) where no reader looks yet. */
void begin_slot(struct mmstats_child *child, unsigned char *slot);
size_t slot_size(const struct mmstats_metric *metric);

/* Make a value unset that is the thread's and not the process's (V2-W13). */
void unset(struct mmstats_child *child);

/* writer.c */

struct mmstats_child *make_ready(struct mmstats_child *child);

/* The child to update: with a slot in the file, itself or that of the overflow. NULL: refused. */
static inline struct mmstats_child *ready(struct mmstats_child *child)
{
    return child->epoch == child->writer->epoch ? child : make_ready(child);
}

#endif
