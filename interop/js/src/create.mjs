// A file gets its name (V1-W4, V1-W5, V2-W9).
//
// Rule 1: the file is complete before its name appears: made under a dotted name that nobody has, filled, then linked.
// Rule 2: a name is never taken from an existing file, or link; the next one is tried.
// Rule 3: what fails leaves nothing. Node cannot make a file without a name, and so one that is killed in between
//         leaves the dotted one.

import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const MODE = 0o644;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** The names that are tried: `a.b`, `a-1.b`, `a-2.b`, … (V1-W4). */
function* namesOf(wanted) {
  yield wanted;
  const directory = wanted.slice(0, wanted.length - path.basename(wanted).length);
  const name = path.basename(wanted);
  const dots = /^\.*/.exec(name)[0].length;
  const dot = name.lastIndexOf('.');
  const stem = dot < dots ? name.length : dot;
  for (let number = 1; ; number++) yield `${directory}${name.slice(0, stem)}-${number}${name.slice(stem)}`;
}

/**
 * @param {string} wanted
 * @param {Buffer} image all that the file has; zeros are written too, which reserves their space for real
 * @returns {{fd: number, path: string}}
 */
export function createFile(wanted, image) {
  const temporary = path.join(path.dirname(wanted), `.${randomBytes(8).toString('hex')}.mmstats-new`);
  const fd = fs.openSync(temporary, 'wx', MODE);
  try {
    writeAll(fd, image, 0);
    return { fd, path: linked(temporary, wanted) };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function linked(temporary, wanted) {
  for (const name of namesOf(wanted)) {
    try {
      fs.linkSync(temporary, name);
      return name;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/**
 * @param {number} fd
 * @param {Buffer} bytes
 * @param {number} offset
 * @throws where there is no room for all of it
 */
export function writeAll(fd, bytes, offset) {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at, bytes.length - at, offset + at);
}

/** V2-W9. @param {string} wanted @throws where anybody could put another file in this one's place */
export function checkDirectory(wanted) {
  const directory = path.dirname(wanted);
  const { mode } = fs.statSync(directory);
  if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) {
    throw new Error(`everybody may write to ${directory}, and it has no sticky bit`);
  }
}
