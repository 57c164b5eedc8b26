// mmstats statistics files: what a program needs to publish them, and to read them.

export { FormatError, UnreadableError } from './errors.mjs';
export { LiveReader } from './live.mjs';
export { parse, readDocument, readFile } from './reader.mjs';
export { CANONICAL, NATIVE } from './leaves.mjs';
export { FloatBits } from './float.mjs';
export { Writer1 } from './writer1.mjs';
export { Writer } from './writer2.mjs';
