// What a file says, put together (FORMAT.md 1.4, J-1 and J-6 to J-9).
//
// Rule 1: what the canonical document leaves out is left out here: unpublished buffers, padding, heartbeat, sizes.
// Rule 2: each description is made of new objects; what a caller does to it reaches no reader.

import { COMPATIBLE, HEADER, INCOMPATIBLE, STATE } from './layout.mjs';
import { valueOf } from './parse1.mjs';
import { hex } from './text.mjs';
import { control, viewOf } from './words.mjs';

/** @typedef {import('./leaves.mjs').Leaves} Leaves */

/**
 * J-1.
 *
 * @param {{bytes: Buffer, field: import('./parse1.mjs').Field, confirmed: boolean}[]} fields each with the copy of the
 *   file that its value is in
 * @param {Leaves} leaves
 */
export function describe1(fields, leaves) {
  return {
    version: 1,
    fields: fields.map(({ bytes, field, confirmed }) => {
      const { label, type, buffered } = field;
      return leaves.field(leaves.text(label), type, buffered, valueOf(bytes, field, leaves), confirmed);
    }),
  };
}

/**
 * J-6 and J-7.
 *
 * @param {import('./parse2.mjs').Layout} layout
 * @param {(series: import('./parse2.mjs').Series) => {value: unknown, confirmed: boolean}} look
 * @param {Leaves} leaves
 */
export function describe2(layout, look, leaves) {
  const { header, origin } = layout;
  const view = viewOf(header);
  return {
    version: 2,
    features: [
      ...namesOf(INCOMPATIBLE, header.readUInt32LE(HEADER.INCOMPATIBLE)),
      ...namesOf(COMPATIBLE, header.readUInt32LE(HEADER.COMPATIBLE)),
    ],
    state: control(view, HEADER.STATE) === STATE.CLOSED ? 'closed' : 'live',
    writer: {
      id: idAt(header, HEADER.WRITER_ID),
      app: origin.app,
      host: origin.host,
      created: leaves.unsigned(view, HEADER.CREATED),
      pid: leaves.unsigned(view, HEADER.PID),
      thread: leaves.integer(control(view, HEADER.THREAD_ID)),
      start: leaves.unsigned(view, HEADER.PROCESS_START),
      boot: idAt(header, HEADER.BOOT_ID),
      namespace: leaves.unsigned(view, HEADER.PID_NAMESPACE),
    },
    families: layout.families.map((family) => familyOf(family, look, leaves)),
    folded: layout.folded.map(hex),
  };
}

function familyOf(family, look, leaves) {
  const bounds = [];
  for (let at = 0; at < family.bounds.byteLength; at += 8) bounds.push(leaves.float(family.bounds, at));
  return {
    name: family.name,
    kind: family.kind,
    type: family.type,
    combination: family.combination,
    kept: family.kept,
    unit: family.unit,
    help: family.help,
    labels: [...family.labels],
    bounds,
    states: [...family.states],
    capacity: leaves.integer(family.capacity),
    series: family.series.map((series) => {
      const { value, confirmed } = look(series);
      return leaves.series([...series.labels], value, confirmed);
    }),
  };
}

const namesOf = (names, bits) => names.filter((_, number) => (bits & (1 << number)) !== 0);

const idAt = (header, at) => hex(header.subarray(at, at + HEADER.ID_SIZE));
