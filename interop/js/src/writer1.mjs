// The writer of version 1 (FORMAT.md 2.5).
//
// Rule 1: all fields are there when the file appears; there are no others later.
// Rule 2: of a field with two buffers the value is stored first, then the index that publishes it (V1-W2).
// Rule 3: an update never throws; what is no value of the type is left out. Integers wrap at their width (V1-W3).

import { createFile } from './create.mjs';
import { isFloat, setFloat, setFloat32 } from './float.mjs';
import { V1 } from './layout.mjs';
import { sizeOfType } from './parse1.mjs';
import { Store } from './store.mjs';
import { pageSize } from './system.mjs';
import { cut, encode } from './text.mjs';
import { add, set, viewOf } from './words.mjs';

/**
 * @typedef {object} Declaration
 * @property {string | Uint8Array} label
 * @property {string} type a signature of 2.4
 * @property {boolean} [buffered] whether it has two buffers
 * @property {number | bigint | boolean | string | Uint8Array | import('./float.mjs').FloatBits} [value] where it does
 *   not begin as zeros
 */

const bytesOf = (text) => (typeof text === 'string' ? encode(text) : text);
const isInteger = (value) => typeof value === 'bigint' || Number.isInteger(value);

/** A writer of one file. */
export class Writer1 {
  #store = new Store();
  #fields;

  /**
   * Makes a file, under the name or the next one that is free (V1-W4).
   *
   * @param {string} wanted the path
   * @param {Declaration[]} declarations
   * @throws where one of them is wrong (V1-W8); then there is no file
   */
  constructor(wanted, declarations) {
    const parts = [Buffer.of(1)];
    let size = V1.FIELDS;
    this.#fields = declarations.map((declaration) => {
      const { field, bytes } = fieldOf(this.#store, declaration, size);
      parts.push(bytes);
      size += bytes.length;
      return field;
    });
    const page = pageSize();
    const image = Buffer.alloc(Math.ceil(size / page) * page); // V1-11
    Buffer.concat(parts).copy(image);
    const { fd, path } = createFile(wanted, image);
    this.#store.open(fd);
    /** Where the file is. */
    this.path = path;
  }

  /** @param {string | Uint8Array} label @returns {Field | undefined} the last one of that label (V1-4) */
  field(label) {
    const wanted = Buffer.from(bytesOf(label));
    return this.#fields.findLast((field) => wanted.equals(field.label));
  }

  /** Nothing is stored afterwards. The file stays. */
  close() {
    this.#store.close();
  }
}

function fieldOf(store, { label, type, buffered = false, value }, offset) {
  const name = bytesOf(label);
  if (name.length === 0 || name.length > V1.LONGEST_LABEL) throw new RangeError('a label of 1 to 65535 bytes is needed');
  const size = sizeOfType(type);
  if (size === undefined) throw new RangeError(`no type ${type}`);
  const signature = encode(type);
  const head = Buffer.alloc(2 + name.length + 2 + signature.length + 1);
  head.writeUInt16LE(name.length);
  head.set(name, 2);
  head.writeUInt16LE(signature.length, 2 + name.length);
  head.set(signature, 4 + name.length);
  const field = new Field(store, Buffer.from(name), type, size, buffered, offset + head.length);
  const buffers = Buffer.alloc(buffered ? 2 * size : size);
  if (value !== undefined) {
    if (field.tooLong(value) || !field.change(value)) throw new RangeError(`${label}: no value of the type`);
    field.bytes.copy(buffers); // buffer 0; index 1 then publishes it
  }
  head[head.length - 1] = buffered ? field.begin(value !== undefined) : V1.ONE_BUFFER;
  return { field, bytes: Buffer.concat([head, buffers]) };
}

/** A field of a writer. */
class Field {
  #store;
  #type;
  #size;
  #buffered;
  #buffers;
  #index = Buffer.alloc(1);
  /** The private copy; of an integer all 64 bits, of which the lower ones are stored: so it wraps. */
  #value;
  #view;

  constructor(store, label, type, size, buffered, buffers) {
    this.label = label;
    this.#store = store;
    this.#type = type;
    this.#size = size;
    this.#buffered = buffered;
    this.#buffers = buffers;
    this.#value = Buffer.alloc(Math.max(size, 8));
    this.#view = viewOf(this.#value);
  }

  /** What is stored. */
  get bytes() {
    return this.#value.subarray(0, this.#size);
  }

  /** @param {boolean} valued whether buffer 0 has a value already @returns {number} the first index (V1-W1) */
  begin(valued) {
    this.#index[0] = valued ? 1 : 0;
    return this.#index[0];
  }

  /** Whether it is text that its buffer cannot hold. */
  tooLong(value) {
    return (typeof value === 'string' || value instanceof Uint8Array) && bytesOf(value).length > this.#size;
  }

  /** @param {Declaration['value']} value @returns {void} */
  set(value) {
    this.#update(() => this.change(value));
  }

  /** @param {number | bigint} [amount] may be negative */
  inc(amount = 1) {
    this.#update(() => this.#add(amount));
  }

  #update(change) {
    const before = Buffer.from(this.#value);
    if (change() && !this.#publish()) before.copy(this.#value);
  }

  /** V1-W2. */
  #publish() {
    if (!this.#buffered) return this.#store.bytes(this.bytes, this.#buffers);
    const index = this.#index[0];
    if (!this.#store.bytes(this.bytes, this.#buffers + index * this.#size)) return false;
    this.#index[0] = 1 - index;
    if (this.#store.bytes(this.#index, this.#buffers - 1)) return true;
    this.#index[0] = index;
    return false;
  }

  /** Changes the private copy. @returns {boolean} whether it is a value of the type */
  change(value) {
    switch (this.#type) {
      case '?':
        if (typeof value !== 'boolean') return false;
        this.#value[0] = value ? 1 : 0;
        return true;
      case 'f':
      case 'd':
        if (!isFloat(value)) return false;
        (this.#type === 'f' ? setFloat32 : setFloat)(this.#view, 0, value);
        return true;
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'i':
      case 'I':
      case 'l':
      case 'L':
      case 'q':
      case 'Q':
        if (!isInteger(value)) return false;
        set(this.#view, 0, value);
        return true;
      default:
        if (typeof value !== 'string' && !(value instanceof Uint8Array)) return false;
        this.#value.fill(0); // V1-12
        this.#value.set(cut(bytesOf(value), this.#size));
        return true;
    }
  }

  #add(amount) {
    if (this.#type === '?' || this.#type === 'c' || this.#type.endsWith('s')) return false;
    if (this.#type === 'f' || this.#type === 'd') {
      if (typeof amount !== 'number') return false;
      const sum = this.#type === 'f' ? this.#view.getFloat32(0, true) : this.#view.getFloat64(0, true);
      return this.change(sum + amount);
    }
    if (!isInteger(amount)) return false;
    add(this.#view, 0, amount);
    return true;
  }
}
