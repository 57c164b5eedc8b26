#!/usr/bin/env node
// The writer of CONFORMANCE.md: writer SCENARIO FILE.
//
// Rule 1: a writer that cannot be made is an error and leaves nothing; what is refused later is passed over.

import fs from 'node:fs';
import { print } from './lines.mjs';
import { obstacle, prepare } from './scenario.mjs';

const REFUSED = 1;
const CANNOT = 3;

/** @returns {number} the status */
function main([scenarioPath, path]) {
  const scenario = JSON.parse(fs.readFileSync(scenarioPath, 'utf8'));
  const reason = obstacle(scenario.steps);
  if (reason !== undefined) {
    print({ cannot: reason });
    return CANNOT;
  }
  let made;
  try {
    made = prepare(scenario, path);
  } catch (error) {
    print({ error: error.message });
    return REFUSED;
  }
  print({ path: made.path });
  made.run();
  return 0;
}

process.exitCode = main(process.argv.slice(2));
