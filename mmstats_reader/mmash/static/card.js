// A chart of lines with one axis, and beside it a table of their numbers, which is its legend too.
//
// Rule: nothing moves by itself; what is shown is the window that ends at the time `draw` was called with.

import { arrange, counted, element, setHidden, setText, shown } from "./dom.js";
import { firstFrom } from "./lines.js";
import { exact, readable, tick } from "./numbers.js";

//: As many colours as can be told apart, each solid and dashed; style.css has them.
const COLOURS = 6;
const MOST_DRAWN = 2 * COLOURS;
const MOST_LISTED = 200;
const TICKS = 6;

/** A card without lines. `help` may be empty; `label` gives a line's name in it. */
export function makeCard(axis, title, help, label) {
  const canvas = element("canvas", { role: "img" });
  canvas.setAttribute("aria-label", `Chart of ${shown(title)}; its numbers are in the table`);
  const body = element("tbody");
  const head = element("tr", {}, element("th", { scope: "col", textContent: "Line" }));
  const columns = axis.steps ? ["Now"] : ["Now", "Min", "Max"];
  const column = (name) => element("th", { scope: "col", className: "number", textContent: name });
  head.append(...columns.map(column));
  const more = element("p", { className: "more", hidden: true });
  const caption = element("caption", { className: "unseen", textContent: `Numbers of ${shown(title)}` });
  const table = element("table", {}, caption, element("thead", {}, head), body);
  const list = element("div", { className: "lines", tabIndex: 0, role: "region" }, table);
  list.setAttribute("aria-label", `Numbers of ${shown(title)}`);
  const heading = element("h2", {}, element("span", { className: "name", textContent: shown(title) }));
  if (axis.title && axis.title !== title) heading.append(" ", element("small", { textContent: shown(axis.title) }));
  const card = element("article", { className: "card" }, heading);
  if (help) card.append(element("p", { className: "help", textContent: shown(help) }));
  card.append(element("div", { className: "plot" }, canvas), list, more);

  const rows = new Map();
  const slots = new Array(MOST_DRAWN).fill(null);
  let unlisted = 0;
  let totals = false;
  let chart = null;
  let visible = false;
  let time = 0;
  let seconds = 60;

  const observer = new IntersectionObserver((entries) => {
    visible = entries.at(-1).isIntersecting;
    if (visible) paint();
  });
  observer.observe(card);

  function add(line) {
    if (rows.size === MOST_LISTED) {
      unlisted += 1;
      return;
    }
    if (line.totalOf && !totals) {
      totals = true;
      head.append(column("Total"));
    }
    const box = element("input", { type: "checkbox" });
    const swatch = element("span", { className: "swatch" });
    const text = element("span", { className: "name", textContent: shown(label(line)) });
    const cells = Array.from(head.cells).slice(1).map(() => element("td", { className: "number" }));
    const row = element("tr", {}, element("th", { scope: "row" }, element("label", {}, box, swatch, text)), ...cells);
    rows.set(line, { row, box, swatch, cells });
    box.addEventListener("change", () => {
      give(line, box.checked);
      paint();
    });
    give(line, !line.aside);
  }

  /** Draw a line or not, as far as there is a colour left. */
  function give(line, wanted) {
    const { box, swatch } = rows.get(line);
    let slot = slots.indexOf(line);
    if (slot >= 0 && !wanted) slots[slot] = null;
    if (slot < 0 && wanted) {
      slot = slots.indexOf(null);
      if (slot >= 0) slots[slot] = line;
    }
    const drawn = slots.includes(line);
    box.checked = drawn;
    swatch.className = drawn ? `swatch line-${slot % COLOURS}${slot < COLOURS ? "" : " dashed"}` : "swatch";
  }

  function drop(line) {
    slots[slots.indexOf(line)] = null;
    rows.get(line).row.remove();
    rows.delete(line);
  }

  function paint() {
    const from = time - seconds;
    arrange(body, [...rows.values()].map(({ row }) => row));
    let least = Infinity;
    let most = -Infinity;
    let fromZero = false;
    const datasets = [];
    for (const [line, { cells, box, swatch }] of rows) {
      const first = firstFrom(line.times, from);
      const end = firstFrom(line.times, time + 1e-6);
      let low = Infinity;
      let high = -Infinity;
      for (let at = first; at < end; at += 1) {
        low = Math.min(low, line.values[at]);
        high = Math.max(high, line.values[at]);
      }
      const last = line.times[end - 1] === time ? line.values[end - 1] : null;
      say(cells[0], line.seen === time ? line.latest : last);
      if (!axis.steps) {
        say(cells[1], end > first ? low : null);
        say(cells[2], end > first ? high : null);
      }
      if (totals && line.seen === time) say(cells.at(-1), line.total);
      const full = !slots.includes(null) && !box.checked;
      if (box.disabled !== full) box.disabled = full;
      if (!box.checked) continue;
      fromZero ||= line.what !== "value";
      least = Math.min(least, low);
      most = Math.max(most, high);
      datasets.push(() => dataset(line, first, end, swatch));
    }
    note(datasets.length);
    // Where zero would make a flat line of what moves, a value's axis begins elsewhere.
    fromZero ||= !(least < most && most - least < Math.max(Math.abs(least), Math.abs(most)) / 10);
    if (visible) plot(datasets, from, fromZero);
  }

  function say(cell, value) {
    const state = axis.steps && typeof value === "number" ? axis.steps[value] : value;
    setText(cell, shown(readable(state, axis.unit)));
    cell.title = exact(value);
  }

  function note(drawn) {
    const all = rows.size + unlisted;
    const wanted = [...rows.keys()].filter((line) => !line.aside).length + unlisted;
    setHidden(more, wanted <= MOST_DRAWN);
    const listed = unlisted ? ` The table lists the ${counted(rows.size, "line")} that had most when this began.` : "";
    setText(more, `${drawn} of ${counted(all, "line")} are drawn: untick one to draw another.${listed}`);
  }

  function dataset(line, first, end, swatch) {
    const gap = line.gap;
    const data = [];
    let radius = 0;
    for (let at = first; at < end; at += 1) data.push({ x: line.times[at], y: line.values[at] });
    // A point that has no neighbour would not be seen.
    const alone = data.map(({ x }, at) => !(x - data[at - 1]?.x <= gap || data[at + 1]?.x - x <= gap));
    if (alone.includes(true)) radius = alone.map((lonely) => (lonely ? 2 : 0));
    const colour = getComputedStyle(swatch).color;
    return {
      label: shown(label(line)),
      data,
      spanGaps: gap,
      pointRadius: radius,
      borderColor: colour,
      backgroundColor: colour,
      borderDash: swatch.classList.contains("dashed") ? [6, 4] : [],
      stepped: Boolean(axis.steps),
    };
  }

  function plot(datasets, from, fromZero) {
    chart ??= new Chart(canvas, options(axis));
    const { color: text, borderTopColor: grid } = getComputedStyle(card);
    const { x, y } = chart.options.scales;
    x.min = from;
    x.max = time;
    for (const scale of [x, y]) {
      scale.ticks.color = text;
      scale.grid.color = grid;
    }
    y.title.color = text;
    if (!axis.steps) y.beginAtZero = fromZero;
    chart.data.datasets = datasets.map((make) => make());
    chart.update("none");
  }

  return {
    element: card,
    add,
    /** Show the `length` seconds before a time. */
    draw(now, length) {
      [time, seconds] = [now, length];
      for (const line of [...rows.keys()]) if (line.seen < time - seconds) drop(line);
      paint();
    },
    /** Take it away. */
    remove() {
      observer.disconnect();
      chart?.destroy();
      card.remove();
    },
  };
}

function options(axis) {
  const font = { family: getComputedStyle(document.body).fontFamily };
  const y = {
    grid: { drawTicks: false },
    border: { display: false },
    title: { display: Boolean(axis.title), text: shown(axis.title), font },
    ticks: { font, padding: 6, maxTicksLimit: 6, callback: (value) => tick(value, axis.unit) },
  };
  if (axis.steps) {
    Object.assign(y, { min: -0.25, max: axis.steps.length - 0.75 });
    y.afterBuildTicks = (scale) => {
      scale.ticks = axis.steps.map((_, value) => ({ value }));
    };
    Object.assign(y.ticks, { callback: (value) => shown(axis.steps[value] ?? ""), autoSkip: axis.steps.length > 8 });
  }
  return {
    type: "line",
    data: { datasets: [] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      parsing: false,
      normalized: true,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      elements: { line: { borderWidth: 2 }, point: { hitRadius: 0, hoverRadius: 3 } },
      plugins: {
        legend: { display: false },
        tooltip: {
          titleFont: font,
          bodyFont: font,
          callbacks: {
            title: ([item]) => (item ? clock(item.parsed.x, 1) : ""),
            label: ({ dataset, parsed }) => {
              const value = axis.steps ? shown(axis.steps[parsed.y] ?? "") : readable(parsed.y, axis.unit);
              return `${dataset.label}: ${value}`;
            },
          },
        },
      },
      scales: {
        x: {
          type: "linear",
          grid: { drawTicks: false },
          border: { display: false },
          afterBuildTicks(scale) {
            const step = (scale.max - scale.min) / TICKS;
            const first = Math.ceil(scale.min / step) * step;
            const ticks = Array.from({ length: TICKS + 1 }, (_, at) => ({ value: first + at * step }));
            scale.ticks = ticks.filter(({ value }) => value <= scale.max);
          },
          ticks: {
            font,
            padding: 6,
            maxRotation: 0,
            callback(value) {
              return clock(value, this.max - this.min);
            },
          },
        },
        y,
      },
    },
  };
}

/** A time of day, with seconds where the window is short. */
function clock(time, seconds) {
  const second = seconds < 300 ? "2-digit" : undefined;
  return new Date(time * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second });
}
