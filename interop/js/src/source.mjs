// Where a reader's bytes come from: a file at rest in memory, or a file that changes.
//
// Rule 1: bytes are copied by read calls, never mapped, and each read() of a file is made after the one before (V2-R2).
// Rule 2: nothing but a regular file is opened, and nothing blocks (V1-R1): a pipe is refused before it is opened,
//         and one that comes in between is opened without waiting and refused then.
// Rule 3: a read beyond the end is short; whoever reads decides what that means.

import fs from 'node:fs';
import { UnreadableError } from './errors.mjs';
import { LARGEST_FILE } from './layout.mjs';

const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = fs.constants;

/** A file at rest. */
export class BytesSource {
  #bytes;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  size() {
    return this.#bytes.length;
  }

  /** @param {number} offset @param {number} length */
  read(offset, length) {
    return this.#bytes.subarray(offset, offset + length);
  }
}

/** A file that is kept open. */
export class FileSource {
  #fd;

  /** @param {string} path */
  constructor(path) {
    try {
      if (!fs.statSync(path).isFile()) throw new UnreadableError(`${path} is no regular file`);
      this.#fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
      const stat = fs.fstatSync(this.#fd, { bigint: true });
      if (!stat.isFile()) throw new UnreadableError(`${path} is no regular file`);
      this.device = stat.dev;
      this.inode = stat.ino;
    } catch (error) {
      this.close();
      throw error instanceof UnreadableError ? error : new UnreadableError(error.message, { cause: error });
    }
  }

  /** @returns {number} as of this moment; a file that is too large is refused (G-4) */
  size() {
    const { size } = fs.fstatSync(this.#fd);
    if (size > LARGEST_FILE) throw new UnreadableError(`a file of ${size} bytes`);
    return size;
  }

  /**
   * Whether the path leads to this file still (V2-R9). While it is open nobody else gets its number.
   *
   * @param {string} path
   */
  isAt(path) {
    const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && stat.ino === this.inode && stat.dev === this.device;
  }

  /** @param {number} offset @param {number} length @returns {Buffer} shorter at the end of the file */
  read(offset, length) {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, this.readInto(bytes, offset));
  }

  /** Fills the bytes. @param {Buffer} bytes @param {number} offset @returns {number} how many there were */
  readInto(bytes, offset) {
    let have = 0;
    while (have < bytes.length) {
      const more = fs.readSync(this.#fd, bytes, have, bytes.length - have, offset + have);
      if (more === 0) break;
      have += more;
    }
    return have;
  }

  /** @returns {Buffer} a copy of all of it */
  copy() {
    return this.read(0, this.size());
  }

  close() {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }
}
