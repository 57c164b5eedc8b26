// The numbers of both versions of the format: offsets, sizes, codes and bits.
//
// Rule 1: nothing here does anything; a number of the format stands here and nowhere else.
// Rule 2: a group of numbers is named after its chapter in FORMAT.md.

/** G-1: the first byte of a file. */
export const VERSION_1 = 1;
export const VERSION_2 = 2;

/** 3.16: a file that is larger is refused; a statistics file is small, and a huge sparse one is an attack. */
export const LARGEST_FILE = 32 * 1024 * 1024;
/** 2.7: likewise of version 1, whose fields are small and many. */
export const LARGEST_FILE_1 = 8 * 1024 * 1024;

/** 2.3, 2.4: a field of version 1. */
export const V1 = {
  FIELDS: 1, // V1-3: the offset of the first
  ONE_BUFFER: 255, // V1-6: the index that says so
  LONGEST_LABEL: 65535,
  SMALLEST_PAGE: 4096,
};

/** 3.3: the header. */
export const HEADER = {
  SIZE: 128,
  MAGIC: Buffer.from('\x02MMSTATS', 'latin1'),
  HEADER_SIZE: 8,
  MINOR: 10,
  CRC: 12,
  INCOMPATIBLE: 16,
  COMPATIBLE: 20,
  WRITER_ID: 24,
  CREATED: 40,
  PID: 48,
  PROCESS_START: 56,
  BOOT_ID: 64,
  PID_NAMESPACE: 80,
  CHECKED: 96, // V2-6: the CRC covers what is before
  STATE: 96,
  THREAD_ID: 104,
  HEARTBEAT: 112,
  ID_SIZE: 16,
};

/** V2-9. */
export const STATE = { LIVE: 1, CLOSED: 2 };

/** V2-8: the names of the bits, in the order of the bits. */
export const INCOMPATIBLE = ['archive'];
export const COMPATIBLE = ['record lock', 'write calls', 'unordered', 'no lock'];

/** @param {string[]} names @param {string} name @returns {number} the bit of that name */
export const bit = (names, name) => 1 << names.indexOf(name);

/** 3.4: an extent. */
export const EXTENT = {
  HEAD: 64,
  TAG: Buffer.from('XTNT', 'latin1'),
  CRC: 4,
  SIZE: 8,
  METADATA_CAPACITY: 16,
  VALUES_OFFSET: 24,
  VALUES_CAPACITY: 32,
  CHECKED: 40, // V2-13: the CRC covers what is before
  METADATA_USED: 40,
  NEXT: 48,
  MOST: 32, // V2-16
};

/** 3.5: a record. */
export const RECORD = {
  HEAD: 16,
  TYPE: 4,
  FLAGS: 6,
  CRC: 8,
  SLOT: 12,
  CRITICAL: 1,
};
export const TYPE = { ORIGIN: 1, FAMILY: 2, SERIES: 3, FOLDED: 4 };

/** 3.5: what a FAMILY and a SERIES have behind the record's head; offsets from the record's beginning. */
export const FAMILY = {
  KIND: 16,
  VALUE_TYPE: 17,
  COMBINATION: 18,
  FLAGS: 19,
  LABEL_COUNT: 20,
  PARTS: 22,
  CAPACITY: 24,
  BODY: 32, // where its bounds begin, or its texts
  KEPT: 1,
};
export const SERIES = { FAMILY: 16, BODY: 20 };

/** 3.16: what a length or a count in a record can hold. */
export const LONGEST_TEXT = 65535;
export const MOST_LABELS = 255;
export const MOST_PARTS = 65535;
export const LARGEST_CAPACITY = 1 << 20;

/** 3.16: no file is made larger, since every reader takes this much. */
export const FILE_END = 16 * 1024 * 1024;

/** 3.6: the words for the codes; the code is the place in the list. */
export const TYPES = [undefined, 'unsigned', 'signed', 'float', 'boolean', 'text'];
export const COMBINATIONS = [undefined, 'sum', 'min', 'max', 'last', 'all'];

const numbers = { unsigned: ['all'], signed: ['all'], float: ['all'], boolean: ['all'] };
const anyOf = ['sum', 'min', 'max', 'last', 'all'];

/** 3.6: the kinds by their codes, and which combinations each of their value types may have. */
export const KINDS = [
  undefined,
  { name: 'counter', types: { unsigned: ['sum'], float: ['sum'] } },
  {
    name: 'gauge',
    types: { unsigned: anyOf, signed: anyOf, float: anyOf, boolean: ['min', 'max', 'last', 'all'] },
  },
  { name: 'state set', types: { unsigned: ['all'] } },
  { name: 'text', types: { text: ['all'] } },
  { name: 'summary', types: { float: ['sum'] } },
  { name: 'histogram', types: { float: ['sum'] } },
  { name: 'unknown', types: numbers },
];

/** V2-32: the halves, low and high, of the word that is unset. */
export const UNSET = {
  unsigned: [0xffffffff, 0xffffffff],
  signed: [0, 0x80000000],
  float: [1, 0x7ff80000],
  boolean: [2, 0],
};

/** V2-W14: the label value of the series that counts what is beyond the limit. */
export const OVERFLOW = '__overflow__';
export const DEFAULT_LIMIT = 1000;

/** @param {number} size @returns {number} rounded up to whole words (V2-1) */
export const toWords = (size) => size + (-size & 7);

/**
 * The slot of a family's series (3.7).
 *
 * @param {{kind: string, combination: string, capacity: number, bounds: unknown[]}} family
 * @returns {{latch: boolean, content: number, size: number}} content: the bytes of the word, or of each buffer
 */
export function slotOf({ kind, combination, capacity, bounds }) {
  let content;
  if (kind === 'gauge' && combination === 'last') content = 16;
  else if (kind === 'text') content = 8 + toWords(capacity);
  else if (kind === 'summary') content = 40;
  else if (kind === 'histogram') content = 8 * (bounds.length + 2);
  else return { latch: false, content: 8, size: 8 };
  return { latch: true, content, size: 8 + 2 * content };
}
