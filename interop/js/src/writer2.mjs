// The writer of version 2 (FORMAT.md 3.8), of the class "writer through write calls" (3.15).
//
// Rule 1: what is declared before the file is made stands in its first extent; later records are published one after
//         the other (V2-W3), and where they have no room the file grows (V2-W4).
// Rule 2: a record and the records that belong to it are published by one store, or not at all.
// Rule 3: wrong arguments throw. A lack of room does not: what has no place then is kept privately, and shown nowhere.
// Rule 4: nothing is looked for in an update: a program keeps the series that it updates.

import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { crc32 } from './crc32.mjs';
import { checkDirectory, createFile } from './create.mjs';
import { setFloat } from './float.mjs';
import {
  COMBINATIONS,
  COMPATIBLE,
  DEFAULT_LIMIT,
  EXTENT,
  FAMILY,
  FILE_END,
  HEADER,
  KINDS,
  LONGEST_TEXT,
  MOST_LABELS,
  MOST_PARTS,
  OVERFLOW,
  RECORD,
  SERIES,
  STATE,
  TYPE,
  TYPES,
  V1,
  bit,
  slotOf,
  toWords,
} from './layout.mjs';
import { wrongName, wrongParts } from './parse2.mjs';
import { Counter, FloatCounter, Gauge, Histogram, LastGauge, StateSet, Summary, Text } from './series.mjs';
import { Store } from './store.mjs';
import { bootId, now, pidNamespace, processStart, threadId } from './system.mjs';
import { encode } from './text.mjs';
import { set, setControl, viewOf } from './words.mjs';

/** After a growth for which there was no room the next one is not tried before so many milliseconds. */
const PATIENCE = 1000;
/** Zeros are written in pieces of this size. */
const PIECE = 1 << 20;

/**
 * @typedef {object} Declaration
 * @property {string} name
 * @property {string} kind of 3.6
 * @property {string} [type] the value type; the kind's only one, or unsigned for a counter and float otherwise
 * @property {string} [combination] the kind's only one, or all
 * @property {boolean} [kept]
 * @property {string} [unit]
 * @property {string} [help]
 * @property {string[]} [labels] names
 * @property {number[]} [bounds] of a histogram
 * @property {string[]} [states] of a state set
 * @property {number} [capacity] of a text
 * @property {number} [limit] the most series, beside the one for what is beyond it (V2-W14)
 */

/** A record that is to be published. @typedef {{record: Buffer, series?: {place(offset: number): void, slot(): Buffer}}} Item */

/** A writer of one file. */
export class Writer {
  #store = new Store();
  /** @type {Item[] | undefined} What is declared before the file is made. */
  #early;
  #names = new Set();
  #familyCount = 0;
  /** The last extent, how many there are, and the bytes of all of them. */
  #extent;
  #extents = 0;
  #size = 0;
  /** Bytes of all records and slots: what comes will be divided much like it. */
  #metadata = 0;
  #values = 0;
  #patientUntil = 0;

  /**
   * Makes a file, under the name or the next one that is free.
   *
   * @param {string} wanted the path
   * @param {{app: string, host?: string}} origin
   * @param {(stats: Writer) => void} [declare] declares what the file begins with
   * @throws where a declaration is wrong, or the file cannot be made; then there is none
   */
  constructor(wanted, { app, host = os.hostname() }, declare = () => {}) {
    const early = [{ record: recordOf(TYPE.ORIGIN, 0, [textOf(app), textOf(host)]) }];
    this.#early = early;
    declare(this);
    checkDirectory(wanted);
    const extent = this.#extentFor(early, HEADER.SIZE, V1.SMALLEST_PAGE - HEADER.SIZE);
    if (HEADER.SIZE + extent.size > FILE_END) throw new RangeError('a file larger than every reader takes');
    const image = Buffer.alloc(HEADER.SIZE + extent.size);
    header().copy(image);
    const { metadata, values } = bytesOf(early);
    extent.head(metadata.length).copy(image, extent.offset);
    metadata.copy(image, extent.metadataEnd);
    values.copy(image, extent.valuesEnd);
    const { fd, path } = createFile(wanted, image);
    this.#store.open(fd);
    this.#take(extent, early);
    this.#early = undefined;
    /** Where the file is. */
    this.path = path;
  }

  /**
   * Adds a family; one without labels has its one series from then on.
   *
   * @param {Declaration} declaration
   * @returns {Family}
   */
  declare(declaration) {
    const { record, ...checked } = checkedFamily(declaration);
    if (this.#names.has(checked.name)) throw new RangeError(`a second family ${checked.name}`);
    const number = this.#familyCount;
    const items = [{ record }];
    let only;
    if (checked.labels.length === 0) {
      only = makeSeries(this.#store, checked);
      items.push({ record: seriesRecord(number, checked.slot.size, []), series: only });
    }
    const placed = this.#publish(items);
    if (placed) {
      this.#names.add(checked.name);
      this.#familyCount += 1;
    }
    const add = (values) => {
      const series = makeSeries(this.#store, checked);
      const item = { record: seriesRecord(number, checked.slot.size, values.map(textOf)), series };
      return { series, placed: placed && this.#publish([item]) };
    };
    return new Family(checked, only, add);
  }

  /** @param {string} name @param {Partial<Declaration>} [options] @returns {any} the series, or the family where it has labels */
  counter(name, options) {
    return this.#metric({ ...options, name, kind: 'counter' });
  }

  /** @param {string} name @param {Partial<Declaration>} [options] @returns {any} see counter() */
  gauge(name, options) {
    return this.#metric({ ...options, name, kind: 'gauge' });
  }

  /** @param {string} name @param {string[]} states @param {Partial<Declaration>} [options] @returns {any} see counter() */
  stateSet(name, states, options) {
    return this.#metric({ ...options, name, states, kind: 'state set' });
  }

  /** @param {string} name @param {number} capacity in bytes @param {Partial<Declaration>} [options] @returns {any} see counter() */
  text(name, capacity, options) {
    return this.#metric({ ...options, name, capacity, kind: 'text' });
  }

  /** @param {string} name @param {Partial<Declaration>} [options] @returns {any} see counter() */
  summary(name, options) {
    return this.#metric({ ...options, name, kind: 'summary' });
  }

  /** @param {string} name @param {number[]} bounds @param {Partial<Declaration>} [options] @returns {any} see counter() */
  histogram(name, bounds, options) {
    return this.#metric({ ...options, name, bounds, kind: 'histogram' });
  }

  /** @param {string} name @param {Partial<Declaration>} [options] @returns {any} see counter() */
  unknown(name, options) {
    return this.#metric({ ...options, name, kind: 'unknown' });
  }

  #metric(declaration) {
    const family = this.declare(declaration);
    return family.labels.length === 0 ? family.series() : family;
  }

  /** The clean end (V2-W11): nothing is stored afterwards. The file stays. */
  close() {
    this.#store.word(controlWord(STATE.CLOSED), 0, HEADER.STATE);
    this.#store.close();
  }

  /** @param {Item[]} items that belong together @returns {boolean} whether they are in the file, or will be with it */
  #publish(items) {
    if (this.#early !== undefined) {
      this.#early.push(...items);
      return true;
    }
    const extent = this.#extent;
    if (!extent.hasRoomFor(items)) return this.#grow(items);
    const { metadata, values } = bytesOf(items);
    // V2-W3: the slots, the records, and then what makes them visible.
    const stored =
      this.#store.bytes(values, extent.valuesEnd) &&
      this.#store.bytes(metadata, extent.metadataEnd) &&
      this.#store.word(controlWord((extent.used + metadata.length) / 8), 0, extent.offset + EXTENT.METADATA_USED);
    if (stored) this.#take(extent, items);
    return stored;
  }

  /** V2-W4. */
  #grow(items) {
    const offset = HEADER.SIZE + this.#size;
    if (performance.now() < this.#patientUntil || this.#extents === EXTENT.MOST || !this.#store.isOpen) return false;
    const extent = this.#extentFor(items, offset, this.#size); // V2-W8: as large as all before it
    if (offset + extent.size > FILE_END) return false;
    const { metadata, values } = bytesOf(items);
    const before = this.#extent;
    const grown =
      this.#reserve(offset, extent.size) &&
      this.#store.bytes(values, extent.valuesEnd) &&
      this.#store.bytes(metadata, extent.metadataEnd) &&
      this.#store.bytes(extent.head(metadata.length), offset) &&
      this.#store.word(controlWord(offset / 8), 0, before.offset + EXTENT.NEXT);
    if (grown) this.#take(extent, items);
    else this.#patientUntil = performance.now() + PATIENCE;
    return grown;
  }

  /** W4.1: zeros are written, for Node cannot reserve space otherwise. */
  #reserve(offset, size) {
    const zeros = Buffer.alloc(Math.min(PIECE, size));
    for (let at = 0; at < size; at += PIECE) {
      if (!this.#store.bytes(zeros.subarray(0, Math.min(PIECE, size - at)), offset + at)) return false;
    }
    return true;
  }

  /** An extent that holds these items, and more: what is over is divided as all that was needed till now. */
  #extentFor(items, offset, least) {
    const need = bytesOf(items);
    const metadata = this.#metadata + need.metadata.length;
    const values = this.#values + need.values.length;
    const share = Math.min(Math.max(values / (metadata + values), 0.15), 0.75);
    return new NewExtent(offset, least, { metadata: need.metadata.length, values: need.values.length }, share);
  }

  /** Goes on from what has been published. */
  #take(extent, items) {
    if (extent !== this.#extent) {
      this.#extent = extent;
      this.#extents += 1;
      this.#size += extent.size;
    }
    for (const { record, series } of items) {
      series?.place(extent.valuesEnd);
      const slot = record.readUInt32LE(RECORD.SLOT);
      extent.used += record.length;
      extent.slots += slot;
      this.#metadata += record.length;
      this.#values += slot;
    }
  }
}

/** A family of a writer. */
export class Family {
  #only;
  #add;
  #limit;
  #children = new Map();

  /**
   * @param {{labels: string[], limit: number}} declaration
   * @param {object} [only] the series of a family without labels
   * @param {(values: string[]) => {series: object, placed: boolean}} add
   */
  constructor({ labels, limit }, only, add) {
    /** The names of the labels. */
    this.labels = labels;
    this.#limit = limit;
    this.#only = only;
    this.#add = add;
  }

  /**
   * The series of these label values, made where there is none yet. Keep it: an update is cheap, this is not.
   *
   * @param {...(string | number)} values in the order of the names
   * @returns {any} a Counter, Gauge, …; beyond the limit the series that counts all of these (V2-W14)
   */
  series(...values) {
    if (values.length !== this.labels.length) throw new RangeError(`${this.labels.length} label values are needed`);
    if (this.#only !== undefined) return this.#only;
    const key = values.length === 1 ? String(values[0]) : JSON.stringify(values.map(String));
    return this.#children.get(key) ?? this.#make(values.map((value) => checkedText(String(value))));
  }

  #make(values) {
    const overflow = values.map(() => OVERFLOW);
    const wanted = keyOf(values);
    const known = this.#children.has(keyOf(overflow)) ? 1 : 0;
    const full = this.#children.size - known >= this.#limit;
    const chosen = full ? overflow : values;
    const key = full ? keyOf(overflow) : wanted;
    const before = this.#children.get(wanted) ?? this.#children.get(key);
    if (before !== undefined) return before;
    const { series, placed } = this.#add(chosen);
    if (placed) this.#children.set(key, series);
    return series;
  }
}

const keyOf = (values) => (values.length === 1 ? values[0] : JSON.stringify(values));

/** An extent that is being made, or the last one; offsets but `offset` are from its beginning. */
class NewExtent {
  used = 0;
  slots = 0;

  /**
   * @param {number} offset
   * @param {number} least size
   * @param {{metadata: number, values: number}} need
   * @param {number} share of the values in what is over
   */
  constructor(offset, least, need, share) {
    const wanted = Math.max(least, EXTENT.HEAD + need.metadata + need.values);
    const end = Math.ceil((offset + wanted) / V1.SMALLEST_PAGE) * V1.SMALLEST_PAGE;
    this.offset = offset;
    this.size = end - offset;
    const over = this.size - EXTENT.HEAD - need.metadata - need.values;
    this.valuesCapacity = need.values + 8 * Math.floor((over * share) / 8);
    this.metadataCapacity = this.size - EXTENT.HEAD - this.valuesCapacity;
    this.valuesOffset = EXTENT.HEAD + this.metadataCapacity;
  }

  /** Where the next record stands, in the file. */
  get metadataEnd() {
    return this.offset + EXTENT.HEAD + this.used;
  }

  /** Where the next slot stands, in the file. */
  get valuesEnd() {
    return this.offset + this.valuesOffset + this.slots;
  }

  /** @param {Item[]} items */
  hasRoomFor(items) {
    const { metadata, values } = bytesOf(items);
    return metadata.length <= this.metadataCapacity - this.used && values.length <= this.valuesCapacity - this.slots;
  }

  /** The head of the extent as it appears. @param {number} used bytes of records @returns {Buffer} */
  head(used) {
    const bytes = Buffer.alloc(EXTENT.HEAD);
    const view = viewOf(bytes);
    EXTENT.TAG.copy(bytes);
    set(view, EXTENT.SIZE, this.size);
    set(view, EXTENT.METADATA_CAPACITY, this.metadataCapacity);
    set(view, EXTENT.VALUES_OFFSET, this.valuesOffset);
    set(view, EXTENT.VALUES_CAPACITY, this.valuesCapacity);
    bytes.writeUInt32LE(crc32(bytes, 0, EXTENT.CHECKED, EXTENT.CRC), EXTENT.CRC);
    setControl(view, EXTENT.METADATA_USED, used / 8);
    setControl(view, EXTENT.NEXT, 0);
    return bytes;
  }
}

const bytesOf = (items) => ({
  metadata: Buffer.concat(items.map(({ record }) => record)),
  values: Buffer.concat(items.flatMap(({ series }) => (series === undefined ? [] : [series.slot()]))),
});

function controlWord(number) {
  const bytes = Buffer.alloc(8);
  setControl(viewOf(bytes), 0, number);
  return bytes;
}

/** 3.3. */
function header() {
  const bytes = Buffer.alloc(HEADER.SIZE);
  const view = viewOf(bytes);
  HEADER.MAGIC.copy(bytes);
  bytes.writeUInt16LE(HEADER.SIZE, HEADER.HEADER_SIZE);
  bytes.writeUInt32LE(bit(COMPATIBLE, 'write calls') | bit(COMPATIBLE, 'no lock'), HEADER.COMPATIBLE);
  randomBytes(HEADER.ID_SIZE).copy(bytes, HEADER.WRITER_ID);
  set(view, HEADER.CREATED, now());
  set(view, HEADER.PID, process.pid);
  set(view, HEADER.PROCESS_START, processStart());
  bootId().copy(bytes, HEADER.BOOT_ID);
  set(view, HEADER.PID_NAMESPACE, pidNamespace());
  bytes.writeUInt32LE(crc32(bytes, 0, HEADER.CHECKED, HEADER.CRC), HEADER.CRC);
  setControl(view, HEADER.STATE, STATE.LIVE);
  setControl(view, HEADER.THREAD_ID, threadId());
  return bytes;
}

/** @param {number} type @param {number} slot @param {Buffer[]} parts of the body @returns {Buffer} */
function recordOf(type, slot, parts) {
  const body = Buffer.concat(parts);
  const record = Buffer.alloc(toWords(RECORD.HEAD + body.length));
  record.writeUInt32LE(record.length);
  record.writeUInt16LE(type, RECORD.TYPE);
  record.writeUInt32LE(slot, RECORD.SLOT);
  body.copy(record, RECORD.HEAD);
  record.writeUInt32LE(crc32(record, 0, record.length, RECORD.CRC), RECORD.CRC);
  return record;
}

function seriesRecord(family, slot, texts) {
  const number = Buffer.alloc(SERIES.BODY - SERIES.FAMILY);
  number.writeUInt32LE(family);
  return recordOf(TYPE.SERIES, slot, [number, ...texts]);
}

/** A text as a record has it: its length, and it. @param {string} text @returns {Buffer} */
function textOf(text) {
  const bytes = encode(checkedText(text));
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param {unknown} text @returns {string} what a record can hold and UTF-8 can say */
function checkedText(text) {
  if (typeof text !== 'string') throw new TypeError('a text is needed');
  if (encode(text).length > LONGEST_TEXT) throw new RangeError(`a text of more than ${LONGEST_TEXT} bytes`);
  return text.toWellFormed();
}

const DEFAULT_TYPES = { counter: 'unsigned', 'state set': 'unsigned', text: 'text' };

/**
 * What a declaration says, all of it, and its record (V2-25 to V2-27).
 *
 * @param {Declaration} declaration
 */
function checkedFamily({
  kind,
  type = DEFAULT_TYPES[kind] ?? 'float',
  combination = kind === 'gauge' ? 'all' : KINDS.find((row) => row?.name === kind)?.types[type]?.[0],
  kept = false,
  capacity = 0,
  limit = DEFAULT_LIMIT,
  ...texts
}) {
  const [name, unit, help] = [texts.name, texts.unit ?? '', texts.help ?? ''].map(checkedText);
  const labels = (texts.labels ?? []).map(checkedText);
  const states = (texts.states ?? []).map(checkedText);
  const bounds = texts.bounds ?? [];
  const code = KINDS.findIndex((row) => row?.name === kind);
  if (!KINDS[code]?.types[type]?.includes(combination)) {
    throw new RangeError(`${name}: no ${kind} of ${type} combined by ${combination}`);
  }
  if (wrongName({ name, labels }) || labels.length > MOST_LABELS) throw new RangeError(`${name}: wrong names`);
  const boundBytes = Buffer.alloc(8 * bounds.length);
  const boundView = viewOf(boundBytes);
  bounds.forEach((bound, number) => setFloat(boundView, 8 * number, bound));
  const parts = kind === 'histogram' ? bounds.length : kind === 'state set' ? states.length : 0;
  if (parts > MOST_PARTS || !Number.isInteger(capacity) || wrongParts({ kind, bounds: boundView, states, capacity }, parts)) {
    throw new RangeError(`${name}: wrong bounds, states or capacity`);
  }

  const slot = slotOf({ kind, combination, capacity, bounds });
  const fixed = Buffer.alloc(FAMILY.BODY - RECORD.HEAD);
  fixed[FAMILY.KIND - RECORD.HEAD] = code;
  fixed[FAMILY.VALUE_TYPE - RECORD.HEAD] = TYPES.indexOf(type);
  fixed[FAMILY.COMBINATION - RECORD.HEAD] = COMBINATIONS.indexOf(combination);
  fixed[FAMILY.FLAGS - RECORD.HEAD] = kept ? FAMILY.KEPT : 0;
  fixed[FAMILY.LABEL_COUNT - RECORD.HEAD] = labels.length;
  fixed.writeUInt16LE(parts, FAMILY.PARTS - RECORD.HEAD);
  fixed.writeUInt32LE(capacity, FAMILY.CAPACITY - RECORD.HEAD);
  const all = [name, unit, help, ...labels, ...states].map(textOf);
  const record = recordOf(TYPE.FAMILY, 0, [fixed, boundBytes, ...all]);
  return { record, name, kind, type, combination, labels, bounds, states, capacity, limit, slot };
}

/** @returns {any} a series of the family, without a place */
function makeSeries(store, { kind, type, combination, bounds, states, capacity, slot }) {
  switch (kind) {
    case 'counter':
      return type === 'unsigned' ? new Counter(store) : new FloatCounter(store);
    case 'state set':
      return new StateSet(store, states);
    case 'text':
      return new Text(store, capacity, slot.content);
    case 'summary':
      return new Summary(store);
    case 'histogram':
      return new Histogram(store, bounds);
    default:
      return combination === 'last' ? new LastGauge(store, type) : new Gauge(store, type);
  }
}
