/*
 * JSON: see json.h.
 *
 * Rule 1: what is not JSON is refused; nesting is bounded.
 * Rule 2: all memory is kept in one list until the end.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 256 };

struct cursor {
    const char *at, *end;
    int depth;
};

static struct json *parse_value(struct cursor *cursor);

struct block {
    struct block *next;
    max_align_t memory[];
};

static struct block *blocks;

static void *allocated(size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);
    if (!block)
        abort();
    block->next = blocks;
    blocks = block;
    return block->memory;
}

void json_free(void)
{
    while (blocks) {
        struct block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

static void skip(struct cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at)
        cursor->at++;
}

static bool take(struct cursor *cursor, char character)
{
    skip(cursor);
    if (cursor->at == cursor->end || *cursor->at != character)
        return false;
    cursor->at++;
    return true;
}

static int digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

static bool take_unit(struct cursor *cursor, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int value = cursor->at < cursor->end ? digit(*cursor->at) : -1;
        if (value < 0)
            return false;
        *unit = *unit * 16 + (unsigned)value;
        cursor->at++;
    }
    return true;
}

/* The code point behind \u, of one escape or of a pair. A surrogate alone stays one: whoever wants UTF-8 refuses it. */
static bool take_point(struct cursor *cursor, unsigned *point)
{
    unsigned low;
    if (!take_unit(cursor, point))
        return false;
    if (*point >> 10 != 0xd800 >> 10 || cursor->end - cursor->at < 6 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
        return true;
    struct cursor ahead = {cursor->at + 2, cursor->end, 0};
    if (!take_unit(&ahead, &low))
        return false;
    if (low >> 10 == 0xdc00 >> 10) {
        *point = 0x10000 + ((*point & 0x3ff) << 10 | (low & 0x3ff));
        cursor->at = ahead.at;
    }
    return true;
}

static char *encoded(char *at, unsigned point)
{
    if (point < 0x80) {
        *at++ = (char)point;
    } else if (point < 0x800) {
        *at++ = (char)(0xc0 | point >> 6);
        *at++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *at++ = (char)(0xe0 | point >> 12);
        *at++ = (char)(0x80 | (point >> 6 & 0x3f));
        *at++ = (char)(0x80 | (point & 0x3f));
    } else {
        *at++ = (char)(0xf0 | point >> 18);
        *at++ = (char)(0x80 | (point >> 12 & 0x3f));
        *at++ = (char)(0x80 | (point >> 6 & 0x3f));
        *at++ = (char)(0x80 | (point & 0x3f));
    }
    return at;
}

/* What stands behind the opening quotation mark. An escape is never shorter than what it stands for. */
static bool take_string(struct cursor *cursor, struct mmstats_text *text)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *end = cursor->at;
    while (end < cursor->end && *end != '"')
        end += *end == '\\' ? 2 : 1;
    if (end >= cursor->end)
        return false;
    char *bytes = allocated((size_t)(end - cursor->at) + 1), *to = bytes;
    while (*cursor->at != '"') {
        unsigned char character = (unsigned char)*cursor->at++;
        if (character < 0x20)
            return false;
        if (character != '\\') {
            *to++ = (char)character;
            continue;
        }
        char escape = *cursor->at++;
        const char *found = strchr(escapes, escape);
        unsigned point;
        if (found && escape)
            *to++ = meanings[found - escapes];
        else if (escape == 'u' && take_point(cursor, &point))
            to = encoded(to, point);
        else
            return false;
    }
    cursor->at++;
    *text = (struct mmstats_text){bytes, (size_t)(to - bytes)};
    return true;
}

static bool take_digits(struct cursor *cursor)
{
    const char *from = cursor->at;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        cursor->at++;
    return cursor->at > from;
}

static bool here(const struct cursor *cursor, const char *characters)
{
    return cursor->at < cursor->end && *cursor->at && strchr(characters, *cursor->at);
}

static bool take_number(struct cursor *cursor, struct mmstats_text *text)
{
    const char *from = cursor->at;
    if (here(cursor, "-"))
        cursor->at++;
    if (here(cursor, "0"))
        cursor->at++;
    else if (!take_digits(cursor))
        return false;
    if (here(cursor, ".")) {
        cursor->at++;
        if (!take_digits(cursor))
            return false;
    }
    if (here(cursor, "eE")) {
        cursor->at++;
        if (here(cursor, "+-"))
            cursor->at++;
        if (!take_digits(cursor))
            return false;
    }
    *text = (struct mmstats_text){from, (size_t)(cursor->at - from)};
    return true;
}

/* The elements or members of what ends with this bracket. */
static bool take_list(struct cursor *cursor, struct json *list, char close)
{
    struct json **place = &list->first;
    if (take(cursor, close))
        return true;
    do {
        struct mmstats_text key = {0};
        if (list->kind == JSON_OBJECT && (!take(cursor, '"') || !take_string(cursor, &key) || !take(cursor, ':')))
            return false;
        struct json *value = parse_value(cursor);
        if (!value)
            return false;
        value->key = key;
        *place = value;
        place = &value->next;
        list->count++;
    } while (take(cursor, ','));
    return take(cursor, close);
}

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size))
        return false;
    cursor->at += size;
    return true;
}

static struct json *parse_value(struct cursor *cursor)
{
    struct json *value = allocated(sizeof *value);
    bool right;
    if (cursor->depth == DEPTH_MOST)
        return NULL;
    cursor->depth++;
    skip(cursor);
    if (take(cursor, '{')) {
        value->kind = JSON_OBJECT;
        right = take_list(cursor, value, '}');
    } else if (take(cursor, '[')) {
        value->kind = JSON_ARRAY;
        right = take_list(cursor, value, ']');
    } else if (take(cursor, '"')) {
        value->kind = JSON_STRING;
        right = take_string(cursor, &value->text);
    } else if (take_word(cursor, "null")) {
        right = true;
    } else if (take_word(cursor, "true")) {
        value->kind = JSON_TRUE;
        right = true;
    } else if (take_word(cursor, "false")) {
        value->kind = JSON_FALSE;
        right = true;
    } else {
        value->kind = JSON_NUMBER;
        right = take_number(cursor, &value->text);
    }
    cursor->depth--;
    return right ? value : NULL;
}

struct json *json_parse(struct mmstats_text bytes)
{
    struct cursor cursor = {bytes.bytes, bytes.bytes + bytes.size, 0};
    struct json *value = parse_value(&cursor);
    skip(&cursor);
    return cursor.at == cursor.end ? value : NULL;
}

static bool is(struct mmstats_text text, const char *string)
{
    return text.size == strlen(string) && !memcmp(text.bytes, string, text.size);
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    for (const struct json *member = object->first; member; member = member->next)
        if (is(member->key, key))
            return member;
    return NULL;
}

bool json_is(const struct json *value, const char *string)
{
    return value && value->kind == JSON_STRING && is(value->text, string);
}

long long json_integer(const struct json *value, long long otherwise)
{
    if (!value || (value->kind != JSON_NUMBER && value->kind != JSON_STRING))
        return otherwise;
    char digits[32] = "";
    memcpy(digits, value->text.bytes, value->text.size < 31 ? value->text.size : 31);
    return strtoll(digits, NULL, 10);
}

bool json_text(const struct json *value, struct mmstats_text *text)
{
    if (value && value->kind == JSON_STRING) {
        *text = value->text;
        return true;
    }
    const struct json *hex = json_get(value, "hex");
    if (!hex || hex->kind != JSON_STRING || hex->text.size % 2)
        return false;
    char *bytes = allocated(hex->text.size / 2 + 1);
    for (size_t i = 0; i < hex->text.size; i += 2) {
        int high = digit(hex->text.bytes[i]), low = digit(hex->text.bytes[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *text = (struct mmstats_text){bytes, hex->text.size / 2};
    return true;
}

void json_write_string(FILE *out, struct mmstats_text text)
{
    putc('"', out);
    for (size_t i = 0; i < text.size; i++) {
        unsigned char character = (unsigned char)text.bytes[i];
        if (character == '"' || character == '\\')
            fprintf(out, "\\%c", character);
        else if (character < 0x20)
            fprintf(out, "\\u%04x", character);
        else
            putc(character, out);
    }
    putc('"', out);
}

void json_write_text(FILE *out, struct mmstats_text text)
{
    if (mmstats_is_utf8(text)) {
        json_write_string(out, text);
        return;
    }
    fputs("{\"hex\": \"", out);
    for (size_t i = 0; i < text.size; i++)
        fprintf(out, "%02x", (unsigned char)text.bytes[i]);
    fputs("\"}", out);
}
