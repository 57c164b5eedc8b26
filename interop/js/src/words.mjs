// Words of 8 bytes in halves of 32 bits: arithmetic modulo 2^64 without BigInt, and control words.
//
// Rule 1: little-endian, whatever the machine is (V2-1).
// Rule 2: BigInt only where a number is beyond 2^53, for it is slow.

const HALF = 2 ** 32;

/**
 * Adds to a word, modulo 2^64.
 *
 * @param {DataView} view
 * @param {number} at
 * @param {number | bigint} amount an integer, also a negative one
 */
export function add(view, at, amount) {
  let low;
  let high;
  if (typeof amount === 'number' && Number.isSafeInteger(amount)) {
    low = amount >>> 0;
    high = Math.floor(amount / HALF);
  } else {
    const whole = BigInt.asUintN(64, BigInt(amount));
    low = Number(whole & 0xffffffffn);
    high = Number(whole >> 32n);
  }
  const sum = view.getUint32(at, true) + low;
  view.setUint32(at, sum, true);
  view.setUint32(at + 4, view.getUint32(at + 4, true) + high + (sum >= HALF ? 1 : 0), true);
}

/**
 * Sets a word to an integer, modulo 2^64.
 *
 * @param {DataView} view
 * @param {number} at
 * @param {number | bigint} value
 */
export function set(view, at, value) {
  view.setUint32(at, 0, true);
  view.setUint32(at + 4, 0, true);
  add(view, at, value);
}

/** @param {DataView} view @param {number} at @returns {number | bigint} a number where that is exact */
export function unsigned(view, at) {
  const high = view.getUint32(at + 4, true);
  return high < 0x200000 ? high * HALF + view.getUint32(at, true) : view.getBigUint64(at, true);
}

/** @param {DataView} view @param {number} at @returns {number | bigint} a number where that is exact */
export function signed(view, at) {
  const high = view.getInt32(at + 4, true);
  return high < 0x200000 && high >= -0x1fffff
    ? high * HALF + view.getUint32(at, true)
    : view.getBigInt64(at, true);
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number[]} halves low and high
 * @returns {boolean} whether the word is that one
 */
export const isWord = (view, at, [low, high]) =>
  view.getUint32(at, true) === low && view.getUint32(at + 4, true) === high;

/**
 * The number of a control word (V2-3).
 *
 * @param {DataView} view
 * @param {number} at
 * @returns {number | undefined} nothing where its check fails
 */
export function control(view, at) {
  const low = view.getUint32(at, true);
  return view.getUint32(at + 4, true) === ~low >>> 0 ? low : undefined;
}

/** Sets a control word: the number, and its complement. @param {DataView} view @param {number} at @param {number} number */
export function setControl(view, at, number) {
  view.setUint32(at, number, true);
  view.setUint32(at + 4, ~number, true);
}

/** @param {Uint8Array} bytes @returns {DataView} of the same memory */
export const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
