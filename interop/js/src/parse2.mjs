// Version 2 of the format: the strict parser of header, extents and records (FORMAT.md 3.3 to 3.6).
//
// Rule 1: the checks are made in the order of V2-34, and the first that fails is the error.
// Rule 2: a layout can be brought up to date again and again: what it has decoded already is compared, not decoded.
// Rule 3: what leads to other bytes is read before them (V2-R2): heads, then records, then the following extent.
// Rule 4: a record changes the layout when all of it is right; an error leaves what was before it.
// Rule 5: sizes of 64 bits are compared as 64 bits; sums of them do not overflow (G-4).

import { crc32 } from './crc32.mjs';
import { FormatError } from './errors.mjs';
import {
  COMBINATIONS,
  COMPATIBLE,
  EXTENT,
  FAMILY,
  HEADER,
  INCOMPATIBLE,
  KINDS,
  LARGEST_CAPACITY,
  RECORD,
  SERIES,
  STATE,
  TYPE,
  TYPES,
  bit,
  slotOf,
} from './layout.mjs';
import { Body } from './records.mjs';
import { control, viewOf } from './words.mjs';

/** What one read call gets of the beginning of a file: the header, and the head of the first extent. */
export const START = HEADER.SIZE + EXTENT.HEAD;

/** What the layout knows is no longer in the file: it is not the file that it was. */
export class Changed extends Error {}

/**
 * @typedef {object} Family
 * @property {string} name
 * @property {string} kind
 * @property {string} type
 * @property {string} combination
 * @property {boolean} kept
 * @property {string} unit
 * @property {string} help
 * @property {string[]} labels
 * @property {DataView} bounds binary64, one after the other
 * @property {string[]} states
 * @property {number} capacity
 * @property {Series[]} series
 * @property {{latch: boolean, content: number, size: number}} slot
 */

/** Bytes, and a view of them. @typedef {{bytes: Buffer, view: DataView}} Area */

/**
 * @typedef {object} Series
 * @property {Family} family
 * @property {string[]} labels
 * @property {number} at where its slot is in the values area
 * @property {Area} [confirmed] of a latch: the content that was confirmed last
 */

/** @param {Uint8Array} head of the file @throws {FormatError} where its version is not known (G-1) */
export function versionOf(head) {
  if (head.length === 0) throw new FormatError('truncated', 0);
  if (head[0] !== 1 && head[0] !== 2) throw new FormatError('unsupported-version', 0);
  return head[0];
}

const checked = (view, at, offset) => {
  const number = control(view, at);
  if (number === undefined) throw new FormatError('bad-control', offset);
  return number;
};

/** An extent, and the records of it that have been decoded. */
class Extent {
  /** @param {number} offset @param {Buffer} head */
  constructor(offset, head) {
    this.offset = offset;
    this.head = Buffer.from(head.subarray(0, EXTENT.CHECKED));
    /** The records that have been decoded. */
    this.metadata = Buffer.alloc(0);
    /** Bytes of the slots of these. */
    this.slots = 0;
    /** @type {Series[]} */
    this.series = [];
    /** @type {Series[]} Those of them whose slots are latches. */
    this.latches = [];
    /** @type {Area[]} Room for copies of the slots. */
    this.areas = [];
    this.next = 0;

    if (!EXTENT.TAG.equals(head.subarray(0, EXTENT.CRC))) throw new FormatError('bad-extent', offset);
    if (head.readUInt32LE(EXTENT.CRC) !== crc32(head, 0, EXTENT.CHECKED, EXTENT.CRC)) {
      throw new FormatError('bad-crc', offset + EXTENT.CRC);
    }
    // V2-14. BigInt: a number of JavaScript cannot tell 2^64 - 8 from 2^64.
    const [size, metadata, values, capacity] = [
      EXTENT.SIZE,
      EXTENT.METADATA_CAPACITY,
      EXTENT.VALUES_OFFSET,
      EXTENT.VALUES_CAPACITY,
    ].map((at) => head.readBigUInt64LE(at));
    const begin = BigInt(EXTENT.HEAD);
    const fits = (at, good) => {
      if (!good || head.readBigUInt64LE(at) % 8n !== 0n) throw new FormatError('bad-extent', offset + at);
    };
    fits(EXTENT.SIZE, size >= begin);
    fits(EXTENT.METADATA_CAPACITY, begin + metadata <= size);
    fits(EXTENT.VALUES_OFFSET, values >= begin + metadata && values <= size);
    fits(EXTENT.VALUES_CAPACITY, values + capacity <= size);
    // Beyond 2^53 these are rounded; such an extent is not whole, and goes no further.
    this.size = Number(size);
    this.metadataCapacity = Number(metadata);
    this.valuesOffset = Number(values);
    this.valuesCapacity = Number(capacity);
  }
}

/** What a file of version 2 has, apart from the values. */
export class Layout {
  /** @type {Buffer} The header as it was read last. */
  header = Buffer.alloc(0);
  /** @type {Extent[]} */
  extents = [];
  /** @type {{app: string, host: string} | undefined} */
  origin = undefined;
  /** @type {Family[]} */
  families = [];
  /** @type {Buffer[]} */
  folded = [];
  #names = new Set();
  #bodies = new Set();

  get features() {
    return this.header.readUInt32LE(HEADER.COMPATIBLE);
  }

  /** V2-R6: whether copies of this file's latches prove nothing. */
  get unordered() {
    return (this.features & bit(COMPATIBLE, 'unordered')) !== 0;
  }

  /**
   * Reads what is new in the file.
   *
   * @param {{size(): number, read(offset: number, length: number): Buffer}} source
   * @param {Buffer} [start] of the file, as it was just read
   * @throws {FormatError} where the file is malformed
   * @throws {Changed} where it is another than it was
   */
  update(source, start = source.read(0, START)) {
    this.#updateHeader(start.subarray(0, HEADER.SIZE));
    let head = start.subarray(HEADER.SIZE);
    let offset = HEADER.SIZE;
    for (let number = 0; ; number++) {
      if (number === EXTENT.MOST) {
        throw new FormatError('bad-extent', this.extents[number - 1].offset + EXTENT.NEXT);
      }
      if (number > 0) head = source.read(offset, EXTENT.HEAD);
      const next = this.#updateExtent(number, offset, head, source);
      if (next === 0) return;
      offset = next;
    }
  }

  /** V2-5 to V2-9. */
  #updateHeader(header) {
    versionOf(header);
    if (header.length < HEADER.SIZE) throw new FormatError('truncated', 0);
    const fixed = header.subarray(0, HEADER.CHECKED);
    if (this.header.length === 0) {
      this.#checkHeader(header);
    } else if (!fixed.equals(this.header.subarray(0, HEADER.CHECKED))) {
      throw new Changed();
    }
    const view = viewOf(header);
    const state = checked(view, HEADER.STATE, HEADER.STATE);
    if (state !== STATE.LIVE && state !== STATE.CLOSED) throw new FormatError('bad-header', HEADER.STATE);
    checked(view, HEADER.THREAD_ID, HEADER.THREAD_ID);
    this.header = header;
  }

  #checkHeader(header) {
    if (!HEADER.MAGIC.equals(header.subarray(0, HEADER.MAGIC.length))) throw new FormatError('bad-magic', 0);
    if (header.readUInt32LE(HEADER.CRC) !== crc32(header, 0, HEADER.CHECKED, HEADER.CRC)) {
      throw new FormatError('bad-crc', HEADER.CRC);
    }
    if (header.readUInt16LE(HEADER.HEADER_SIZE) !== HEADER.SIZE) {
      throw new FormatError('bad-header', HEADER.HEADER_SIZE);
    }
    const known = (1 << INCOMPATIBLE.length) - 1;
    if ((header.readUInt32LE(HEADER.INCOMPATIBLE) & ~known) !== 0) {
      throw new FormatError('unsupported-feature', HEADER.INCOMPATIBLE);
    }
  }

  /** @returns {number} the offset of the following extent, or 0 */
  #updateExtent(number, offset, head, source) {
    if (head.length < EXTENT.HEAD) throw new FormatError('truncated', offset);
    let extent = this.extents[number];
    if (extent === undefined) {
      extent = new Extent(offset, head);
    } else if (extent.offset !== offset || !head.subarray(0, EXTENT.CHECKED).equals(extent.head)) {
      throw new Changed();
    }
    // The size of the file is taken after the number that led here (R2.3).
    if (extent.size > source.size() - offset) throw new FormatError('truncated', offset);
    this.extents[number] = extent;

    let view = viewOf(head);
    if (extent.next === 0 && Number(view.getBigUint64(EXTENT.NEXT, true) & 0xffffffffn) !== 0) {
      // R2.5: an extent that has a next one gains nothing more, but the words of one call have no order.
      const again = source.read(offset + EXTENT.METADATA_USED, 8);
      if (again.length < 8) throw new FormatError('truncated', offset);
      head = Buffer.concat([head.subarray(0, EXTENT.METADATA_USED), again, head.subarray(EXTENT.METADATA_USED + 8)]);
      view = viewOf(head);
    }
    const used = 8 * checked(view, EXTENT.METADATA_USED, offset + EXTENT.METADATA_USED);
    if (extent.next !== 0 && used !== extent.metadata.length) throw new Changed();
    if (used > extent.metadataCapacity) throw new FormatError('bad-extent', offset + EXTENT.METADATA_USED);
    this.#updateRecords(extent, source.read(offset + EXTENT.HEAD, used), used);
    if (this.origin === undefined) throw new FormatError('bad-record', offset + EXTENT.HEAD);

    const next = 8 * checked(view, EXTENT.NEXT, offset + EXTENT.NEXT);
    if (next !== 0 && next < offset + extent.size) throw new FormatError('bad-extent', offset + EXTENT.NEXT);
    if (extent.next !== 0 && extent.next !== next) throw new Changed();
    extent.next = next;
    return next;
  }

  /** The records behind those that are known, which must be what they were. */
  #updateRecords(extent, metadata, used) {
    if (metadata.length < used) throw new FormatError('truncated', extent.offset);
    const known = extent.metadata.length;
    if (used < known || !metadata.subarray(0, known).equals(extent.metadata)) throw new Changed();
    for (let at = known; at < used; ) {
      at = this.#record(extent, metadata, at);
      extent.metadata = metadata.subarray(0, at);
    }
  }

  /** @returns {number} where the record ends */
  #record(extent, bytes, at) {
    const offset = extent.offset + EXTENT.HEAD + at;
    const left = bytes.length - at;
    const size = left < RECORD.HEAD ? 0 : bytes.readUInt32LE(at); // V2-18
    if (size < RECORD.HEAD || size > left || size % 8 !== 0) throw new FormatError('bad-record', offset);
    const end = at + size;
    if (bytes.readUInt32LE(at + RECORD.CRC) !== crc32(bytes, at, end, at + RECORD.CRC)) {
      throw new FormatError('bad-crc', offset + RECORD.CRC); // V2-19
    }
    const type = bytes.readUInt16LE(at + RECORD.TYPE);
    const slot = bytes.readUInt32LE(at + RECORD.SLOT);
    const slotless = type === TYPE.ORIGIN || type === TYPE.FAMILY || type === TYPE.FOLDED;
    if (slot % 8 !== 0 || slot > extent.valuesCapacity - extent.slots || (slotless && slot !== 0)) {
      throw new FormatError('bad-record', offset + RECORD.SLOT); // V2-20
    }
    if ((type === TYPE.ORIGIN) === (this.origin !== undefined)) throw new FormatError('bad-record', offset); // V2-24
    switch (type) {
      case TYPE.ORIGIN:
        this.#origin(new Body(bytes, at + RECORD.HEAD, end, offset));
        break;
      case TYPE.FAMILY:
        this.#family(bytes, at, end, offset);
        break;
      case TYPE.SERIES:
        this.#series(bytes, at, end, offset, extent, slot);
        break;
      case TYPE.FOLDED:
        this.#folded(bytes, at, end, offset);
        break;
      default:
        if ((bytes.readUInt16LE(at + RECORD.FLAGS) & RECORD.CRITICAL) !== 0) {
          throw new FormatError('unsupported-record', offset); // V2-21
        }
    }
    extent.slots += slot;
    return end;
  }

  #origin(body) {
    body.texts(2);
    body.finish();
    const [app, host] = body.decode();
    this.origin = { app, host };
  }

  #family(bytes, at, end, offset) {
    const body = new Body(bytes, at + RECORD.HEAD, end, offset);
    body.skip(FAMILY.BODY - RECORD.HEAD);
    const kind = KINDS[bytes[at + FAMILY.KIND]];
    const labelCount = bytes[at + FAMILY.LABEL_COUNT];
    const parts = bytes.readUInt16LE(at + FAMILY.PARTS);
    const capacity = bytes.readUInt32LE(at + FAMILY.CAPACITY);
    const boundCount = kind?.name === 'histogram' ? parts : 0;
    const stateCount = kind?.name === 'state set' ? parts : 0;
    const bounds = body.skip(8 * boundCount);
    body.texts(3 + labelCount + stateCount);
    body.finish();
    const [name, unit, help, ...rest] = body.decode();
    const labels = rest.slice(0, labelCount);
    const states = rest.slice(labelCount);

    // V2-26
    if (kind === undefined) throw new FormatError('bad-family', offset + FAMILY.KIND);
    const type = TYPES[bytes[at + FAMILY.VALUE_TYPE]];
    const combination = COMBINATIONS[bytes[at + FAMILY.COMBINATION]];
    const combinations = kind.types[type];
    if (combinations === undefined) throw new FormatError('bad-family', offset + FAMILY.VALUE_TYPE);
    if (!combinations.includes(combination)) throw new FormatError('bad-family', offset + FAMILY.COMBINATION);

    /** @type {Family} */
    const family = {
      name,
      kind: kind.name,
      type,
      combination,
      kept: (bytes[at + FAMILY.FLAGS] & FAMILY.KEPT) !== 0,
      unit,
      help,
      labels,
      bounds: viewOf(Buffer.from(bytes.subarray(bounds, bounds + 8 * boundCount))),
      states,
      capacity,
      series: [],
      slot: undefined,
    };
    const wrong = wrongName(family) || this.#names.has(name) || wrongParts(family, parts);
    if (wrong) throw new FormatError('bad-family', offset);
    family.slot = slotOf({ ...family, bounds: { length: boundCount } });
    this.#names.add(name);
    this.families.push(family);
  }

  #series(bytes, at, end, offset, extent, slot) {
    const body = new Body(bytes, at + RECORD.HEAD, end, offset);
    body.skip(SERIES.BODY - RECORD.HEAD);
    const family = this.families[bytes.readUInt32LE(at + SERIES.FAMILY)];
    if (family === undefined) throw new FormatError('bad-series', offset + SERIES.FAMILY);
    body.texts(family.labels.length);
    const last = body.finish();
    const labels = body.decode();
    if (slot !== family.slot.size) throw new FormatError('bad-series', offset + RECORD.SLOT);
    // V2-29: equal label values of one family are equal bytes.
    const key = bytes.latin1Slice(at + SERIES.FAMILY, last);
    if (this.#bodies.has(key)) throw new FormatError('bad-series', offset);
    this.#bodies.add(key);
    const series = { family, labels, at: extent.slots, confirmed: undefined };
    family.series.push(series);
    extent.series.push(series);
    if (family.slot.latch) extent.latches.push(series);
  }

  #folded(bytes, at, end, offset) {
    const archive = this.header.readUInt32LE(HEADER.INCOMPATIBLE) & bit(INCOMPATIBLE, 'archive');
    if (archive === 0) throw new FormatError('bad-record', offset); // V2-30
    const body = new Body(bytes, at + RECORD.HEAD, end, offset);
    const id = body.skip(HEADER.ID_SIZE);
    body.finish();
    this.folded.push(bytes.subarray(id, id + HEADER.ID_SIZE));
  }
}

const twiceOrEmpty = (texts) => texts.includes('') || new Set(texts).size < texts.length;

/**
 * V2-25, but for a name that is there already.
 *
 * @param {{name: string, labels: string[]}} family
 */
export const wrongName = ({ name, labels }) => name === '' || name.includes('\0') || twiceOrEmpty(labels);

/**
 * V2-27.
 *
 * @param {{kind: string, bounds: DataView, states: string[], capacity: number}} family
 * @param {number} parts
 */
export function wrongParts({ kind, bounds, states, capacity }, parts) {
  if (parts !== bounds.byteLength / 8 + states.length) return true;
  if (kind === 'state set' && (parts === 0 || twiceOrEmpty(states))) return true;
  if (kind === 'text' ? capacity < 1 || capacity > LARGEST_CAPACITY : capacity !== 0) return true;
  let before = -Infinity;
  for (let at = 0; at < bounds.byteLength; at += 8) {
    const bound = bounds.getFloat64(at, true);
    if (!(bound > before && bound < Infinity)) return true;
    before = bound;
  }
  return false;
}
