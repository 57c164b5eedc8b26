// The body of a version 2 record: where its parts are, then what they say (V2-22, V2-23).
//
// Rule 1: first the whole body is measured (V2-22), then its texts are decoded (V2-23); the order of checks wants it so.
// Rule 2: a length is checked against what is left of the record before it is used (G-4).

import { FormatError } from './errors.mjs';
import { decode } from './text.mjs';

/** The parts of one record, one after the other. */
export class Body {
  #bytes;
  #at;
  #end;
  #offset;
  #texts = [];

  /**
   * @param {Buffer} bytes
   * @param {number} at where the body begins
   * @param {number} end behind the record
   * @param {number} offset of the record in the file
   */
  constructor(bytes, at, end, offset) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.#offset = offset;
  }

  /** @param {number} size @returns {number} where the part begins */
  skip(size) {
    if (size > this.#end - this.#at) throw new FormatError('bad-record', this.#offset);
    this.#at += size;
    return this.#at - size;
  }

  /** Texts with their lengths. @param {number} count */
  texts(count) {
    for (let left = count; left > 0; left--) {
      const length = this.#bytes.readUInt16LE(this.skip(2));
      const start = this.skip(length);
      this.#texts.push(this.#bytes.subarray(start, this.#at));
    }
  }

  /** After the last part: zeros, and only up to the next word. @returns {number} where the parts end */
  finish() {
    const end = this.#at;
    if (this.#end - end >= 8) throw new FormatError('bad-record', this.#offset);
    for (let at = end; at < this.#end; at++) {
      if (this.#bytes[at] !== 0) throw new FormatError('bad-record', this.#offset);
    }
    return end;
  }

  /** @returns {string[]} all texts, in order */
  decode() {
    return this.#texts.map((bytes) => {
      const text = decode(bytes);
      if (text === undefined) throw new FormatError('bad-text', this.#offset);
      return text;
    });
  }
}
