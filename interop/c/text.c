/*
 * Text: UTF-8, and runs of texts with lengths of 16 bits.
 *
 * Rule 1: UTF-8 is that of RFC 3629: nothing overlong, no surrogates, nothing above U+10FFFF.
 * Rule 2: a text is cut after a whole character, or not at all.
 */
#include "internal.h"

struct mmstats_text mmstats_text(const char *string)
{
    return (struct mmstats_text){string, string ? strlen(string) : 0};
}

bool mmstats_next(struct mmstats_texts *texts, struct mmstats_text *text)
{
    if (!texts->count)
        return false;
    text->size = get16(texts->at);
    text->bytes = (const char *)texts->at + 2;
    texts->at += 2 + text->size;
    texts->count--;
    return true;
}

/* The size of the character at the beginning of some bytes; 0 where there is none. */
static size_t character(const unsigned char *at, size_t left)
{
    unsigned char first = at[0], least = 0x80, most = 0xbf;
    size_t size;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        size = 2;
    else if (first >= 0xe0 && first <= 0xef)
        size = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        size = 4;
    else
        return 0;
    /* The second byte tells overlong forms, surrogates and what is too large. */
    if (first == 0xe0)
        least = 0xa0;
    else if (first == 0xed)
        most = 0x9f;
    else if (first == 0xf0)
        least = 0x90;
    else if (first == 0xf4)
        most = 0x8f;
    if (left < size || at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool mmstats_is_utf8(struct mmstats_text text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    for (size_t at = 0, size; at < text.size; at += size) {
        size = character(bytes + at, text.size - at);
        if (!size)
            return false;
    }
    return true;
}

size_t mmstats_whole_characters(struct mmstats_text text, size_t most)
{
    if (text.size <= most)
        return text.size;
    size_t size = most;
    /* Back to where the character that does not fit begins; what is no UTF-8 is cut anywhere. */
    for (int back = 0; back < 3 && size && ((unsigned char)text.bytes[size] & 0xc0) == 0x80; back++)
        size--;
    return size + character((const unsigned char *)text.bytes + size, text.size - size) <= most ? most : size;
}

bool same_text(struct mmstats_text one, struct mmstats_text other)
{
    return one.size == other.size && (!one.size || !memcmp(one.bytes, other.bytes, one.size));
}
