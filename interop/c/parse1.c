/*
 * Version 1: its type registry, its fields, and their values.
 *
 * Rule 1: each element is looked at in the order of the file: first whether it is whole, then whether it is right.
 * Rule 2: a length is compared with what is left, and never added to an offset before.
 */
#include "internal.h"

bool read_signature(struct mmstats_text text, struct signature *signature)
{
    static const struct {
        char letter;
        struct signature of;
    } registry[] = {
        {'?', {CLASS_BOOLEAN, 1}}, {'b', {CLASS_SIGNED, 1}},   {'B', {CLASS_UNSIGNED, 1}}, {'h', {CLASS_SIGNED, 2}},
        {'H', {CLASS_UNSIGNED, 2}}, {'i', {CLASS_SIGNED, 4}},  {'I', {CLASS_UNSIGNED, 4}}, {'l', {CLASS_SIGNED, 8}},
        {'L', {CLASS_UNSIGNED, 8}}, {'q', {CLASS_SIGNED, 8}},  {'Q', {CLASS_UNSIGNED, 8}}, {'f', {CLASS_FLOAT, 4}},
        {'d', {CLASS_FLOAT, 8}},    {'c', {CLASS_TEXT, 1}},
    };
    if (text.size == 1)
        for (size_t i = 0; i < sizeof registry / sizeof *registry; i++)
            if (registry[i].letter == text.bytes[0]) {
                *signature = registry[i].of;
                return true;
            }
    if (text.size < 2 || text.size > DIGITS_MOST + 1 || text.bytes[text.size - 1] != 's')
        return false;
    if (text.size > 2 && text.bytes[0] == '0')
        return false;
    *signature = (struct signature){CLASS_TEXT, 0};
    for (size_t i = 0; i < text.size - 1; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        signature->size = 10 * signature->size + (size_t)(text.bytes[i] - '0');
    }
    return true;
}

/* J-3: of a NaN the bits are moved by hand. */
uint64_t widened(uint32_t binary32)
{
    if ((binary32 & 0x7fffffff) > 0x7f800000)
        return (uint64_t)(binary32 & 0x80000000) << 32 | UINT64_C(0x7ff) << 52 | (uint64_t)(binary32 & 0x7fffff) << 29;
    float number;
    memcpy(&number, &binary32, sizeof number);
    return mmstats_bits(number);
}

uint32_t narrowed(uint64_t binary64)
{
    uint64_t magnitude = binary64 & (UINT64_MAX >> 1);
    if (magnitude > UINT64_C(0x7ff) << 52) {
        uint32_t fraction = (uint32_t)(magnitude >> 29) & 0x7fffff;
        return (uint32_t)(binary64 >> 32 & 0x80000000) | 0x7f800000 | (fraction ? fraction : 0x400000);
    }
    float number = (float)mmstats_float(binary64);
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* The bytes that a parser goes along. */
struct cursor {
    const unsigned char *bytes;
    size_t size, at;
    struct mmstats_error *error;
};

static size_t left(const struct cursor *cursor)
{
    return cursor->size - cursor->at;
}

/* The next element, which begins here and has this size. */
static bool take(struct cursor *cursor, size_t size, const unsigned char **element)
{
    if (size > left(cursor))
        return fail(cursor->error, "truncated", "V1-10", cursor->at);
    *element = cursor->bytes + cursor->at;
    cursor->at += size;
    return true;
}

static bool take_text(struct cursor *cursor, struct mmstats_text *text)
{
    const unsigned char *element;
    if (!take(cursor, 2, &element))
        return false;
    size_t size = get16(element);
    if (!take(cursor, size, &element))
        return false;
    *text = (struct mmstats_text){(const char *)element, size};
    return true;
}

static bool take_field(struct cursor *cursor, struct mmstats_field *field)
{
    const unsigned char *index, *buffers;
    struct signature signature;
    if (!take_text(cursor, &field->label) || !take_text(cursor, &field->signature))
        return false;
    if (!read_signature(field->signature, &signature))
        return fail(cursor->error, "unknown-type", "V1-5", cursor->at - field->signature.size);
    if (!take(cursor, 1, &index))
        return false;
    if (*index > 1 && *index != INDEX_UNBUFFERED)
        return fail(cursor->error, "bad-index", "V1-6", cursor->at - 1);
    field->buffered = *index != INDEX_UNBUFFERED;
    field->size = signature.size;
    if (!take(cursor, field->buffered ? 2 * signature.size : signature.size, &buffers))
        return false;
    field->published = field->buffered && *index == 0 ? buffers + signature.size : buffers;
    field->confirmed = true;
    return true;
}

/* V1-8 */
static bool at_end(const struct cursor *cursor)
{
    const unsigned char *at = cursor->bytes + cursor->at;
    return left(cursor) == 0 || (left(cursor) == 1 && !at[0]) || (left(cursor) > 1 && !get16(at));
}

bool parse_fields(struct mmstats_file *file, const unsigned char *bytes, size_t size, struct mmstats_error *error)
{
    struct mmstats_document *document = &file->document;
    struct cursor cursor = {bytes, size, 1, error};
    document->version = VERSION_1;
    while (!at_end(&cursor)) {
        if (!reserve(&document->fields, document->field_count, sizeof *document->fields))
            return unreadable(error);
        if (!take_field(&cursor, &document->fields[document->field_count]))
            return false;
        document->field_count++;
    }
    for (; cursor.at < size; cursor.at++)
        if (bytes[cursor.at])
            return fail(error, "trailing-bytes", "V1-9", cursor.at);
    return true;
}

struct mmstats_value mmstats_field_value(const struct mmstats_field *field)
{
    struct mmstats_value value = {.form = MMSTATS_IS_UNSET};
    struct signature signature;
    uint64_t bits = 0;
    if (!read_signature(field->signature, &signature))
        return value;
    if (signature.class == CLASS_TEXT) {
        const void *end = memchr(field->published, 0, field->size);
        value.form = MMSTATS_IS_TEXT;
        value.as.text.bytes = (const char *)field->published;
        value.as.text.size = end ? (size_t)((const unsigned char *)end - field->published) : field->size;
        return value;
    }
    memcpy(&bits, field->published, field->size);
    switch (signature.class) {
    case CLASS_BOOLEAN:
        value.form = MMSTATS_IS_BOOLEAN;
        bits = bits != 0;
        break;
    case CLASS_SIGNED: {
        uint64_t sign = UINT64_C(1) << (8 * field->size - 1);
        value.form = MMSTATS_IS_SIGNED;
        bits = (bits ^ sign) - sign;
        break;
    }
    case CLASS_FLOAT:
        value.form = MMSTATS_IS_FLOAT;
        bits = field->size == 4 ? widened((uint32_t)bits) : bits;
        break;
    default:
        value.form = MMSTATS_IS_UNSIGNED;
    }
    value.as.bits = bits;
    return value;
}

const struct mmstats_field *mmstats_find_field(const struct mmstats_document *document, struct mmstats_text label)
{
    for (size_t i = document->field_count; i-- > 0;)
        if (same_text(document->fields[i].label, label))
            return &document->fields[i];
    return NULL;
}
