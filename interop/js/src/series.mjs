// The series of a writer: what a program updates while it runs (3.7, 3.8).
//
// Rule 1: an update never throws. What is no value of the series' type is left out (V2-W14), and so is what cannot be
//         stored: the series then goes on from what the file says.
// Rule 2: all arithmetic is done in a private copy of what is published; nothing is ever read from the file.
// Rule 3: a series without a place has its private copy alone; it gets its place once (before that it is "nowhere").

import { isFloat, setFloat } from './float.mjs';
import { UNSET } from './layout.mjs';
import { NOWHERE } from './store.mjs';
import { now } from './system.mjs';
import { cut, encode } from './text.mjs';
import { add, isWord, set, signed, unsigned, viewOf } from './words.mjs';

/** @typedef {import('./store.mjs').Store} Store */

const isInteger = (value) => typeof value === 'bigint' || Number.isInteger(value);
const RANGES = { unsigned: [0n, 2n ** 64n - 1n], signed: [-(2n ** 63n), 2n ** 63n - 1n] };

/** What each value type takes: whether a word could be set to the value. */
const SETTERS = {
  unsigned: (view, at, value) => setInteger(view, at, value, RANGES.unsigned),
  signed: (view, at, value) => setInteger(view, at, value, RANGES.signed),
  float(view, at, value) {
    if (!isFloat(value)) return false;
    setFloat(view, at, value);
    return true;
  },
  boolean(view, at, value) {
    if (typeof value !== 'boolean') return false;
    set(view, at, value ? 1 : 0);
    return true;
  },
};

function setInteger(view, at, value, [least, greatest]) {
  if (!isInteger(value)) return false;
  const fits = value >= least && value <= greatest; // compares numbers and BigInts exactly
  if (fits) set(view, at, value);
  return fits;
}

const setUnset = (view, at, [low, high]) => {
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
};

/** Adds to a word of that type; what is unset begins at 0. @returns {boolean} whether the sum is one of its type */
function addTo(type, view, at, amount) {
  const unset = isWord(view, at, UNSET[type]);
  if (type === 'float') {
    if (typeof amount !== 'number' || Number.isNaN(amount)) return false;
    setFloat(view, at, (unset ? 0 : view.getFloat64(at, true)) + amount);
    return true;
  }
  if (type === 'boolean' || !isInteger(amount)) return false;
  const before = unset ? 0 : type === 'signed' ? signed(view, at) : unsigned(view, at);
  const sum = Number.isSafeInteger(before) && Number.isSafeInteger(amount) ? before + amount : NaN;
  return SETTERS[type](view, at, Number.isSafeInteger(sum) ? sum : BigInt(before) + BigInt(amount));
}

/** A slot of one word, updated by one store (V2-W1). */
class Word {
  #store;
  #offset = NOWHERE;
  #bytes = Buffer.alloc(8);
  view = viewOf(this.#bytes);

  /** @param {Store} store @param {number[]} initial halves */
  constructor(store, initial = [0, 0]) {
    this.#store = store;
    setUnset(this.view, 0, initial);
  }

  /** @param {number} offset in the file */
  place(offset) {
    this.#offset = offset;
  }

  /** @returns {Buffer} what the slot has by now */
  slot() {
    return Buffer.from(this.#bytes);
  }

  /** Stores the private copy; where that fails the copy becomes again what it was. @param {number} low @param {number} high */
  publish(low, high) {
    if (this.#offset === NOWHERE || this.#store.word(this.#bytes, 0, this.#offset)) return;
    setUnset(this.view, 0, [low, high]);
  }

  /** @param {(view: DataView) => boolean} change says whether there is one */
  update(change) {
    const low = this.view.getUint32(0, true);
    const high = this.view.getUint32(4, true);
    if (change(this.view)) this.publish(low, high);
  }
}

/**
 * A slot of a sequence word and two buffers (V2-W2). The private copies are two as well, and the sequence number tells
 * the published one: an update that is broken off is none, and the next one goes on from what is published.
 */
class Latch {
  #store;
  #offset = NOWHERE;
  #sequence = Buffer.alloc(8);
  #sequenceView = viewOf(this.#sequence);
  #buffers;
  #views;
  /** How many bytes of each buffer in the file may be other than zero. */
  #filled;
  #published = 0;

  /** @param {Store} store @param {Buffer} initial content */
  constructor(store, initial) {
    this.#store = store;
    this.#buffers = [Buffer.from(initial), Buffer.from(initial)];
    this.#views = this.#buffers.map(viewOf);
    this.#filled = [initial.length, initial.length];
  }

  place(offset) {
    this.#offset = offset;
  }

  slot() {
    return Buffer.concat([this.#sequence, ...this.#buffers]);
  }

  /** W2.1: the private copy of what is published, for changes. */
  begin() {
    const next = this.#published ^ 1;
    this.#buffers[next].set(this.#buffers[this.#published]);
    return this.#views[next];
  }

  /** The bytes of what begin() returned. */
  get bytes() {
    return this.#buffers[this.#published ^ 1];
  }

  /**
   * W2.3 and W2.5; the calls before them are over, which is W2.2 and W2.4.
   *
   * @param {number} [size] of the content; zeros follow
   */
  commit(size = this.bytes.length) {
    const next = this.#published ^ 1;
    add(this.#sequenceView, 0, 1);
    if (this.#offset === NOWHERE || this.#stored(next, size)) this.#published = next;
    else add(this.#sequenceView, 0, -1);
  }

  #stored(next, size) {
    const bytes = this.#buffers[next];
    const offset = this.#offset + 8 + next * bytes.length;
    const end = Math.max(size, this.#filled[next]); // behind it are zeros in the file already
    this.#filled[next] = end;
    if (!this.#store.bytes(bytes.subarray(0, end), offset)) return false; // nobody looks at it yet
    this.#filled[next] = size;
    return this.#store.word(this.#sequence, 0, this.#offset);
  }
}

/** Counts up, and never down. */
export class Counter extends Word {
  /** @param {number | bigint} [amount] an integer that is not negative */
  inc(amount = 1) {
    if (!isInteger(amount) || amount < 0) return;
    const { view } = this;
    const low = view.getUint32(0, true);
    const high = view.getUint32(4, true);
    add(view, 0, amount);
    this.publish(low, high);
  }
}

/** Adds up floats, and never goes down. */
export class FloatCounter extends Word {
  /** @param {number} [amount] that is not negative */
  inc(amount = 1) {
    if (typeof amount !== 'number' || !(amount >= 0)) return;
    this.update((view) => addTo('float', view, 0, amount));
  }
}

/** A number that is set: a gauge, or an unknown. */
export class Gauge extends Word {
  #type;

  /** @param {Store} store @param {string} type */
  constructor(store, type) {
    super(store, UNSET[type]);
    this.#type = type;
  }

  /** @param {number | bigint | boolean | import('./float.mjs').FloatBits | null} value null for none */
  set(value) {
    this.update((view) => {
      if (value !== null) return SETTERS[this.#type](view, 0, value);
      setUnset(view, 0, UNSET[this.#type]);
      return true;
    });
  }

  /** @param {number | bigint} [amount] may be negative */
  inc(amount = 1) {
    this.update((view) => addTo(this.#type, view, 0, amount));
  }
}

const MILLISECOND = 1_000_000n;

/** A gauge of which, of several writers', the one set last counts. */
export class LastGauge extends Latch {
  static #time = 0n;
  #type;

  /** @param {Store} store @param {string} type */
  constructor(store, type) {
    const initial = Buffer.alloc(16);
    setUnset(viewOf(initial), 8, UNSET[type]);
    super(store, initial);
    this.#type = type;
  }

  /** @param {number | bigint | boolean | import('./float.mjs').FloatBits | null} value null for none */
  set(value) {
    const view = this.begin();
    if (value === null) {
      set(view, 0, 0);
      setUnset(view, 8, UNSET[this.#type]);
      this.commit();
    } else if (SETTERS[this.#type](view, 8, value)) {
      this.#commitNow(view);
    }
  }

  /** @param {number | bigint} [amount] may be negative */
  inc(amount = 1) {
    const view = this.begin();
    if (addTo(this.#type, view, 8, amount)) this.#commitNow(view);
  }

  #commitNow(view) {
    // The clock has milliseconds; what this program sets later has the later time all the same.
    const time = now();
    // A clock that is set back is followed.
    const ahead = LastGauge.#time - time;
    LastGauge.#time = ahead >= 0n && ahead < MILLISECOND ? LastGauge.#time + 1n : time;
    set(view, 0, LastGauge.#time);
    this.commit();
  }
}

/** One of the states that were declared. */
export class StateSet extends Word {
  #states;

  /** @param {Store} store @param {string[]} states */
  constructor(store, states) {
    super(store, UNSET.unsigned);
    this.#states = new Map(states.map((state, number) => [state, number]));
  }

  /** @param {string | null} state null for none */
  set(state) {
    const number = this.#states.get(state);
    this.update((view) => {
      if (state === null) setUnset(view, 0, UNSET.unsigned);
      else if (number === undefined) return false;
      else set(view, 0, number);
      return true;
    });
  }
}

/** Text, of which what is beyond the capacity is cut off after a whole character. */
export class Text extends Latch {
  #capacity;

  /** @param {Store} store @param {number} capacity @param {number} size of a buffer */
  constructor(store, capacity, size) {
    const initial = Buffer.alloc(size);
    setUnset(viewOf(initial), 0, UNSET.unsigned);
    super(store, initial);
    this.#capacity = capacity;
  }

  /** @param {string | null} text null for none */
  set(text) {
    if (text !== null && typeof text !== 'string') return;
    const view = this.begin();
    const bytes = text === null ? [] : cut(encode(text), this.#capacity);
    this.bytes.fill(0);
    this.bytes.set(bytes, 8);
    if (text === null) setUnset(view, 0, UNSET.unsigned);
    else set(view, 0, bytes.length);
    this.commit(8 + bytes.length);
  }
}

/** Count, sum, least, greatest and last of what was observed. */
export class Summary extends Latch {
  /** @param {Store} store */
  constructor(store) {
    const initial = Buffer.alloc(40);
    for (const at of [16, 24, 32]) setUnset(viewOf(initial), at, UNSET.float);
    super(store, initial);
  }

  /** @param {number} value */
  observe(value) {
    if (typeof value !== 'number' || Number.isNaN(value)) return;
    const view = this.begin();
    const empty = isWord(view, 0, [0, 0]);
    add(view, 0, 1);
    setFloat(view, 8, view.getFloat64(8, true) + value);
    if (empty || value < view.getFloat64(16, true)) setFloat(view, 16, value);
    if (empty || value > view.getFloat64(24, true)) setFloat(view, 24, value);
    setFloat(view, 32, value);
    this.commit();
  }
}

/** The sum of what was observed, and how many were up to each bound. */
export class Histogram extends Latch {
  #bounds;

  /** @param {Store} store @param {number[]} bounds */
  constructor(store, bounds) {
    super(store, Buffer.alloc(8 * (bounds.length + 2)));
    this.#bounds = Float64Array.from(bounds);
  }

  /** @param {number} value */
  observe(value) {
    if (typeof value !== 'number' || Number.isNaN(value)) return;
    const view = this.begin();
    setFloat(view, 0, view.getFloat64(0, true) + value);
    add(view, 8 + 8 * this.#bucket(value), 1);
    this.commit();
  }

  /** The number of the first bound that is not below the value. */
  #bucket(value) {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= this.#bounds[middle]) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
