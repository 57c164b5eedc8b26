/*
 * What the library's parts know of one another and nobody else.
 */
#ifndef INTERNAL_H
#define INTERNAL_H

#include <stdlib.h>
#include <sys/types.h>

#include "layout.h"
#include "mmstats.h"
#include "set.h"

/* text.c */
bool same_text(struct mmstats_text one, struct mmstats_text other);

/* value.c */

/* The bytes of a word, or of one buffer of a latch, as a family has them. */
size_t content_size(enum mmstats_kind kind, enum mmstats_combination combination, size_t bounds, size_t capacity);
bool is_latch(enum mmstats_kind kind, enum mmstats_combination combination);
uint64_t unset_bits(enum mmstats_type type);

/* Whether 3.6 has such a row; `wrong` is the first that does not fit: 0 the kind, 1 the type, 2 the combination. */
bool is_row(unsigned kind, unsigned type, unsigned combination, int *wrong);

/* parse1.c */

enum field_class { CLASS_BOOLEAN, CLASS_SIGNED, CLASS_UNSIGNED, CLASS_FLOAT, CLASS_TEXT };

struct signature {
    enum field_class class;
    size_t size;
};

bool read_signature(struct mmstats_text text, struct signature *signature);
uint64_t widened(uint32_t binary32);
uint32_t narrowed(uint64_t binary64);

/* parse.c */

struct extent {
    unsigned char *bytes; /* of the extent, or of what has been read of it */
    uint64_t offset, size;
    uint64_t decoded; /* where the first record begins that is not decoded yet, from the extent's beginning */
    uint64_t slots;   /* where the first slot begins that no decoded record owns, likewise */
};

/* Where the slot of a series lies. */
struct slot {
    uint32_t extent;
    uint32_t offset;
};

struct mmstats_file {
    struct mmstats_document document;
    unsigned char *bytes; /* of the whole file at rest */
    struct extent extents[EXTENTS_MOST];
    size_t extent_count;
    struct slot *slots; /* of the series */
    struct set names;   /* of families */
    struct set labels;  /* of series: their bodies */
};

/* Room for one more in an array, which doubles; `array` is the address of the pointer to it. */
bool reserve(void *array, size_t count, size_t size);

static inline bool fail(struct mmstats_error *error, const char *code, const char *rule, uint64_t offset)
{
    *error = (struct mmstats_error){code, rule, offset};
    return false;
}

static inline bool unreadable(struct mmstats_error *error)
{
    return fail(error, "unreadable", "", 0);
}

void clear(struct mmstats_file *file);

/* A regular file, opened for reading, or -1. */
int open_regular(const char *path);

/* Read up to `size` bytes at an offset, as many as there are; -1 on an error. */
ssize_t read_at(int descriptor, void *bytes, size_t size, uint64_t offset);

bool parse_fields(struct mmstats_file *file, const unsigned char *bytes, size_t size, struct mmstats_error *error);

/* parse2.c: the steps of version 2, in the order of V2-34 */

bool parse_header(struct mmstats_file *file, const unsigned char *bytes, uint64_t size, struct mmstats_error *error);

/* The header's words that change. */
bool parse_words(struct mmstats_file *file, const unsigned char *header, struct mmstats_error *error);

/* A new extent; the caller sets its bytes. `head` is not looked at where it does not lie whole in a file of `size`. */
bool parse_extent(struct mmstats_file *file, uint64_t offset, const unsigned char *head, uint64_t size,
                  struct mmstats_error *error);
bool parse_used(const struct extent *extent, const unsigned char *head, uint64_t *used, struct mmstats_error *error);
bool parse_records(struct mmstats_file *file, size_t extent, uint64_t used, struct mmstats_error *error);

/* Where the following extent begins; 0 where there is none. */
bool parse_next(const struct mmstats_file *file, size_t extent, const unsigned char *head, uint64_t *next,
                struct mmstats_error *error);

/* The record of a family, read as a reader does: a file whose document has it, or NULL. It points into the record. */
struct mmstats_file *parse_declaration(const unsigned char *record);

/* create.c */

/* A file that is being made, or was. */
struct made {
    int descriptor; /* for mapping and growing */
    int lock;       /* for nothing but the lock */
    int directory;
    bool locked;
    char *path;      /* its name; NULL while it has none */
    char *temporary; /* in the directory; NULL where the system makes files without a name */
    uint64_t size;
};

/* The path from the root on, since the process may change its directory; NULL: no memory. */
char *absolute(const char *path);

/* A file of this size without a name, reserved and locked, in the directory of `path`. 0, or an errno. */
int make_file(struct made *made, const char *path, uint64_t size, bool refuse_open_directory);

/* Link it to `path`, or the next name that is free. 0, or an errno; what was made stays to be given up. */
int name_file(struct made *made, const char *path);

/* Reserve space beyond the file's end, never raising a signal. 0, or an errno. */
int reserve_space(int descriptor, uint64_t offset, uint64_t size);

/* Close the descriptors, and with them give up the lock. */
void close_made(struct made *made);

unsigned char *map_file(int descriptor, uint64_t offset, uint64_t size);
uint64_t page_size(void);

/* identity.c */

struct identity {
    unsigned char id[ID_SIZE], boot[ID_SIZE];
    uint64_t created, pid, start, pid_namespace;
};

bool who_am_i(struct identity *identity);
uint32_t thread_id(void);
uint64_t now(void);

/* fork.c */

/* Something that a forked child has to let go of: `in_child` runs there, and may only do what signal handlers may. */
struct fork_watch {
    struct fork_watch *next, **link;
    void (*in_child)(struct fork_watch *watch);
};

bool watch_forks(struct fork_watch *watch);
void unwatch_forks(struct fork_watch *watch);

/* Other threads fork before or after, not meanwhile. Not in a child's `in_child`. */
void hold_forks(void);
void release_forks(void);

#endif
