// The vectors of spec/vectors: the exact document, or the very error and offset; and the same of a live reader.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { CANONICAL, LiveReader, parse } from '../src/index.mjs';

const VECTORS = new URL('../../../spec/vectors/', import.meta.url);

const outcome = (read) => {
  try {
    return read();
  } catch ({ code, offset }) {
    return { error: code, offset };
  }
};

for (const version of ['v1', 'v2']) {
  const directory = new URL(`${version}/`, VECTORS);
  const { vectors } = JSON.parse(fs.readFileSync(new URL('manifest.json', directory), 'utf8'));
  assert.ok(vectors.length > 0);
  for (const { id, file, document, error, offset } of vectors) {
    const path = new URL(file, directory);
    const expected = document ?? { error, offset };
    test(`${version}/${id}`, () => {
      assert.deepEqual(outcome(() => parse(fs.readFileSync(path), CANONICAL)), expected);
    });
    test(`${version}/${id}, polled`, () => {
      const reader = new LiveReader(path.pathname);
      const polled = outcome(() => reader.pollDocument());
      assert.deepEqual(outcome(() => reader.pollDocument()), polled);
      reader.close();
      if (!document?.features?.includes('unordered')) assert.deepEqual(polled, expected);
    });
  }
}
