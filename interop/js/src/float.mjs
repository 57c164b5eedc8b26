// Floats on their way into a file (J-3, V2-32).
//
// Rule 1: NaN is stored as the quiet NaN without further bits, so that it is never what means unset.
// Rule 2: whoever cares about the bits of a NaN gives them as FloatBits; a number of JavaScript does not keep them.

/** A binary64 by its bits. */
export class FloatBits {
  /** @param {bigint} bits */
  constructor(bits) {
    this.bits = BigInt.asUintN(64, bits);
  }
}

/** @param {unknown} value */
export const isFloat = (value) => typeof value === 'number' || value instanceof FloatBits;

/** @param {DataView} view @param {number} at @param {number | FloatBits} value */
export function setFloat(view, at, value) {
  if (value instanceof FloatBits) view.setBigUint64(at, value.bits, true);
  else if (Number.isNaN(value)) view.setBigUint64(at, 0x7ff8000000000000n, true);
  else view.setFloat64(at, value, true);
}

/** The same as binary32; of a NaN the upper 23 bits of 52 stay. @param {DataView} view @param {number} at @param {number | FloatBits} value */
export function setFloat32(view, at, value) {
  const wide = new DataView(new ArrayBuffer(8));
  setFloat(wide, 0, value);
  const number = wide.getFloat64(0, true);
  if (!Number.isNaN(number)) {
    view.setFloat32(at, number, true);
    return;
  }
  const high = wide.getUint32(4, true);
  const fraction = ((high & 0xfffff) << 3) | (wide.getUint32(0, true) >>> 29);
  // A NaN of which only lower bits are set would become an infinity.
  view.setUint32(at, ((high & 0x80000000) | 0x7f800000 | (fraction || 0x400000)) >>> 0, true);
}
