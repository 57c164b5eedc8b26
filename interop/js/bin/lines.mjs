// Standard input and output of the test programs: a line at a time, without delay (CONFORMANCE.md P-1).
//
// Rule 1: both are synchronous; a program waits where it stands.

import fs from 'node:fs';

const INPUT = 0;
const OUTPUT = 1;
const chunk = Buffer.alloc(4096);
let pending = Buffer.alloc(0);
let ended = false;

/** @returns {boolean} whether there was a line; what stands in it does not matter */
export function readLine() {
  for (;;) {
    const end = pending.indexOf(10);
    if (end >= 0) {
      pending = pending.subarray(end + 1);
      return true;
    }
    if (ended) {
      const rest = pending.length > 0; // a last line without an end
      pending = Buffer.alloc(0);
      return rest;
    }
    const size = patiently(() => fs.readSync(INPUT, chunk));
    ended = size === 0;
    pending = Buffer.concat([pending, chunk.subarray(0, size)]);
  }
}

/** @param {unknown} value is printed as one line of JSON */
export function print(value) {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  for (let at = 0; at < bytes.length; ) {
    at += patiently(() => fs.writeSync(OUTPUT, bytes, at));
  }
}

/** A pipe that somebody set not to wait has nothing, or no room, for a moment. */
function patiently(call) {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (error.code === 'EOF') return 0;
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
