#!/usr/bin/env node
// bench DIRECTORY: what an update and a poll cost, in nanoseconds, beside an atomic increment in ordinary memory.
//
// Rule 1: each figure is the best of some runs, each long enough for the clock, after a warm-up.
// Rule 2: the file that is made is removed.

import fs from 'node:fs';
import path from 'node:path';
import { LiveReader, Writer } from '../src/index.mjs';

const RUNS = 5;
const RUN_NS = 100_000_000n;
const BOUNDS = Array.from({ length: 10 }, (_, number) => number + 1);

/** @param {(times: number) => void} repeat does it so many times @returns {number} nanoseconds a time */
function best(repeat) {
  const time = (times) => {
    const start = process.hrtime.bigint();
    repeat(times);
    return process.hrtime.bigint() - start;
  };
  let times = 1; // the doublings are the warm-up
  while (time(times) < RUN_NS) times *= 2;
  let least = Infinity;
  for (let run = 0; run < RUNS; ) {
    const nanoseconds = time(times);
    if (nanoseconds < RUN_NS) {
      times *= 2;
      continue;
    }
    least = Math.min(least, Number(nanoseconds) / times);
    run++;
  }
  return Math.round(least * 10) / 10;
}

/** A file of 100 metrics. */
function hundred(stats) {
  for (let n = 0; n < 60; n++) stats.counter(`counter_${n}`);
  for (let n = 0; n < 20; n++) stats.gauge(`gauge_${n}`);
  for (let n = 0; n < 10; n++) stats.summary(`summary_${n}`);
  for (let n = 0; n < 10; n++) stats.histogram(`histogram_${n}`, BOUNDS);
}

let counter;
let histogram;
const writer = new Writer(path.join(process.argv[2], 'bench-js.mmstats'), { app: 'bench' }, (stats) => {
  hundred(stats);
  counter = stats.counter('counter');
  histogram = stats.histogram('histogram', BOUNDS);
});
const other = new Writer(path.join(process.argv[2], 'bench-js-poll.mmstats'), { app: 'bench' }, hundred);
const reader = new LiveReader(other.path);
const cell = new BigUint64Array(new SharedArrayBuffer(8));

try {
  const figures = {
    atomic: best((times) => {
      for (let n = 0; n < times; n++) Atomics.add(cell, 0, 1n);
    }),
    counter: best((times) => {
      for (let n = 0; n < times; n++) counter.inc();
    }),
    histogram: best((times) => {
      for (let n = 0; n < times; n++) histogram.observe((n % 11) + 0.5);
    }),
    poll: best((times) => {
      for (let n = 0; n < times; n++) reader.poll();
    }),
  };
  console.log(JSON.stringify(figures));
} finally {
  reader.close();
  for (const made of [writer, other]) {
    made.close();
    fs.unlinkSync(made.path);
  }
}
