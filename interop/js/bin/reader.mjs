#!/usr/bin/env node
// The reader of CONFORMANCE.md: reader FILE, or reader --poll FILE.
//
// Rule 1: an error is printed as the protocol says, and only a fault of this program ends it otherwise.

import { FormatError, LiveReader, UnreadableError, readDocument } from '../src/index.mjs';
import { print, readLine } from './lines.mjs';

/** @returns {[boolean, unknown]} whether there is a document, and it or the error */
function attempt(read) {
  try {
    return [true, read()];
  } catch (error) {
    if (error instanceof FormatError) return [false, { error: error.code, offset: error.offset }];
    if (error instanceof UnreadableError) return [false, { error: 'unreadable' }];
    throw error;
  }
}

const [first, second] = process.argv.slice(2);
if (first === '--poll') {
  const reader = new LiveReader(second);
  while (readLine()) print(attempt(() => reader.pollDocument())[1]);
} else {
  const [good, answer] = attempt(() => readDocument(first));
  print(answer);
  process.exitCode = good ? 0 : 1;
}
