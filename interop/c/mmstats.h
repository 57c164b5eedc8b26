/*
 * The mmstats file format, versions 1 and 2: a writer that publishes a program's statistics in a mapped file, and a
 * reader of such files, at rest or while they change.
 *
 * Rule 1: text is bytes with a size; it ends with no zero byte, and may contain one.
 * Rule 2: a writer and what belongs to it is used by one thread at a time, and not by signal handlers.
 * Rule 3: what a call cannot do it refuses, and says so; the file is as before. No call ends the process.
 */
#ifndef MMSTATS_H
#define MMSTATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text, and texts. */

struct mmstats_text {
    const char *bytes;
    size_t size;
};

/* The text of a string literal. */
#define MMSTATS_TEXT(literal) ((struct mmstats_text){"" literal, sizeof(literal) - 1})

/* A run of texts as it stands in a file; mmstats_next takes the first of it away. */
struct mmstats_texts {
    size_t count;
    const unsigned char *at;
};

struct mmstats_text mmstats_text(const char *string);
bool mmstats_next(struct mmstats_texts *texts, struct mmstats_text *text);
bool mmstats_is_utf8(struct mmstats_text text);

/* The most bytes of a text that are not more than `most` and do not end within a character. */
size_t mmstats_whole_characters(struct mmstats_text text, size_t most);

/* What version 2 calls its values; the numbers are those of the file. */

enum mmstats_kind {
    MMSTATS_COUNTER = 1,
    MMSTATS_GAUGE,
    MMSTATS_STATE_SET,
    MMSTATS_TEXT_KIND,
    MMSTATS_SUMMARY,
    MMSTATS_HISTOGRAM,
    MMSTATS_UNKNOWN
};

enum mmstats_type {
    MMSTATS_UNSIGNED = 1,
    MMSTATS_SIGNED,
    MMSTATS_FLOAT,
    MMSTATS_BOOLEAN,
    MMSTATS_TEXT_TYPE
};

enum mmstats_combination {
    MMSTATS_SUM = 1,
    MMSTATS_MIN,
    MMSTATS_MAX,
    MMSTATS_LAST,
    MMSTATS_ALL
};

enum mmstats_feature {
    MMSTATS_ARCHIVE = 1 << 0, /* incompatible; all others are compatible */
    MMSTATS_RECORD_LOCK = 1 << 0,
    MMSTATS_WRITE_CALLS = 1 << 1,
    MMSTATS_UNORDERED = 1 << 2,
    MMSTATS_NO_LOCK = 1 << 3
};

/* ---------------------------------------------------------------------------------------------------------------- */
/* Reading */

/* Why a file was not read. A code is that of FORMAT.md 1.3, the rule the one that is broken. */
struct mmstats_error {
    const char *code; /* "unreadable" where the file could not be read, or there is no memory for it */
    const char *rule;
    uint64_t offset;
};

/* A value. A number's bits are those of binary64 for a float, two's complement for a signed number, 0 or 1 for a
 * boolean: no NaN changes on its way. */

enum mmstats_form {
    MMSTATS_IS_UNSET,
    MMSTATS_IS_UNSIGNED,
    MMSTATS_IS_SIGNED,
    MMSTATS_IS_FLOAT,
    MMSTATS_IS_BOOLEAN,
    MMSTATS_IS_TEXT, /* also the name of an active state */
    MMSTATS_IS_TIMED,
    MMSTATS_IS_SUMMARY,
    MMSTATS_IS_HISTOGRAM
};

struct mmstats_number {
    enum mmstats_form form;
    uint64_t bits;
};

struct mmstats_value {
    enum mmstats_form form;
    union {
        uint64_t bits;
        struct mmstats_text text;
        struct {
            uint64_t time;
            struct mmstats_number value;
        } timed;
        struct {
            uint64_t count;
            struct mmstats_number sum, min, max, last;
        } summary;
        struct {
            uint64_t sum;
            size_t count; /* of the buckets; mmstats_bucket gives one */
            const unsigned char *buckets;
        } histogram;
    } as;
};

double mmstats_float(uint64_t bits);
uint64_t mmstats_bits(double number);
uint64_t mmstats_bucket(const struct mmstats_value *histogram, size_t bucket);

/* A field of version 1. */
struct mmstats_field {
    struct mmstats_text label, signature;
    bool buffered, confirmed;
    const unsigned char *published;
    size_t size;
};

#define MMSTATS_NONE UINT32_MAX

struct mmstats_series {
    uint32_t family, next; /* numbers; MMSTATS_NONE after the last series of a family */
    bool confirmed;
    const unsigned char *record;
    const unsigned char *published; /* the word, or the buffer; NULL where none was confirmed yet */
};

struct mmstats_family {
    enum mmstats_kind kind;
    enum mmstats_type type;
    enum mmstats_combination combination;
    bool kept;
    struct mmstats_text name, unit, help;
    struct mmstats_texts labels;
    const unsigned char *bounds; /* mmstats_bound gives one */
    size_t bound_count;
    struct mmstats_text *states;
    size_t state_count;
    uint32_t capacity;
    uint32_t first, last; /* series */
};

/* What a file says. It belongs to whoever gave it; all texts lie in it. */
struct mmstats_document {
    int version;

    struct mmstats_field *fields;
    size_t field_count;

    uint32_t incompatible, compatible;
    bool closed;
    unsigned char id[16], boot[16];
    struct mmstats_text app, host;
    uint64_t created, pid, start, pid_namespace;
    uint32_t thread;
    struct mmstats_family *families;
    struct mmstats_series *series;
    const unsigned char **folded;
    size_t family_count, series_count, folded_count;
};

double mmstats_bound(const struct mmstats_family *family, size_t bound);
struct mmstats_texts mmstats_labels(const struct mmstats_document *document, const struct mmstats_series *series);
struct mmstats_value mmstats_series_value(const struct mmstats_document *document, const struct mmstats_series *series);
struct mmstats_value mmstats_field_value(const struct mmstats_field *field);

/* The last field of this label: that is the one that counts. */
const struct mmstats_field *mmstats_find_field(const struct mmstats_document *document, struct mmstats_text label);

/* A file at rest, or its bytes. */
struct mmstats_file;
struct mmstats_file *mmstats_parse(const unsigned char *bytes, size_t size, struct mmstats_error *error);
struct mmstats_file *mmstats_read(const char *path, struct mmstats_error *error);
const struct mmstats_document *mmstats_document(const struct mmstats_file *file);
void mmstats_free(struct mmstats_file *file);

/* A file that changes. A poll gives its document as of now, which holds until the next, or NULL and the error. */
struct mmstats_live;
struct mmstats_live *mmstats_watch(const char *path);
const struct mmstats_document *mmstats_poll(struct mmstats_live *live, struct mmstats_error *error);
void mmstats_unwatch(struct mmstats_live *live);

/* ---------------------------------------------------------------------------------------------------------------- */
/* Writing version 2 */

struct mmstats_declaration {
    enum mmstats_kind kind;
    enum mmstats_type type;
    enum mmstats_combination combination;
    bool kept;
    struct mmstats_text name, unit, help;
    const struct mmstats_text *labels;
    size_t label_count;
    const double *bounds;
    size_t bound_count;
    const struct mmstats_text *states;
    size_t state_count;
    size_t capacity;     /* of a text */
    size_t series_limit; /* label sets beyond it share one series; 0 for MMSTATS_SERIES_LIMIT */
};

#define MMSTATS_SERIES_LIMIT 1000
#define MMSTATS_OVERFLOW "__overflow__"

/* The most common declarations. */
struct mmstats_declaration mmstats_counter(const char *name, const char *help);
struct mmstats_declaration mmstats_gauge(const char *name, const char *help);
struct mmstats_declaration mmstats_histogram(const char *name, const char *help, const double *bounds, size_t count);

struct mmstats_writer;
struct mmstats_metric; /* a family of a writer */
struct mmstats_child;  /* a series of it: keep it, an update of it is one store */

/* A writer without a file yet; families that are declared before mmstats_publish are in the file from its beginning.
 * NULL: no memory, or application or host that cannot be. */
struct mmstats_writer *mmstats_writer(struct mmstats_text app, struct mmstats_text host);

/* NULL: the declaration makes no sense, or there is no room for it. */
struct mmstats_metric *mmstats_declare(struct mmstats_writer *writer, const struct mmstats_declaration *declaration);

/* Make the file, under this name or the next that is free. 0, or an errno. */
int mmstats_publish(struct mmstats_writer *writer, const char *path);

/* The name of the file; NULL where there is none: before mmstats_publish, or in a forked child before its first
 * update. */
const char *mmstats_path(const struct mmstats_writer *writer);

/* End the file cleanly; nothing is stored afterwards. */
void mmstats_close(struct mmstats_writer *writer);

/* Close, and give the memory back. All metrics and children are gone. */
void mmstats_destroy(struct mmstats_writer *writer);

/* The thread that calls it goes on with the file of another that used it before and has ended. */
bool mmstats_take_over(struct mmstats_writer *writer);

struct mmstats_metric *mmstats_find(struct mmstats_writer *writer, struct mmstats_text name);

/* What was declared, as a reader of the file has it. */
const struct mmstats_family *mmstats_declared(const struct mmstats_metric *metric);

/* The series of these label values, which is made where it is not there yet; without labels, the one series. NULL: the
 * label values cannot be, or there is no room. */
struct mmstats_child *mmstats_child(struct mmstats_metric *metric, const struct mmstats_text *labels, size_t count);

/* Updates. False: refused, since the child is NULL or of another kind or type, the value is none for it, there is no file
 * yet, the file is closed, or a forked child has no file or no room in it. */
bool mmstats_inc(struct mmstats_child *child, uint64_t amount);         /* counters, gauges: unsigned */
bool mmstats_add(struct mmstats_child *child, int64_t amount);          /* gauges: signed, or unsigned */
bool mmstats_inc_float(struct mmstats_child *child, double amount);     /* counters, gauges: float */
bool mmstats_set_unsigned(struct mmstats_child *child, uint64_t value); /* gauges, unknowns, of their types */
bool mmstats_set_signed(struct mmstats_child *child, int64_t value);
bool mmstats_set_float(struct mmstats_child *child, double value);
bool mmstats_set_boolean(struct mmstats_child *child, bool value);
bool mmstats_set_state(struct mmstats_child *child, size_t state);
bool mmstats_set_text(struct mmstats_child *child, struct mmstats_text text);
bool mmstats_observe(struct mmstats_child *child, double value); /* summaries, histograms */

/* ---------------------------------------------------------------------------------------------------------------- */
/* Writing version 1 */

struct mmstats1_field {
    struct mmstats_text label, signature;
    bool buffered;
    uint64_t bits;            /* what it begins with: a number's as in mmstats_number, */
    struct mmstats_text text; /* or text */
    bool valued;              /* false: it begins as zeros */
};

struct mmstats1_writer;

/* Make the file, under this name or the next that is free; NULL, and an errno: EINVAL for a field that cannot be. */
struct mmstats1_writer *mmstats1_create(const char *path, const struct mmstats1_field *fields, size_t count, int *error);
const char *mmstats1_path(const struct mmstats1_writer *writer);
bool mmstats1_add(struct mmstats1_writer *writer, size_t field, int64_t amount);
bool mmstats1_add_float(struct mmstats1_writer *writer, size_t field, double amount);
bool mmstats1_set(struct mmstats1_writer *writer, size_t field, uint64_t bits); /* integers, booleans */
bool mmstats1_set_float(struct mmstats1_writer *writer, size_t field, double value);
bool mmstats1_set_text(struct mmstats1_writer *writer, size_t field, struct mmstats_text text);
void mmstats1_close(struct mmstats1_writer *writer);
void mmstats1_destroy(struct mmstats1_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
