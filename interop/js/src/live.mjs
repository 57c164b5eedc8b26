// A file that changes, polled again and again (FORMAT.md 2.6, 3.9).
//
// Rule 1: the file stays open while its path leads to it (V2-R9), and records are decoded once.
// Rule 2: a latch is confirmed when its sequence word is the same before and after the copy of its buffers, in read
//         calls of their own (V2-R4); a field of version 1 when two whole copies agree (V1-R2).
// Rule 3: the number of tries is bounded. What is not confirmed then is marked, and is of version 2 the value that was
//         confirmed last (V2-R5), of version 1 the last copy's (V1-R3).
// Rule 4: a file is malformed when it is so each time that it is read in one poll (V1-R4, V2-R7).

import { describe1, describe2 } from './document.mjs';
import { FormatError, UnreadableError } from './errors.mjs';
import { CANONICAL, NATIVE } from './leaves.mjs';
import { parse1 } from './parse1.mjs';
import { Changed, Layout, START, versionOf } from './parse2.mjs';
import { FileSource } from './source.mjs';
import { contentOf } from './values.mjs';
import { viewOf } from './words.mjs';

/** How often a file is read before it is called malformed. */
const READINGS = 3;
/** How many copies of a version 1 file are compared. */
const COPIES = 10;
/** How often the latch of a busy writer is copied by itself, and how many bytes of it at most in one poll. */
const LATCH_TRIES = 16;
const LATCH_BYTES = 1 << 20;

/** A reader that keeps its file open, and looks at it when it is asked to. */
export class LiveReader {
  #path;
  /** @type {FileSource | undefined} */
  #source;
  /** @type {Layout | undefined} */
  #layout;

  /** @param {string} path of a file, which need not be there yet */
  constructor(path) {
    this.#path = path;
  }

  /**
   * What the file says now. Each value comes with `confirmed`.
   *
   * @param {import('./leaves.mjs').Leaves} [leaves]
   * @returns {object}
   * @throws {FormatError | UnreadableError} and can be asked again
   */
  poll(leaves = NATIVE) {
    try {
      this.#open();
      for (let left = READINGS - 1; ; left--) {
        try {
          return this.#read(leaves);
        } catch (error) {
          if (!(error instanceof FormatError) || left === 0) throw error;
        }
      }
    } catch (error) {
      if (error instanceof FormatError || error instanceof UnreadableError) throw error;
      if (error.syscall === undefined) throw error;
      throw new UnreadableError(error.message, { cause: error });
    }
  }

  /** @returns {object} the canonical document (J-9) */
  pollDocument() {
    return this.poll(CANONICAL);
  }

  close() {
    this.#source?.close();
    this.#source = undefined;
    this.#layout = undefined;
  }

  #open() {
    if (this.#source?.isAt(this.#path)) return;
    this.close();
    this.#source = new FileSource(this.#path);
  }

  #read(leaves) {
    this.#source.size(); // refuses what is too large
    const start = this.#source.read(0, START);
    return versionOf(start) === 1 ? this.#read1(leaves) : this.#read2(start, leaves);
  }

  #read1(leaves) {
    const source = this.#source;
    let bytes = source.copy();
    let fields = parse1(bytes).map((field) => ({ bytes, field, confirmed: false }));
    for (let copies = 1; copies < COPIES; copies++) {
      const before = fields;
      bytes = source.copy();
      fields = parse1(bytes).map((field, number) => {
        const old = before[number];
        const fresh = { bytes, field, confirmed: false };
        if (old === undefined || !sameField(old, fresh)) return fresh;
        if (old.confirmed) return old;
        return { ...fresh, confirmed: sameValue(old, fresh) };
      });
      if (fields.every(({ confirmed }) => confirmed)) break;
    }
    return describe1(fields, leaves);
  }

  #read2(start, leaves) {
    const layout = this.#update(start);
    const values = new Map();
    for (const extent of layout.extents) {
      if (extent.series.length === 0) continue;
      const areas = this.#copies(extent, extent.latches.length === 0 ? 1 : 3);
      const { bytes, view } = areas.at(-1);
      for (const series of extent.series) {
        const { family, at } = series;
        if (family.slot.latch) {
          const confirmed = this.#confirm(extent, series, areas) && !layout.unordered;
          values.set(series, { value: lastConfirmed(series, leaves), confirmed });
        } else {
          values.set(series, { value: contentOf(family, bytes, view, at, leaves), confirmed: true });
        }
      }
    }
    return describe2(layout, (series) => values.get(series), leaves);
  }

  /** The layout as it is now; a new one where the file is not what it was. */
  #update(start) {
    if (this.#layout !== undefined) {
      try {
        this.#layout.update(this.#source, start);
        return this.#layout;
      } catch (error) {
        if (!(error instanceof Changed)) throw error;
      }
    }
    const layout = new Layout();
    layout.update(this.#source);
    this.#layout = layout;
    return layout;
  }

  /** Copies of all slots, one made after the other; their room is used again in the next poll. */
  #copies(extent, count) {
    if (extent.areas[0]?.bytes.length !== extent.slots) {
      extent.areas = Array.from({ length: count }, () => areaOf(extent.slots));
    }
    for (const { bytes } of extent.areas) {
      const have = this.#source.readInto(bytes, extent.offset + extent.valuesOffset);
      if (have < bytes.length) throw new FormatError('truncated', extent.offset);
    }
    return extent.areas;
  }

  /**
   * V2-R4: the sequence word of the first and the third copy of the area, the buffer of the second; then, for a latch
   * of which these differ, the same with copies of it alone, where the word after one copy is that before the next.
   *
   * @returns {boolean} whether the series has a new confirmed content
   */
  #confirm(extent, series, [first, second, third]) {
    if (sameWord(first.view, third.view, series.at)) {
      confirm(series, first.bytes[series.at], second.bytes, series.at);
      return true;
    }
    const offset = extent.offset + extent.valuesOffset + series.at;
    const { size } = series.family.slot;
    let before = this.#source.read(offset, 8);
    for (let left = Math.min(LATCH_TRIES, Math.ceil(LATCH_BYTES / size)); left > 0; left--) {
      const latch = this.#source.read(offset, size);
      const after = this.#source.read(offset, 8);
      if (latch.length < size || after.length < 8) return false;
      if (before.equals(after)) {
        confirm(series, before[0], latch, 0);
        return true;
      }
      before = after;
    }
    return false;
  }
}

/** @param {number} size @returns {import('./parse2.mjs').Area} */
function areaOf(size) {
  const bytes = Buffer.alloc(size);
  return { bytes, view: viewOf(bytes) };
}

/** Keeps the buffer that the sequence number names, of the latch that stands there. */
function confirm(series, sequence, bytes, at) {
  const { content } = series.family.slot;
  const start = at + 8 + (sequence & 1) * content;
  series.confirmed ??= areaOf(content);
  bytes.copy(series.confirmed.bytes, 0, start, start + content);
}

function lastConfirmed({ family, confirmed }, leaves) {
  return confirmed === undefined ? null : contentOf(family, confirmed.bytes, confirmed.view, 0, leaves);
}

const sameWord = (one, other, at) =>
  one.getUint32(at, true) === other.getUint32(at, true) && one.getUint32(at + 4, true) === other.getUint32(at + 4, true);

/** Whether two copies have the same field in this place, whatever its value is. */
const sameField = ({ field: one }, { field: other }) =>
  one.start === other.start && one.type === other.type && one.buffered === other.buffered && one.label.equals(other.label);

/** V1-R2: the same write-buffer index and the same published value. */
const sameValue = ({ bytes: before, field: one }, { bytes: after, field: other }) =>
  before[one.index] === after[other.index] &&
  before.subarray(one.value, one.value + one.size).equals(after.subarray(other.value, other.value + other.size));
