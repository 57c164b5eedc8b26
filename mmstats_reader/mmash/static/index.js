// The page of metrics: all families with their values now, searched; and who publishes them.
//
// Rule 1: a row stays the same element from answer to answer, so that focus, selection and what is open stay.
// Rule 2: the search is in the page's address.

import { arrange, byId, counted, element, setHidden, setText, shown } from "./dom.js";
import { isDrawn } from "./lines.js";
import { exact, readable } from "./numbers.js";

const REFRESH_MS = 2000;
//: The server is asked so seldom that it works for a tenth of the time at most.
const REST = 9;
const MOST_SERIES = 200;
const MOST_PROBLEMS = 50;
const LONGEST_TEXT = 1000;

//: By name, of metrics; by path, of processes.
const metrics = new Map();
const processes = new Map();
const selected = new Set();
let families = [];
let words = [];
let answered = "";

async function refresh() {
  const began = performance.now();
  if (!document.hidden) {
    try {
      const [known, running] = await Promise.all([ask("api/v2/families"), ask("api/v2/processes")]);
      answered = new Date().toLocaleTimeString("en-GB");
      families = known.families;
      setHidden(byId("lost"), true);
      setHidden(byId("empty"), families.length > 0);
      setText(byId("looked"), shown(known.looked ?? ""));
      showProblems(known);
      showMetrics();
      showProcesses(running.processes);
    } catch (error) {
      const since = answered ? ` What is shown is from ${answered}.` : "";
      setText(byId("lost"), `${shown(error.message)}; trying again.${since}`);
      setHidden(byId("lost"), false);
    }
  }
  setTimeout(refresh, Math.max(REFRESH_MS, REST * (performance.now() - began)));
}

async function ask(path) {
  const answer = await fetch(path).catch(() => {
    throw new Error("mmash does not answer");
  });
  if (answer.ok) return answer.json();
  const { error } = await answer.json().catch(() => ({}));
  throw new Error(`mmash answers ${answer.status}${error ? `: ${error}` : ""}`);
}

function showProblems({ errors, conflicts, complete }) {
  const said = [...errors.map(({ path, error }) => `${path}: ${error}`), ...conflicts];
  if (!complete) said.push("Archives changed all the while; these totals are older ones.");
  const more = said.length - MOST_PROBLEMS;
  if (more > 0) said.splice(MOST_PROBLEMS, more, `and ${more} more`);
  const list = byId("problems").querySelector("ul");
  const items = [...list.children];
  while (items.length < said.length) items.push(element("li"));
  said.forEach((text, at) => setText(items[at], shown(text)));
  arrange(list, items.slice(0, said.length));
  setHidden(byId("problems"), said.length === 0);
}

/** Show the families that match the search, each with the series that do. */
function showMetrics() {
  const elements = [];
  const here = new Set();
  let found = 0;
  for (const family of families) {
    here.add(family.name);
    const series = matching(family);
    if (!series) continue;
    found += 1;
    let row = metrics.get(family.name);
    if (!row) metrics.set(family.name, (row = metricRow(family)));
    elements.push(...row.update(family, series));
  }
  for (const name of metrics.keys()) {
    if (here.has(name)) continue;
    metrics.delete(name);
    selected.delete(name);
  }
  const table = byId("metrics").querySelector("table");
  arrange(table.tBodies[0], elements);
  setHidden(table, found === 0);
  setHidden(byId("none"), found > 0 || families.length === 0);
  const all = counted(families.length, "metric");
  setText(byId("count"), words.length ? `${found.toLocaleString("en")} of ${all}` : all);
  showSelection();
}

/** The series that the search means: all where it finds the family itself, none at all where it finds nothing. */
function matching({ name, kind, unit, help, series }) {
  const about = `${name} ${kind} ${unit} ${help}`.toLowerCase();
  const rest = words.filter((word) => !about.includes(word));
  if (!rest.length) return series;
  const found = series.filter(({ labels, value }) => {
    const text = `${Object.entries(labels).flat().join(" ")} ${typeof value === "string" ? value : ""}`.toLowerCase();
    return rest.every((word) => text.includes(word));
  });
  return found.length ? found : null;
}

/** The table's rows of a family: one, and one more for each of its series where they are open. */
function metricRow({ name, kind }) {
  const drawn = isDrawn({ kind });
  const cell = (className) => element("td", { role: "cell", className });
  const box = element("input", { type: "checkbox", checked: selected.has(name) });
  box.setAttribute("aria-label", `Select ${shown(name)}`);
  box.addEventListener("change", () => {
    selected[box.checked ? "add" : "delete"](name);
    showSelection();
  });
  const title = drawn ? element("a", { href: address([name]) }) : element("span");
  title.className = "name";
  title.textContent = shown(name);
  const heading = element("th", { role: "rowheader", scope: "row" }, title);
  const [check, kinds, units, values, helps] = ["check", "kind", "unit", "value", "help"].map(cell);
  if (drawn) check.append(box);
  const value = element("span");
  const toggle = element("button", { type: "button", className: "toggle" });
  values.append(toggle, value);
  const row = element("tr", { role: "row", className: "family" }, check, heading, kinds, units, values, helps);

  const lines = new Map();
  let current;
  let open;
  toggle.addEventListener("click", () => {
    open = !open;
    showMetrics();
  });

  function update(family, series) {
    current = family;
    open ??= !drawn || family.kind === "state set";
    const many = family.labels.length > 0 || family.series.length > 1;
    setText(kinds, shown(family.kind));
    setText(units, shown(family.unit));
    setText(helps, shown(family.help));
    setHidden(toggle, !many || !family.series.length);
    if (many && family.series.length) {
      const count = series.length < family.series.length ? `${series.length} of ` : "";
      setText(toggle, `${count}${counted(family.series.length, "series", "series")}`);
      toggle.setAttribute("aria-expanded", open);
      toggle.setAttribute("aria-label", `${toggle.textContent} of ${shown(name)}`);
      show(values, value, family, { value: sum(family) }, "");
    } else {
      show(values, value, family, family.series[0] ?? { value: null });
    }
    if (!many || !open) {
      lines.clear();
      return [row];
    }
    const rows = series.slice(0, MOST_SERIES).map((one) => seriesRow(one));
    if (series.length > MOST_SERIES) rows.push(moreRow(series.length - MOST_SERIES));
    return [row, ...rows];
  }

  function seriesRow({ name: full, labels, ...rest }) {
    let line = lines.get(full);
    if (!line) {
      const pairs = Object.entries(labels).map(([label, of]) => `${label}=${of}`);
      const text = element("span", { className: "name", textContent: shown(pairs.join(" ") || full) });
      const number = cell("value");
      const content = element("span");
      number.append(content);
      const label = element("th", { role: "rowheader", scope: "row", colSpan: 3 }, text);
      const part = element("tr", { role: "row", className: "series" }, cell("check"), label, number, cell("help"));
      lines.set(full, (line = { part, number, content }));
    }
    show(line.number, line.content, current, rest);
    return line.part;
  }

  function moreRow(number) {
    const text = `and ${number.toLocaleString("en")} more; search for some of them`;
    const label = element("td", { role: "cell", colSpan: 5, className: "more", textContent: text });
    return element("tr", { role: "row", className: "series" }, cell("check"), label);
  }

  return { update, box };
}

/** Put a series' value into its cell. */
function show(cell, content, { kind, unit }, { value, unconfirmed = false }, unset = "unset") {
  const text = typeof value === "string" && (kind === "text" || kind === "state set");
  cell.classList.toggle("text", text && kind === "text");
  cell.classList.toggle("unset", value === null);
  cell.classList.toggle("unconfirmed", unconfirmed);
  setText(content, value === null ? unset : text ? shown(cut(value)) : worded(value, unit));
  content.title = unconfirmed ? "not confirmed: the writer may have been storing it" : exact(value);
}

function worded(value, unit) {
  if (typeof value !== "object") return readable(value, unit);
  if (!value.count) return "none observed";
  const mean = typeof value.sum === "number" ? value.sum / value.count : value.sum;
  return `mean ${readable(mean, unit)} of ${readable(value.count)}`;
}

function cut(text) {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** All series together, where that is what their combination says. */
function sum({ combination, series }) {
  const numbers = series.map(({ value }) => value).filter((value) => typeof value === "number");
  return combination === "sum" && numbers.length ? numbers.reduce((a, b) => a + b) : null;
}

function address(names, grouping) {
  const parameters = new URLSearchParams(names.map((name) => ["metric", name]));
  if (grouping) parameters.set("grouping", grouping);
  return `graph/?${parameters}`;
}

function showSelection() {
  const names = [...selected];
  setHidden(byId("selection"), names.length === 0);
  setText(byId("selected"), `${counted(names.length, "metric")} selected`);
  byId("together").href = address(names, "unit");
  byId("apart").href = address(names);
}

function showProcesses(all) {
  const table = byId("processes").querySelector("table");
  const here = new Set(all.map(({ path }) => path));
  for (const path of processes.keys()) if (!here.has(path)) processes.delete(path);
  arrange(table.tBodies[0], all.map(processRow));
  const states = ["live", "dead", "unknown"].map((state) => [all.filter((one) => one.state === state).length, state]);
  const counts = states.filter(([number]) => number);
  const said = counts.map(([number, state]) => `${number.toLocaleString("en")} ${state}`);
  setText(byId("processes").querySelector("small"), said.join(", "));
  setHidden(byId("processes"), all.length === 0);
}

function processRow({ path, app, host, pid, thread, version, state, reason, created }) {
  let known = processes.get(path);
  if (!known) {
    const cell = (className) => element("td", { role: "cell", className });
    const names = ["state", "app", "pid number", "thread number", "host", "since", "path"];
    const cells = names.map(cell);
    const dot = element("span", { className: "dot" });
    const word = element("span");
    const why = element("small");
    cells[0].append(dot, word, " ", why);
    known = { row: element("tr", { role: "row" }, ...cells), dot, word, why, cells };
    processes.set(path, known);
  }
  const { row, dot, word, why, cells } = known;
  dot.className = `dot ${{ live: "good", dead: "bad" }[state] ?? "still"}`;
  setText(word, shown(state));
  setText(why, shown(reason));
  const age = created ? Date.now() / 1000 - created / 1e9 : null;
  const said = [app, pid, thread, host].map((one) => String(one || "–"));
  [...said, readable(age, "seconds"), path].forEach((text, at) => setText(cells[at + 1], shown(text)));
  cells[5].title = created ? new Date(created / 1e6).toLocaleString() : "";
  cells[6].title = `version ${version}`;
  return row;
}

function readSearch() {
  words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
}

byId("search").value = new URLSearchParams(location.search).get("q") ?? "";
readSearch();
byId("search").addEventListener("input", () => {
  readSearch();
  const typed = byId("search").value.trim();
  history.replaceState(null, "", typed ? `?${new URLSearchParams({ q: typed })}` : location.pathname);
  showMetrics();
});
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("clear").addEventListener("click", () => {
  byId("search").value = "";
  byId("search").dispatchEvent(new Event("input"));
  byId("search").focus();
});
byId("unselect").addEventListener("click", () => {
  selected.clear();
  for (const { box } of metrics.values()) box.checked = false;
  showSelection();
  byId("search").focus();
});
refresh();
