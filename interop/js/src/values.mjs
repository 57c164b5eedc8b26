// What a slot of version 2 says (FORMAT.md 3.7).
//
// Rule 1: a value is never an error; what is none of its type is unset, which is null (V2-32, V2-33).
// Rule 2: whether a pattern means "unset" depends on the place: counts, sums and counters never are (V2-32).

import { UNSET } from './layout.mjs';
import { isWord, unsigned } from './words.mjs';

/**
 * The content of a word, or of a buffer of a latch.
 *
 * @param {import('./parse2.mjs').Family} family
 * @param {Buffer} bytes
 * @param {DataView} view of the same bytes
 * @param {number} at
 * @param {import('./leaves.mjs').Leaves} leaves
 * @returns {unknown}
 */
export function contentOf(family, bytes, view, at, leaves) {
  switch (family.kind) {
    case 'counter':
      return leaves[family.type](view, at);
    case 'state set':
      return stateOf(family, view, at);
    case 'text':
      return textOf(family, bytes, view, at, leaves);
    case 'summary':
      return {
        count: leaves.unsigned(view, at),
        sum: leaves.float(view, at + 8),
        min: wordOf('float', view, at + 16, leaves),
        max: wordOf('float', view, at + 24, leaves),
        last: wordOf('float', view, at + 32, leaves),
      };
    case 'histogram': {
      const counts = [];
      const end = at + family.slot.content;
      for (let place = at + 8; place < end; place += 8) counts.push(leaves.unsigned(view, place));
      return { sum: leaves.float(view, at), counts };
    }
    default:
      if (family.combination !== 'last') return wordOf(family.type, view, at, leaves);
      if (isWord(view, at, [0, 0])) return null;
      return { time: leaves.unsigned(view, at), value: wordOf(family.type, view, at + 8, leaves) };
  }
}

function wordOf(type, view, at, leaves) {
  if (type === 'boolean') {
    if (isWord(view, at, [1, 0])) return true;
    return isWord(view, at, [0, 0]) ? false : null;
  }
  return isWord(view, at, UNSET[type]) ? null : leaves[type](view, at);
}

/** A state that the family does not have is unset, 2^64 - 1 among them. */
const stateOf = ({ states }, view, at) => states[unsigned(view, at)] ?? null;

function textOf({ capacity }, bytes, view, at, leaves) {
  if (isWord(view, at, UNSET.unsigned)) return null;
  const length = Math.min(Number(unsigned(view, at)), capacity);
  return leaves.text(bytes.subarray(at + 8, at + 8 + length));
}
