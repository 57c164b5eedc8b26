// The page of charts: what was chosen, the stream of it, and a card for each metric or each unit.
//
// Rule 1: what the page shows is in its address: metrics, window, interval, grouping.
// Rule 2: while it is paused, or not seen, what comes is kept; it is drawn later.

import { makeCard } from "./card.js";
import { arrange, byId, element, setHidden, setText, shown } from "./dom.js";
import { isDrawn, linesOf, receive } from "./lines.js";
import { follow } from "./stream.js";

//: Metrics that are shown where none was chosen.
const MOST_UNCHOSEN = 12;
const LOOK_AGAIN_MS = 5000;
const PATIENCE_MS = 10_000;
//: A line is drawn through what is missing for fewer intervals than this.
const GAP = 2.5;

const CHOICES = ["window", "interval", "grouping"];
const controls = Object.fromEntries(CHOICES.map((name) => [name, byId(name)]));

let chosen = [];
//: Families that are drawn, by name.
let families = new Map();
//: What is known of each series that the stream has named: its lines.
const series = new Map();
const cards = new Map();
let stop = () => {};
let followed = "";
let looking;
let paused = false;
let newest = 0;
let drawnAt = 0;

function readAddress() {
  const parameters = new URLSearchParams(location.search);
  chosen = [...new Set(parameters.getAll("metric"))];
  for (const [name, control] of Object.entries(controls)) {
    if ([...control.options].some(({ value }) => value === parameters.get(name))) control.value = parameters.get(name);
  }
}

function writeAddress() {
  const parameters = new URLSearchParams(chosen.map((name) => ["metric", name]));
  for (const [name, control] of Object.entries(controls)) {
    if (control.selectedIndex) parameters.set(name, control.value);
  }
  history.replaceState(null, "", parameters.size ? `?${parameters}` : location.pathname);
  document.title = `${chosen.length ? shown(chosen.join(", ")) : "Charts"} – mmash`;
}

/** Learn what there is, and follow it; again as long as something is missing. */
async function look() {
  clearTimeout(looking);
  let missing = true;
  try {
    const answer = await fetch("../api/v2/families");
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    missing = take(await answer.json());
  } catch {
    // The stream tells of a server that is away.
  }
  clearTimeout(looking);
  if (missing) looking = setTimeout(look, LOOK_AGAIN_MS);
}

function take({ families: all, looked }) {
  const drawable = all.filter(isDrawn);
  arrange(byId("names"), drawable.map(({ name }) => element("option", { value: name })));
  setHidden(byId("empty"), all.length > 0);
  setText(byId("looked"), shown(looked ?? ""));
  const shownFamilies = chosen.length
    ? chosen.flatMap((name) => all.find((family) => family.name === name) ?? [])
    : drawable.slice(0, MOST_UNCHOSEN);
  families = new Map(shownFamilies.filter(isDrawn).map((family) => [family.name, family]));
  tell(all, drawable.length);
  open();
  return chosen.length ? shownFamilies.length < chosen.length : drawable.length < MOST_UNCHOSEN;
}

function tell(all, drawable) {
  const said = chosen.flatMap((name) => {
    const family = all.find((one) => one.name === name);
    if (!family) return `Nothing publishes “${shown(name)}” now; its chart begins when something does.`;
    if (isDrawn(family)) return [];
    return `“${shown(name)}” is ${family.kind} and has no chart; the page of metrics has it.`;
  });
  if (!chosen.length && drawable > MOST_UNCHOSEN) {
    said.push(`The first ${MOST_UNCHOSEN} of ${drawable} metrics. Add those that you want to see instead.`);
  }
  setText(byId("notice"), said.join(" "));
  setHidden(byId("notice"), said.length === 0);
}

/** Follow the families, unless they are followed already. */
function open() {
  const parameters = new URLSearchParams([...families.keys()].map((name) => ["metric", name]));
  parameters.set("interval", controls.interval.value);
  const url = `../api/v2/stream?${parameters}`;
  if (!families.size) say("still", "waiting for metrics");
  if (!families.size || url === followed) return;
  stop();
  followed = url;
  stop = follow(url, 3000 * Number(controls.interval.value) + PATIENCE_MS, received, () => {
    say("bad", "connection lost, trying again");
  });
}

function received(event) {
  if (event.error) {
    say("bad", event.error);
    return;
  }
  const names = Object.keys(event.metrics);
  const unknown = names.filter((name) => !series.has(name));
  for (const name of inOrder(unknown, event.metrics)) introduce(name);
  const gap = GAP * Number(controls.interval.value);
  for (const name of names) {
    for (const line of series.get(name) ?? []) {
      line.gap = Math.max(line.gap ?? 0, gap);
      receive(line, event.metrics[name], event.time);
    }
  }
  newest = event.time;
  const { live, dead, unknown: unclear } = event.processes;
  const counts = [[live, "live"], [dead, "dead"], [unclear, "unknown"]].filter(([number]) => number);
  const processes = counts.map(([number, state]) => `${number} ${state}`).join(", ");
  say(paused ? "still" : "good", `${paused ? "paused" : "live"}${processes ? ` · processes: ${processes}` : ""}`);
  if (!paused && !document.hidden) draw();
}

/** Series that are new, in the order of their families, those with most first. */
function inOrder(names, metrics) {
  const order = [...families.keys()];
  const ranked = names.map((name) => {
    const { value, count } = metrics[name];
    return { name, family: order.indexOf(familyOf(name)?.name), weight: Number(value ?? count) || 0 };
  });
  return ranked.sort((a, b) => a.family - b.family || b.weight - a.weight).map(({ name }) => name);
}

function familyOf(name) {
  return families.get(name) ?? families.get(name.slice(0, name.indexOf("{")));
}

function introduce(name) {
  const family = familyOf(name);
  if (!family) return;
  const lines = linesOf(family, name);
  series.set(name, lines);
  for (const line of lines) place(line);
}

/** Put a line into the card where it belongs. */
function place(line) {
  const together = controls.grouping.value === "unit";
  const { name, help } = line.family;
  const key = together ? line.axis.id : `${name} ${line.axis.id}`;
  let card = cards.get(key);
  if (!card) {
    const title = together ? line.axis.title || (line.axis.steps ? name : "values") : name;
    const label = ({ family, label: own }) => (together ? `${family.name} ${own}`.trim() : own || family.name);
    card = makeCard(line.axis, title, together ? "" : help, label);
    cards.set(key, card);
    byId("charts").append(card.element);
  }
  card.add(line);
}

function rearrange() {
  for (const card of cards.values()) card.remove();
  cards.clear();
  for (const [name, lines] of series) {
    if (familyOf(name)) for (const line of lines) place(line);
    else series.delete(name);
  }
  redraw();
}

function draw() {
  drawnAt = newest;
  redraw();
}

/** Show the window again; what was not heard of in it is gone, from its card too. */
function redraw() {
  const seconds = 60 * Number(controls.window.value);
  for (const [name, [line]] of series) if (line.seen < drawnAt - seconds) series.delete(name);
  for (const card of cards.values()) card.draw(drawnAt, seconds);
}

function say(state, text) {
  const [dot, words] = byId("state").children;
  dot.className = `dot ${state}`;
  setText(words, shown(text));
}

function choose(names) {
  chosen = names;
  writeAddress();
  arrange(byId("chosen"), chosen.map(chip));
  for (const name of families.keys()) if (chosen.length && !chosen.includes(name)) families.delete(name);
  rearrange();
  look();
}

function chip(name) {
  const button = element("button", { type: "button", title: "Remove", textContent: "×" });
  button.setAttribute("aria-label", `Remove ${shown(name)}`);
  button.addEventListener("click", () => {
    choose(chosen.filter((other) => other !== name));
    byId("name").focus();
  });
  return element("li", {}, element("span", { className: "name", textContent: shown(name) }), button);
}

byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("name").value.trim();
  byId("name").value = "";
  if (name && !chosen.includes(name)) choose([...chosen, name]);
});
byId("pause").addEventListener("click", () => {
  paused = !paused;
  setText(byId("pause"), paused ? "Resume" : "Pause");
  say(paused ? "still" : "good", paused ? "paused" : "live");
  if (!paused) draw();
});
controls.window.addEventListener("change", () => {
  writeAddress();
  redraw();
});
controls.interval.addEventListener("change", () => {
  writeAddress();
  open();
});
controls.grouping.addEventListener("change", () => {
  writeAddress();
  rearrange();
});
document.addEventListener("theme", redraw);
document.addEventListener("visibilitychange", () => {
  if (!paused && !document.hidden) draw();
});

readAddress();
arrange(byId("chosen"), chosen.map(chip));
writeAddress();
look();
