// What writers leave, as the reader sees it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { FloatBits, LiveReader, Writer, Writer1, readDocument, readFile } from '../src/index.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'mmstats-js-'));
after(() => fs.rmSync(directory, { recursive: true }));

let made = 0;
const fresh = () => path.join(directory, `it.${made++}.mmstats`);
const values = ({ families }) =>
  Object.fromEntries(families.map(({ name, series }) => [name, series.map(({ value }) => value)]));

test('every kind is read as it was written', () => {
  const stats = new Writer(fresh(), { app: 'test' }, (stats) => {
    stats.counter('counter').inc(2n ** 53n);
    stats.counter('float', { type: 'float' }).inc(0.5);
  });
  stats.gauge('gauge', { type: 'signed' }).inc(-3);
  stats.gauge('nan').set(new FloatBits(0xfff8000000000002n));
  stats.gauge('last', { combination: 'last', type: 'boolean' }).set(true);
  stats.stateSet('state', ['on', 'off']).set('off');
  stats.text('text', 4).set('abcé');
  stats.unknown('unknown', { type: 'unsigned' });
  const summary = stats.summary('summary');
  const histogram = stats.histogram('histogram', [1, 2]);
  for (const value of [1, 2, 3, NaN]) {
    summary.observe(value);
    histogram.observe(value);
  }
  stats.close();
  const said = readFile(stats.path);
  const { last, nan, ...others } = values(said);
  assert.equal(said.state, 'closed');
  assert.deepEqual(said.features, ['write calls', 'no lock']);
  assert.equal(last[0].value, true);
  assert.deepEqual(values(readDocument(stats.path)).nan, ['fff8000000000002']);
  assert.ok(Number.isNaN(nan[0]));
  assert.deepEqual(others, {
    counter: [2n ** 53n],
    float: [0.5],
    gauge: [-3],
    state: ['off'],
    text: ['abc'],
    unknown: [null],
    summary: [{ count: 3, sum: 6, min: 1, max: 3, last: 3 }],
    histogram: [{ sum: 6, counts: [1, 1, 1] }],
  });
});

test('a file grows while it is read', () => {
  const stats = new Writer(fresh(), { app: 'test' });
  const reader = new LiveReader(stats.path);
  const family = stats.counter('hits', { labels: ['n'], limit: 5000 });
  for (let number = 0; number < 2000; number++) {
    family.series(number).inc(number);
    if (number % 100 === 0) assert.equal(reader.poll().families[0].series.length, number + 1);
  }
  const { series } = reader.poll().families[0];
  assert.deepEqual(
    series.map(({ value }) => value),
    Array.from({ length: 2000 }, (_, number) => number),
  );
  reader.close();
  stats.close();
});

test('what is beyond the limit is counted in one series', () => {
  const stats = new Writer(fresh(), { app: 'test' });
  const family = stats.counter('hits', { labels: ['a', 'b'], limit: 2 });
  for (let number = 0; number < 5; number++) family.series(number, 'x').inc();
  stats.close();
  assert.deepEqual(
    readFile(stats.path).families[0].series.map(({ labels, value }) => [...labels, value]),
    [
      ['0', 'x', 1],
      ['1', 'x', 1],
      ['__overflow__', '__overflow__', 3],
    ],
  );
});

test('what cannot be made leaves nothing', () => {
  const wanted = path.join(directory, 'never', 'it.mmstats');
  fs.mkdirSync(path.dirname(wanted));
  assert.throws(() => new Writer(wanted, { app: 'test' }, (stats) => stats.counter('')));
  assert.throws(() => new Writer1(wanted, [{ label: 'text', type: '2s', value: 'long' }]));
  assert.deepEqual(fs.readdirSync(path.dirname(wanted)), []);
});

test('nothing is stored after the end', () => {
  const stats = new Writer(fresh(), { app: 'test' });
  const hits = stats.counter('hits');
  stats.close();
  hits.inc();
  stats.counter('late');
  stats.close();
  assert.deepEqual(values(readFile(stats.path)), { hits: [0] });
});

test('a reader follows its path', () => {
  const wanted = fresh();
  const reader = new LiveReader(wanted);
  assert.throws(() => reader.poll(), { name: 'UnreadableError' });
  for (const app of ['one', 'two']) {
    const stats = new Writer(wanted, { app });
    assert.equal(reader.poll().writer.app, app);
    stats.close();
    fs.unlinkSync(stats.path);
  }
  assert.throws(() => reader.poll(), { name: 'UnreadableError' });
});

test('version 1', () => {
  const stats = new Writer1(fresh(), [
    { label: 'hits', type: 'B', buffered: true },
    { label: 'motto', type: '5s', value: 'good' },
    { label: 'rate', type: 'f', buffered: true, value: 1.5 },
  ]);
  const again = new Writer1(stats.path, []);
  assert.equal(again.path, stats.path.replace(/\.mmstats$/, '-1.mmstats'));
  for (let turn = 0; turn < 257; turn++) stats.field('hits').inc();
  stats.field('motto').set('abcdé');
  stats.field('rate').inc(0.25);
  assert.deepEqual(
    readFile(stats.path).fields.map(({ value }) => value),
    [1, 'abcd', 1.75],
  );
  stats.close();
  stats.field('hits').inc();
  assert.equal(new LiveReader(stats.path).poll().fields[0].value, 1);
});
