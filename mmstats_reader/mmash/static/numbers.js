// Numbers as people read them: three digits and a prefix, seconds and bytes in their own multiples.

const PLAIN = [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"]];
const SECONDS = [[1e-9, " ns"], [1e-6, " µs"], [1e-3, " ms"], [1, " s"], [60, " min"], [3600, " h"], [86400, " d"]];
const BYTES = [[1, " B"], [1e3, " kB"], [1e6, " MB"], [1e9, " GB"], [1e12, " TB"]];
const SCALES = new Map([["seconds", SECONDS], ["bytes", BYTES]]);
//: Whole numbers below it are shown to the last digit.
const EXACT = 100_000;

const whole = new Intl.NumberFormat("en");
const steady = new Intl.NumberFormat("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/**
 * A value of the API in words: a number, a boolean, null for unset, or "NaN", "+Inf", "-Inf".
 * `steady` numbers have always three digits, so that columns that change do not jump.
 */
export function readable(value, unit = "", format = steady) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const scale = SCALES.get(unit) ?? PLAIN;
  const size = Math.abs(value);
  if (scale === PLAIN && Number.isInteger(value) && size < EXACT) return whole.format(value);
  const [factor, suffix] = scale.findLast(([least]) => (size || 1) >= least) ?? scale[0];
  const part = value / factor;
  if (factor === 1 && Number.isInteger(value)) return whole.format(value) + suffix;
  const digits = Math.abs(part) < 1e-3 || Math.abs(part) >= 1e6 ? part.toExponential(2) : format.format(part);
  return digits + suffix;
}

/** The same without what a chart's axis does not need. */
export const tick = (value, unit) => readable(value, unit, short);

/** Every digit, for who asks. */
export const exact = (value) => (typeof value === "number" ? String(value) : "");
