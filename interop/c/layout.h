/*
 * Where everything lies in a file, and how its numbers are taken out and put in.
 *
 * Rule 1: this is the only place with an offset or a size of the format.
 * Rule 2: numbers are little-endian in a file and on this machine; on another nothing is compiled.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "this implementation of the mmstats format needs a little-endian machine"
#endif

enum {
    UNIT = 8, /* of everything in version 2 */
    VERSION_1 = 1,
    VERSION_2 = 2,
    FILE_MOST = 32 << 20,    /* a larger file is not read */
    WRITTEN_MOST = 16 << 20, /* nor made: every reader takes this much, */
    WRITTEN_1_MOST = 8 << 20, /* and of version 1 this (2.7) */
    LENGTH_MOST = 65535,

    /* Version 1 */
    INDEX_UNBUFFERED = 255,
    DIGITS_MOST = 9,

    /* Header */
    HEADER_SIZE = 128,
    HEADER_SIZE_AT = 8,
    MINOR_AT = 10,
    HEADER_CRC_AT = 12,
    INCOMPATIBLE_AT = 16,
    COMPATIBLE_AT = 20,
    WRITER_ID_AT = 24,
    CREATED_AT = 40,
    PID_AT = 48,
    PROCESS_START_AT = 56,
    BOOT_ID_AT = 64,
    PID_NAMESPACE_AT = 80,
    HEADER_CRC_SIZE = 96,
    STATE_AT = 96,
    THREAD_AT = 104,
    ID_SIZE = 16,
    STATE_LIVE = 1,
    STATE_CLOSED = 2,

    /* Extent */
    EXTENTS_MOST = 32,
    EXTENT_HEAD = 64,
    EXTENT_CRC_AT = 4,
    EXTENT_CRC_SIZE = 40,
    EXTENT_SIZE_AT = 8,
    METADATA_CAPACITY_AT = 16,
    VALUES_OFFSET_AT = 24,
    VALUES_CAPACITY_AT = 32,
    METADATA_USED_AT = 40,
    NEXT_AT = 48,

    /* Record */
    RECORD_HEAD = 16,
    RECORD_TYPE_AT = 4,
    RECORD_FLAGS_AT = 6,
    RECORD_CRC_AT = 8,
    RECORD_SLOT_AT = 12,
    ORIGIN = 1,
    FAMILY = 2,
    SERIES = 3,
    FOLDED = 4,
    CRITICAL = 1,

    FAMILY_KIND_AT = 16,
    FAMILY_TYPE_AT = 17,
    FAMILY_COMBINATION_AT = 18,
    FAMILY_FLAGS_AT = 19,
    FAMILY_LABELS_AT = 20,
    FAMILY_PARTS_AT = 22,
    FAMILY_CAPACITY_AT = 24,
    FAMILY_BODY_AT = 32,
    FAMILY_KEPT = 1,
    LABELS_MOST = 255,
    PARTS_MOST = 65535,
    CAPACITY_MOST = 1 << 20,

    SERIES_FAMILY_AT = 16,
    SERIES_BODY_AT = 20,
    FOLDED_END = 32,

    /* Contents of latches, in words */
    TIMED_WORDS = 2,
    SUMMARY_WORDS = 5
};

#define EXTENT_TAG "XTNT"
#define MAGIC "\2MMSTATS"

/* What says that a value is unset (V2-32). */
#define UNSET_FLOAT UINT64_C(0x7ff8000000000001)
#define UNSET_SIGNED UINT64_C(0x8000000000000000)
#define UNSET_UNSIGNED UINT64_MAX
#define UNSET_BOOLEAN UINT64_C(2)
#define UNSET_LENGTH UINT64_MAX

static inline uint16_t get16(const unsigned char *at)
{
    uint16_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline uint32_t get32(const unsigned char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline uint64_t get64(const unsigned char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static inline void put16(unsigned char *at, uint16_t number)
{
    memcpy(at, &number, sizeof number);
}

static inline void put32(unsigned char *at, uint32_t number)
{
    memcpy(at, &number, sizeof number);
}

static inline void put64(unsigned char *at, uint64_t number)
{
    memcpy(at, &number, sizeof number);
}

static inline uint64_t control(uint32_t number)
{
    return number | (uint64_t)~number << 32;
}

static inline uint64_t rounded(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* The CRC-32 of bytes in which the CRC itself, four bytes at `own`, counts as zeros. */
uint32_t checksum(const unsigned char *bytes, size_t size, size_t own);

#endif
