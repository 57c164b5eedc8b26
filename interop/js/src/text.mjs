// Text as the format has it: UTF-8, or bytes that are none (FORMAT.md 1.1, J-4, V1-4, V2-23).
//
// Rule 1: decoding is strict; nothing is replaced, and a byte-order mark is a character like others.
// Rule 2: what is cut is cut after a whole character.

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param {Uint8Array} bytes
 * @returns {string | undefined} nothing where the bytes are no UTF-8
 */
export function decode(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** @param {Uint8Array} bytes @returns {string} two lower-case digits a byte */
export const hex = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/**
 * Bytes as people are shown them: each byte that belongs to no character as \xNN (V1-4).
 *
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function show(bytes) {
  const whole = decode(bytes);
  if (whole !== undefined) return whole;
  let shown = '';
  for (let at = 0; at < bytes.length; ) {
    const size = lengthOf(bytes[at]);
    const character = size === 0 ? undefined : decode(bytes.subarray(at, at + size));
    if (character === undefined) {
      shown += `\\x${bytes[at].toString(16).padStart(2, '0')}`;
      at += 1;
    } else {
      shown += character;
      at += size;
    }
  }
  return shown;
}

/** The bytes of a character by its first one; 0 for a byte that begins none. */
function lengthOf(first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/**
 * @param {string} text lone surrogates become U+FFFD, as everywhere in Node
 * @returns {Buffer}
 */
export const encode = (text) => Buffer.from(text, 'utf8');

/**
 * At most so many bytes, without the beginning of a character that does not fit (V1-12, V2-W14).
 *
 * @param {Uint8Array} bytes
 * @param {number} most
 * @returns {Uint8Array}
 */
export function cut(bytes, most) {
  if (bytes.length <= most) return bytes;
  let end = most;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--; // what would come next goes on with a character
  return bytes.subarray(0, end);
}
