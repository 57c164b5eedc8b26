// The scenarios of CONFORMANCE.md (P-7 to P-15): values and steps, on the library's writers.
//
// Rule 1: steps become functions before the first runs, and a series is looked up once: a loop does nothing but update.
// Rule 2: what the library refuses is passed over (P-12).

import { FloatBits, Writer, Writer1 } from '../src/index.mjs';
import { print, readLine } from './lines.mjs';

/** What the program cannot do by its nature (P-3), and why. */
const CANNOT = {
  fork: 'Node cannot fork',
  'hand-over': 'no threads of Node that a file could be handed on between',
};

/** @param {object[]} steps @returns {string | undefined} the reason why they cannot be gone through */
export function obstacle(steps) {
  for (const { do: what, steps: inner = [] } of steps) {
    const reason = CANNOT[what] ?? obstacle(inner);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

const floatOf = (digits) => {
  const bits = BigInt(`0x${digits}`);
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  const number = view.getFloat64(0);
  return Number.isNaN(number) ? new FloatBits(bits) : number;
};

const integerOf = (digits) => {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
};

/** Text, or bytes that are none (J-4). */
const textOf = (text) => (typeof text === 'object' ? Buffer.from(text.hex, 'hex') : text);

/**
 * A value of a scenario (P-10), as a function of the turn.
 *
 * @param {unknown} value
 * @param {{type: string, states?: string[], capacity?: number}} target type: integer, float, boolean, state or text
 * @returns {(turn: number) => unknown}
 */
function valueOf(value, { type, states, capacity }) {
  if (value === null) return () => null;
  if (value.turn === undefined) {
    const fixed = { integer: integerOf, float: floatOf, text: textOf }[type]?.(value) ?? value;
    return () => fixed;
  }
  const modulus = Number(value.turn);
  const number = modulus === 0 ? (turn) => turn : (turn) => turn % modulus;
  switch (type) {
    case 'state':
      return (turn) => states[number(turn)];
    case 'boolean':
      return (turn) => number(turn) !== 0;
    case 'text':
      return (turn) => {
        const piece = `${number(turn)} `;
        return piece.repeat(Math.floor(capacity / piece.length));
      };
    default:
      return number;
  }
}

/** What the steps need of a writer of version 2. */
class Scenario2 {
  #families = new Map();

  constructor({ app, host, families }, path) {
    this.writer = new Writer(path, { app, host }, (writer) => {
      for (const family of families) this.#declare(writer, family);
    });
  }

  declare(family) {
    this.#declare(this.writer, family);
  }

  #declare(writer, declared) {
    const family = writer.declare({
      ...declared,
      bounds: declared.bounds.map(floatOf),
      capacity: Number(declared.capacity),
    });
    this.#families.set(declared.name, { family, declared });
  }

  /** @returns {object | undefined} the series */
  find({ name, labels = [] }) {
    return this.#families.get(name)?.family.series(...labels);
  }

  /** What the values of that name are. */
  target({ name, do: what }) {
    const declared = this.#families.get(name)?.declared;
    if (declared === undefined) return undefined;
    const { kind, type, states, capacity } = declared;
    if (what === 'observe') return { type: 'float' };
    if (kind === 'state set') return { type: 'state', states };
    const integer = type === 'unsigned' || type === 'signed';
    return { type: integer ? 'integer' : type, capacity: Number(capacity) };
  }
}

/** What the steps need of a writer of version 1. */
class Scenario1 {
  #types = new Map();

  constructor({ fields }, path) {
    const declarations = fields.map(({ label, type, buffered, value }) => {
      const target = targetOf(type);
      this.#types.set(JSON.stringify(label), target);
      return { label: textOf(label), type, buffered, value: value === undefined ? value : valueOf(value, target)(0) };
    });
    this.writer = new Writer1(path, declarations);
  }

  find({ name }) {
    return this.writer.field(textOf(name));
  }

  target({ name }) {
    return this.#types.get(JSON.stringify(name));
  }
}

function targetOf(signature) {
  if (signature === '?') return { type: 'boolean' };
  if (signature === 'f' || signature === 'd') return { type: 'float' };
  if (signature === 'c') return { type: 'text', capacity: 1 };
  if (signature.endsWith('s')) return { type: 'text', capacity: parseInt(signature, 10) };
  return { type: 'integer' };
}

/** Runs what the library may refuse. */
function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** A step that updates a series: the series is kept from the first time on. */
function updateOf(scenario, step) {
  let series;
  let value;
  const prepare = () => {
    series = attempt(() => scenario.find(step));
    const target = scenario.target(step);
    if (target !== undefined) value = attempt(() => valueOf(step.value, target));
  };
  const { do: method } = step;
  return (turn) => {
    if (series === undefined || value === undefined) prepare();
    if (series !== undefined && value !== undefined) series[method]?.(value(turn));
  };
}

/** @returns {(turn: number) => void} */
function stepOf(scenario, step) {
  switch (step.do) {
    case 'inc':
    case 'set':
    case 'observe':
      return updateOf(scenario, step);
    case 'series':
      return () => attempt(() => scenario.find(step));
    case 'declare':
      return () => attempt(() => scenario.declare(step.family));
    case 'each':
      return () => {
        for (let number = Number(step.from); number <= Number(step.to); number++) {
          const labels = step.labels.map((label) => label.replaceAll('#', String(number)));
          attempt(() => scenario.find({ ...step, labels }));
        }
      };
    case 'loop': {
      const steps = step.steps.map((inner) => stepOf(scenario, inner));
      const times = Number(step.times) || Infinity;
      return () => {
        for (let turn = 1; turn <= times; turn++) {
          for (const inner of steps) inner(turn);
        }
      };
    }
    case 'wait':
      return () => {
        print({ waiting: step.name });
        readLine();
      };
    case 'close':
      return () => scenario.writer.close();
    default:
      throw new Error(`no step ${step.do}`);
  }
}

/**
 * @param {object} scenario as it was read
 * @param {string} path
 * @returns {{path: string, run: () => void}} the path of the file that was made, and the rest
 */
export function prepare(scenario, path) {
  const made = scenario.version === 1 ? new Scenario1(scenario, path) : new Scenario2(scenario, path);
  const steps = scenario.steps.map((step) => stepOf(made, step));
  return {
    path: made.writer.path,
    run() {
      for (const step of steps) step(0);
      made.writer.close();
    },
  };
}
