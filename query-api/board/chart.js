// How long it takes from the click until an order stands in the table, as this browser sees it.

import { byId, count, drawn, duration, element } from "./elements.js";

// As many of the newest measurements are kept and drawn.
const KEPT = 200;
const HEIGHT = 260;
const LEFT = 52;

const samples = [];
// Orders of which one end is known: when they were asked for, when they were shown.
const asked = new Map();
const shown = new Map();

// This order was asked for at that time; `performance.now()` counts.
export function begun(order, at) {
  asked.set(order, at);
  measure(order);
}

// This order is on the screen.
export function seen(order) {
  if (shown.has(order)) return;
  shown.set(order, performance.now());
  if (shown.size > KEPT) shown.delete(shown.keys().next().value);
  measure(order);
}

function measure(order) {
  if (!asked.has(order) || !shown.has(order)) return;
  samples.push(shown.get(order) - asked.get(order));
  asked.delete(order);
  if (samples.length > KEPT) samples.shift();
  draw();
}

function quantile(part) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

// Draws what is known by now.
export function draw() {
  const container = byId("chart");
  if (samples.length === 0) {
    container.replaceChildren(element("p", { class: "empty", text: "Place an order, and its way is measured." }));
    return;
  }
  const [p50, p99] = [quantile(0.5), quantile(0.99)];
  const figure = (name, value) => element("div", {}, element("dt", { class: `is-${name}`, text: name }), element("dd", { text: value }));
  const figures = element("dl", { class: "figures" }, figure("p50", duration(p50)), figure("p99", duration(p99)),
    figure("orders", count(samples.length)));
  container.replaceChildren(figures, picture(container.clientWidth, p50, p99));
}

function picture(width, p50, p99) {
  const top = nice(Math.max(...samples) * 1.1);
  const y = (value) => 8 + (HEIGHT - 16) * (1 - value / top);
  const x = (index) => LEFT + 8 + ((width - LEFT - 16) * (index + 0.5)) / samples.length;
  const grid = [0, top / 2, top].map((value) => [
    drawn("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    drawn("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", text: duration(value) }),
  ]);
  const level = (name, value) => drawn("line", { class: name, x1: LEFT, x2: width, y1: y(value), y2: y(value) });
  const points = samples.map((value, index) => drawn("circle", { class: "sample", cx: x(index), cy: y(value), r: samples.length > 60 ? 2 : 3.5 }));
  const label = `${samples.length} measurements: half of them within ${duration(p50)}, 99 % within ${duration(p99)}`;
  return drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": label },
    grid, level("p99", p99), level("p50", p50), points);
}

// The next round number: 1, 2 or 5 times a power of ten.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((round) => round >= value);
}
