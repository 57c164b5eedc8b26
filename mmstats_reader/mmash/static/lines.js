// What of a metric is drawn, by its kind; and what was received of each line so far.
//
// A line is one number of one series that changes in time: {key, label, family, what, axis, times, values, latest,
// total, seen}. Times are Unix seconds by the server's clock. What is unset, or no finite number, is left out, and the
// line has a gap there.

//: The longest window, in seconds; what is older is forgotten.
export const LONGEST = 3600;

const VALUE = [{ what: "value" }];
const KINDS = {
  counter: [{ what: "rate", total: "value" }],
  gauge: VALUE,
  unknown: VALUE,
  "state set": [{ what: "state" }],
  summary: [{ what: "mean", named: true }, { what: "rate", total: "count" }],
  histogram: [
    { what: "p50", named: true },
    { what: "p90", named: true },
    { what: "p99", named: true },
    { what: "mean", named: true, aside: true },
    { what: "rate", total: "count" },
  ],
};

const PAIR = /([^=]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gs;

/** Whether there is anything to draw of a family. */
export const isDrawn = (family) => family.kind in KINDS;

/** The lines of a series that was not there before. */
export function linesOf(family, name) {
  const labels = labelsOf(name.slice(family.name.length + 1, -1));
  return KINDS[family.kind].map(({ what, total, named = false, aside = false }) => ({
    key: `${name} ${what}`,
    label: [named ? what : "", labels].filter(Boolean).join(" "),
    family,
    what,
    aside,
    axis: axisOf(family, what),
    totalOf: total,
    total: null,
    times: [],
    values: [],
    latest: null,
    seen: 0,
  }));
}

/** Labels as they are read: `method=GET status=200`; what has another form stays as it is. */
function labelsOf(text) {
  const pairs = [...text.matchAll(PAIR)];
  if (pairs.map(([whole]) => whole).join("") !== text) return text;
  return pairs.map(([, label, value]) => `${label}=${value.replace(/\\(.)/gs, "$1")}`).join(" ");
}

/** Lines of equal axes can be drawn together. */
function axisOf(family, what) {
  if (what === "state") return { id: `state ${family.name}`, title: "", unit: "", steps: family.states };
  if (family.type === "boolean") return { id: "boolean", title: "", unit: "", steps: ["false", "true"] };
  const unit = family.unit;
  if (what !== "rate") return { id: `value ${unit}`, title: unit, unit };
  // How many there are of something that has a unit is a number without one.
  const of = family.kind === "counter" ? unit : "";
  return { id: `rate ${of}`, title: of ? `${of} per second` : "per second", unit: of };
}

/** Take a line's part of a sample. */
export function receive(line, sample, time) {
  const value = sample[line.what];
  line.latest = value ?? null;
  line.total = line.totalOf ? sample[line.totalOf] : null;
  line.seen = time;
  const number = line.axis.steps ? line.axis.steps.indexOf(String(value)) : value;
  if (typeof number !== "number" || number < 0 && line.axis.steps) return;
  line.times.push(time);
  line.values.push(number);
  if (line.times[0] < time - 1.1 * LONGEST) {
    const old = firstFrom(line.times, time - LONGEST);
    line.times.splice(0, old);
    line.values.splice(0, old);
  }
}

/** The place of the first time that is not before this one. */
export function firstFrom(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
