/*
 * A set of byte strings: open addressing, at most half full, hashed by SipHash-1-3.
 *
 * Rule 1: an entry never goes but with all others.
 */
#include "set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t turned(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void mixed(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turned(v[1], 13) ^ v[0];
    v[3] = turned(v[3], 16) ^ v[2];
    v[0] = turned(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turned(v[1], 17) ^ v[2];
    v[3] = turned(v[3], 21) ^ v[0];
    v[2] = turned(v[2], 32);
}

static uint64_t hash(const uint64_t key[2], const unsigned char *bytes, size_t size)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)size << 56;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        v[3] ^= word;
        mixed(v);
        v[0] ^= word;
    }
    for (size_t i = 0; i < size; i++)
        last |= (uint64_t)bytes[i] << (8 * i);
    v[3] ^= last;
    mixed(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        mixed(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The entry of these bytes, or the free one where they belong. There is always a free one. */
static struct set_entry *place(const struct set *set, const void *bytes, size_t size)
{
    size_t at = hash(set->key, bytes, size) & (set->room - 1);
    for (;; at = (at + 1) & (set->room - 1)) {
        struct set_entry *entry = &set->entries[at];
        if (!entry->bytes || (entry->size == size && !memcmp(entry->bytes, bytes, size)))
            return entry;
    }
}

static bool grow(struct set *set)
{
    struct set larger = *set;
    larger.room = set->room ? 2 * set->room : 8;
    if (!set->room && getrandom(larger.key, sizeof larger.key, GRND_NONBLOCK) != sizeof larger.key)
        larger.key[0] ^= (uint64_t)clock() ^ (uintptr_t)set; /* early at boot: better than nothing */
    larger.entries = calloc(larger.room, sizeof *larger.entries);
    if (!larger.entries)
        return false;
    for (size_t i = 0; i < set->room; i++)
        if (set->entries[i].bytes)
            *place(&larger, set->entries[i].bytes, set->entries[i].size) = set->entries[i];
    free(set->entries);
    *set = larger;
    return true;
}

bool set_reserve(struct set *set)
{
    return 2 * (set->used + 1) <= set->room || grow(set);
}

enum set_added set_add(struct set *set, const void *bytes, size_t size, uint32_t number)
{
    if (!set_reserve(set))
        return SET_NO_MEMORY;
    struct set_entry *entry = place(set, bytes, size);
    if (entry->bytes)
        return SET_THERE;
    *entry = (struct set_entry){bytes, (uint32_t)size, number};
    set->used++;
    return SET_ADDED;
}

uint32_t set_find(const struct set *set, const void *bytes, size_t size)
{
    if (!set->room)
        return SET_NONE;
    const struct set_entry *entry = place(set, bytes, size);
    return entry->bytes ? entry->number : SET_NONE;
}

void set_clear(struct set *set)
{
    free(set->entries);
    *set = (struct set){0};
}
