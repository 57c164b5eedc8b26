/*
 * CRC-32 as zlib, gzip and PNG have it (V2-4).
 *
 * Rule 1: the four bytes of the CRC itself count as zeros.
 */
#include "layout.h"

/* What a byte's low and high half do to the remainder: 16 entries are enough, and need no set-up. */
static const uint32_t table[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

static uint32_t gone_on(uint32_t remainder, unsigned char byte)
{
    remainder ^= byte;
    remainder = remainder >> 4 ^ table[remainder & 15];
    return remainder >> 4 ^ table[remainder & 15];
}

uint32_t checksum(const unsigned char *bytes, size_t size, size_t own)
{
    uint32_t remainder = UINT32_MAX;
    for (size_t i = 0; i < size; i++)
        remainder = gone_on(remainder, i - own < 4 ? 0 : bytes[i]);
    return ~remainder;
}
