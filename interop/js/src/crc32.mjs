// CRC-32 as in zlib, gzip and PNG (V2-4).
//
// Rule 1: the CRC's own four bytes count as zero, whatever is in them.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bits = 0; bits < 8; bits++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/**
 * @param {Uint8Array} bytes
 * @param {number} start the first byte that is covered
 * @param {number} end behind the last one
 * @param {number} own where the CRC itself stands
 * @returns {number} unsigned
 */
export function crc32(bytes, start, end, own) {
  let crc = 0xffffffff;
  for (let at = start; at < end; at++) {
    const byte = at >= own && at < own + 4 ? 0 : bytes[at];
    crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  }
  return ~crc >>> 0;
}
