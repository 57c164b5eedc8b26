// The open file of a writer: every store is one positioned write call (V2-W6).
//
// Rule 1: a store never throws; it says whether it was made.
// Rule 2: a word is one call. The calls are in the order in which they are made, which takes the place of fences.
// Rule 3: after the end nothing is stored any more (V2-W11).

import fs from 'node:fs';
import { writeAll } from './create.mjs';

/** The place of what has none: before its file is made, or where there was no room for it. */
export const NOWHERE = -1;

export class Store {
  #fd;

  /** @param {number} fd */
  open(fd) {
    this.#fd = fd;
  }

  get isOpen() {
    return this.#fd !== undefined;
  }

  /**
   * One word.
   *
   * @param {Uint8Array} bytes
   * @param {number} at where it is in these
   * @param {number} offset in the file
   * @returns {boolean}
   */
  word(bytes, at, offset) {
    if (this.#fd === undefined) return false;
    try {
      return fs.writeSync(this.#fd, bytes, at, 8, offset) === 8;
    } catch {
      return false;
    }
  }

  /**
   * What has any size: bytes that nobody looks at yet, or a field of version 1.
   *
   * @param {Buffer} bytes
   * @param {number} offset
   * @returns {boolean}
   */
  bytes(bytes, offset) {
    if (this.#fd === undefined) return false;
    try {
      writeAll(this.#fd, bytes, offset);
      return true;
    } catch {
      return false;
    }
  }

  close() {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}
