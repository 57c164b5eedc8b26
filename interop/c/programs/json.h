/*
 * JSON (RFC 8259), as much as the test programs need: values are read into a tree, and text is written.
 *
 * Rule 1: text is UTF-8 with a size, and may contain U+0000.
 * Rule 2: a number is kept as it is written.
 */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>

#include "mmstats.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    struct mmstats_text key;  /* of a member of an object */
    struct mmstats_text text; /* of a string or a number */
    struct json *first, *next;
    size_t count; /* of an array's elements */
};

/* The value that these bytes are, or NULL. */
struct json *json_parse(struct mmstats_text bytes);

/* The member of this name, or NULL. */
const struct json *json_get(const struct json *object, const char *key);

bool json_is(const struct json *value, const char *string);
long long json_integer(const struct json *value, long long otherwise);

/* The bytes of a TEXT: a string, or {"hex": DIGITS}. */
bool json_text(const struct json *value, struct mmstats_text *text);

/* Give all memory back that any of these took. */
void json_free(void);

void json_write_string(FILE *out, struct mmstats_text text);

/* A TEXT: a string where it is UTF-8. */
void json_write_text(FILE *out, struct mmstats_text text);

#endif
