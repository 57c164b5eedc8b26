// Version 1 of the format: the strict parser (FORMAT.md 2.2 to 2.4).
//
// Rule 1: an element is first whole, then it obeys its rule (G-3); a length is checked before it is used (G-4).
// Rule 2: a field keeps the places of its parts; values are decoded by whoever wants them.

import { FormatError, UnreadableError } from './errors.mjs';
import { LARGEST_FILE_1, V1 } from './layout.mjs';
import { viewOf } from './words.mjs';

/**
 * @typedef {object} Field
 * @property {Uint8Array} label
 * @property {string} type the signature
 * @property {boolean} buffered whether it has two buffers
 * @property {number} start where its label size stands
 * @property {number} index where its write-buffer index stands
 * @property {number} value where its published buffer stands
 * @property {number} size of a buffer
 */

const SIZES = { '?': 1, b: 1, B: 1, h: 2, H: 2, i: 4, I: 4, l: 8, L: 8, q: 8, Q: 8, f: 4, d: 8, c: 1 };
const FIXED_TEXT = /^(0|[1-9][0-9]{0,8})s$/;

/**
 * @param {string} signature
 * @returns {number | undefined} bytes of a value; nothing outside the registry (V1-5, V1-12)
 */
export function sizeOfType(signature) {
  if (Object.hasOwn(SIZES, signature)) return SIZES[signature];
  const text = FIXED_TEXT.exec(signature);
  return text === null ? undefined : Number(text[1]);
}

/**
 * The fields of a file whose version byte has been looked at.
 *
 * @param {Buffer} bytes the whole file
 * @returns {Field[]}
 * @throws {UnreadableError} it is so large that its fields would take too much memory
 */
export function parse1(bytes) {
  const end = bytes.length;
  if (end > LARGEST_FILE_1) throw new UnreadableError(`a file of version 1 of ${end} bytes`);
  const fields = [];
  let at = V1.FIELDS;

  /** Moves past an element and returns where it began (V1-10). */
  const take = (size) => {
    if (size > end - at) throw new FormatError('truncated', at);
    at += size;
    return at - size;
  };

  for (;;) {
    const start = at;
    // V1-8: the end of the file, or half an end mark, or one.
    if (at === end || (at === end - 1 && bytes[at] === 0)) break;
    const labelSize = bytes.readUInt16LE(take(2));
    if (labelSize === 0) {
      at = start;
      break;
    }
    const label = bytes.subarray(take(labelSize), at);
    const signatureSize = bytes.readUInt16LE(take(2));
    const signature = take(signatureSize);
    const type = bytes.latin1Slice(signature, at);
    const size = sizeOfType(type);
    if (size === undefined) throw new FormatError('unknown-type', signature);
    const index = take(1);
    const writeBuffer = bytes[index];
    if (writeBuffer !== 0 && writeBuffer !== 1 && writeBuffer !== V1.ONE_BUFFER) {
      throw new FormatError('bad-index', index);
    }
    const buffered = writeBuffer !== V1.ONE_BUFFER;
    const buffers = take(buffered ? 2 * size : size);
    // V1-7: the published buffer is the one that the index does not name.
    const value = buffered && writeBuffer === 0 ? buffers + size : buffers;
    fields.push({ label, type, buffered, start, index, value, size });
  }

  for (; at < end; at++) {
    if (bytes[at] !== 0) throw new FormatError('trailing-bytes', at); // V1-9
  }
  return fields;
}

/**
 * The published value of a field.
 *
 * @param {Buffer} bytes
 * @param {Field} field
 * @param {import('./leaves.mjs').Leaves} leaves
 * @returns {unknown}
 */
export function valueOf(bytes, { type, value, size }, leaves) {
  switch (type) {
    case '?':
      return bytes[value] !== 0; // V1-13
    case 'b':
    case 'h':
    case 'i':
      return leaves.integer(bytes.readIntLE(value, size));
    case 'B':
    case 'H':
    case 'I':
      return leaves.integer(bytes.readUIntLE(value, size));
    case 'l':
    case 'q':
      return leaves.signed(viewOf(bytes), value);
    case 'L':
    case 'Q':
      return leaves.unsigned(viewOf(bytes), value);
    case 'f':
      return leaves.float32(viewOf(bytes), value);
    case 'd':
      return leaves.float(viewOf(bytes), value);
    default: {
      // V1-12: text ends before its first zero byte.
      const text = bytes.subarray(value, value + size);
      const zero = text.indexOf(0);
      return leaves.text(zero < 0 ? text : text.subarray(0, zero));
    }
  }
}
