// What a writer says about itself, as far as Node can know it (3.3).
//
// Rule 1: what cannot be known is 0, and never an error.

import fs from 'node:fs';
import { HEADER, V1 } from './layout.mjs';

/** What the function returns; or 0 where the system does not tell. */
function known(look, unknown) {
  try {
    return look();
  } catch {
    return unknown;
  }
}

/** @returns {bigint} Unix nanoseconds */
export const now = () => BigInt(Date.now()) * 1_000_000n;

/** @returns {number} of the calling thread: its synchronous calls are made by itself */
export const threadId = () => known(() => Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1)) || 0, 0);

/** @returns {bigint} clock ticks since boot: the 22nd of the fields, of which the second may hold anything */
export const processStart = () =>
  known(() => {
    const stat = fs.readFileSync('/proc/self/stat', 'latin1');
    return BigInt(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  }, 0n);

/** @returns {Buffer} 16 bytes */
export const bootId = () =>
  known(() => {
    const text = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replace(/[^0-9a-f]/g, '');
    const id = Buffer.from(text, 'hex');
    return id.length === HEADER.ID_SIZE ? id : Buffer.alloc(HEADER.ID_SIZE);
  }, Buffer.alloc(HEADER.ID_SIZE));

/** @returns {bigint} the inode number of the pid namespace */
export const pidNamespace = () => known(() => fs.statSync('/proc/self/ns/pid', { bigint: true }).ino, 0n);

/** The host page (V1-11), from the auxiliary vector: pairs of a key and a value, of which key 6 is the page's size. */
export const pageSize = () =>
  known(() => {
    const vector = fs.readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      if (vector.readBigUInt64LE(at) === 6n) return Math.max(Number(vector.readBigUInt64LE(at + 8)), V1.SMALLEST_PAGE);
    }
    return LARGE_PAGE;
  }, LARGE_PAGE);

/** A multiple of every page that Linux has by default. */
const LARGE_PAGE = 65536;
