// How single values are given to whoever reads: as JavaScript's own, or as the canonical document has them.
//
// Rule 1: both have the same functions, so that everything else is written once.
// Rule 2: objects are written out, not spread: that is many times faster, and a poll makes hundreds of them.
// Rule 3: the canonical form never goes through a float of the machine, which may change a NaN (J-3).

import { decode, hex, show } from './text.mjs';
import { signed, unsigned } from './words.mjs';

/**
 * @typedef {object} Leaves
 * @property {(view: DataView, at: number) => unknown} unsigned of a word
 * @property {(view: DataView, at: number) => unknown} signed of a word
 * @property {(view: DataView, at: number) => unknown} float of a word
 * @property {(view: DataView, at: number) => unknown} float32 of 4 bytes
 * @property {(value: number) => unknown} integer of one that is small
 * @property {(bytes: Uint8Array) => unknown} text
 * @property {(labels: string[], value: unknown, confirmed: boolean) => object} series of version 2
 * @property {(label: unknown, type: string, buffered: boolean, value: unknown, confirmed: boolean) => object} field of
 *   version 1
 */

const digits = (half) => half.toString(16).padStart(8, '0');

/** @type {Leaves} Integers are numbers, and BigInts beyond 2^53; text that is no UTF-8 is shown with \xNN. */
export const NATIVE = {
  unsigned,
  signed,
  float: (view, at) => view.getFloat64(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  integer: (value) => value,
  text: show,
  series: (labels, value, confirmed) => ({ labels, value, confirmed }),
  field: (label, type, buffered, value, confirmed) => ({ label, type, buffered, value, confirmed }),
};

/** @type {Leaves} FORMAT.md 1.4. */
export const CANONICAL = {
  unsigned: (view, at) => String(unsigned(view, at)),
  signed: (view, at) => String(signed(view, at)),
  float: (view, at) => digits(view.getUint32(at + 4, true)) + digits(view.getUint32(at, true)),
  float32: (view, at) => widened(view.getUint32(at, true), view.getFloat32(at, true)),
  integer: String,
  text: (bytes) => decode(bytes) ?? { hex: hex(bytes) },
  series: (labels, value, confirmed) => ({ labels, value: confirmed ? value : { unconfirmed: value } }),
  field: (label, type, buffered, value, confirmed) => ({
    label,
    type,
    buffered,
    value: confirmed ? value : { unconfirmed: value },
  }),
};

/** J-3: binary32 as binary64; a NaN is moved bit by bit. */
function widened(bits, value) {
  if (Number.isNaN(value)) {
    const sign = bits & 0x80000000;
    const fraction = bits & 0x7fffff; // becomes the upper 23 bits of 52: 20 of the high half, 3 of the low one
    return digits((sign | 0x7ff00000 | (fraction >>> 3)) >>> 0) + digits((fraction << 29) >>> 0);
  }
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return CANONICAL.float(view, 0);
}
