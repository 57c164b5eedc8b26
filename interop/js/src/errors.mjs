// What can be wrong with a file.
//
// Rule 1: a malformed file is a FormatError with a code and an offset of FORMAT.md 1.3, and nothing else is one.
// Rule 2: what cannot be read at all is an UnreadableError.

/** A file that breaks a rule of the format. */
export class FormatError extends Error {
  /**
   * @param {string} code one of the list in FORMAT.md 1.3
   * @param {number} offset in the file
   */
  constructor(code, offset) {
    super(`${code} at offset ${offset}`);
    this.name = 'FormatError';
    this.code = code;
    this.offset = offset;
  }
}

/** No file, no regular file, no permission, or a file too large to be one of statistics. */
export class UnreadableError extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = 'UnreadableError';
  }
}
