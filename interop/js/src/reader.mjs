// A file at rest (FORMAT.md 1 to 2.4, 3.2 to 3.7).
//
// Rule 1: one copy is made, and it is all that is looked at.
// Rule 2: it gives the whole of what the file says, or the one error that the file is.

import { describe1, describe2 } from './document.mjs';
import { CANONICAL, NATIVE } from './leaves.mjs';
import { parse1 } from './parse1.mjs';
import { Layout, versionOf } from './parse2.mjs';
import { BytesSource, FileSource } from './source.mjs';
import { contentOf } from './values.mjs';
import { viewOf } from './words.mjs';

/**
 * @param {Uint8Array} bytes of a whole file
 * @param {import('./leaves.mjs').Leaves} [leaves] CANONICAL for the document of FORMAT.md 1.4
 * @returns {object} what the file says
 * @throws {import('./errors.mjs').FormatError}
 */
export function parse(bytes, leaves = NATIVE) {
  if (versionOf(bytes) === 1) {
    const copy = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return describe1(
      parse1(copy).map((field) => ({ bytes: copy, field, confirmed: true })),
      leaves,
    );
  }
  const source = new BytesSource(bytes);
  const layout = new Layout();
  layout.update(source);
  const values = new Map();
  for (const extent of layout.extents) {
    const area = source.read(extent.offset + extent.valuesOffset, extent.slots);
    const view = viewOf(area);
    for (const series of extent.series) {
      const { latch, content } = series.family.slot;
      // The published buffer is the one that the lowest bit of the sequence word names (3.7).
      const at = latch ? series.at + 8 + (view.getUint8(series.at) & 1) * content : series.at;
      values.set(series, contentOf(series.family, area, view, at, leaves));
    }
  }
  return describe2(layout, (series) => ({ value: values.get(series), confirmed: true }), leaves);
}

/**
 * @param {string} path
 * @param {import('./leaves.mjs').Leaves} [leaves]
 * @returns {object}
 * @throws {import('./errors.mjs').FormatError | import('./errors.mjs').UnreadableError}
 */
export function readFile(path, leaves = NATIVE) {
  const source = new FileSource(path);
  try {
    return parse(source.copy(), leaves);
  } finally {
    source.close();
  }
}

/** @param {string} path @returns {object} the canonical document of a file (FORMAT.md 1.4) */
export const readDocument = (path) => readFile(path, CANONICAL);
