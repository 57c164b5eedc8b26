/*
 * A set of byte strings that each have a number.
 *
 * Rule 1: the bytes belong to the caller, and stay where they are.
 * Rule 2: whoever chooses the bytes cannot make them collide: the hash has a random key.
 */
#ifndef SET_H
#define SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SET_NONE UINT32_MAX

struct set_entry {
    const void *bytes; /* NULL: free */
    uint32_t size, number;
};

struct set {
    struct set_entry *entries;
    size_t room, used;
    uint64_t key[2];
};

enum set_added { SET_ADDED, SET_THERE, SET_NO_MEMORY };

/* Add bytes that are not there yet. */
enum set_added set_add(struct set *set, const void *bytes, size_t size, uint32_t number);

/* Room for one more: the next set_add finds memory. */
bool set_reserve(struct set *set);

/* The number of these bytes, or SET_NONE. */
uint32_t set_find(const struct set *set, const void *bytes, size_t size);

void set_clear(struct set *set);

#endif
