// The pipeline as a picture: stages, the ways between them, and dots that run along. On a narrow screen the stages stand
// below each other and the way is a rail beside them.

import { drawn, tell } from "./elements.js";

const WIDE = 900;
const RUN = 1_400;
// More than these at once would show no more.
const MOST_DOTS = 40;

const still = matchMedia("(prefers-reduced-motion: reduce)");

// Draws the stages ([name, title] each) into a container, and again whenever its width changes. The stage `query` stands
// beside the way. Returns `show(name, {value, caption, tone})` and `run(kind)`.
export function picture(container, stages) {
  const shown = new Map();
  let scene = null;

  function draw() {
    scene = container.clientWidth >= WIDE ? wide(container.clientWidth, stages) : narrow(container.clientWidth, stages);
    container.replaceChildren(scene.svg);
    for (const [name, what] of shown) write(scene.nodes.get(name), what);
  }

  let width = 0;
  new ResizeObserver(() => {
    if (container.clientWidth === width || container.clientWidth === 0) return;
    width = container.clientWidth;
    draw();
  }).observe(container);

  return {
    show(name, what) {
      shown.set(name, what);
      if (scene) write(scene.nodes.get(name), what);
    },
    run(kind) {
      if (scene && !still.matches && scene.dots.childElementCount < MOST_DOTS) run(scene, kind);
    },
  };
}

function wide(width, stages) {
  const onWay = stages.filter(([name]) => name !== "query");
  const gap = 28;
  const box = { width: (width - 2 - gap * (onWay.length - 1)) / onWay.length, height: 108 };
  const places = new Map(onWay.map(([name], index) => [name, { ...box, x: 1 + index * (box.width + gap), y: 36 }]));
  const { x } = places.get("notifier");
  places.set("query", { ...box, x, y: 168, height: 88 });

  const middle = ({ y, height }) => y + height / 2;
  // The lane is below what the stages say, so that no dot hides a number.
  const lane = 36 + box.height - 16;
  const centre = (place) => place.x + place.width / 2;
  const [kafka, redis, notifier, page, query] = ["kafka", "redis", "notifier", "page", "query"].map((name) => places.get(name));
  const way = `M${places.get("api").x + 12} ${lane}H${page.x + page.width - 12}`;
  const beside = [
    `M${centre(kafka)} ${kafka.y}V14H${centre(notifier)}V${notifier.y}`,
    `M${centre(redis)} ${redis.y + redis.height}V${middle(query)}H${query.x}`,
    `M${query.x + query.width} ${middle(query)}H${centre(page)}V${page.y + page.height}`,
  ];
  const words = drawn("text", { class: "aside", x: (centre(kafka) + centre(notifier)) / 2, y: 10, "text-anchor": "middle", text: "feeds" });
  return scene({ width, height: 258, stages, places, way, beside, extra: [words] });
}

function narrow(width, stages) {
  const [height, gap, left] = [58, 10, 22];
  const place = (index) => ({ x: left, y: 1 + index * (height + gap), width: width - left - 1, height });
  const places = new Map(stages.map(([name], index) => [name, place(index)]));
  const last = place(stages.length - 1);
  const ticks = [...places.values()].map(({ y }) => `M8 ${y + height / 2}H${left}`);
  const way = `M8 ${height / 2}V${last.y + height / 2}`;
  return scene({ width, height: last.y + height + 1, stages, places, way, beside: ticks, extra: [] });
}

function scene({ width, height, stages, places, way, beside, extra }) {
  const line = (d) => drawn("path", { class: "way", d });
  const route = line(way);
  const dots = drawn("g", { class: "dots" });
  const nodes = new Map(stages.map(([name, title]) => [name, node(title, places.get(name))]));
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "list", "aria-label": "Stages of the pipeline" },
    beside.map(line), [...nodes.values()].map(({ group }) => group), route, extra, dots);
  return { svg, nodes, route, dots, length: route.getTotalLength() };
}

function node(title, { x, y, width, height }) {
  const low = height < 70;
  const value = drawn("text", low
    ? { class: "value", x: x + width - 12, y: y + 24, "text-anchor": "end" }
    : { class: "value", x: x + 12, y: y + 52 });
  const caption = drawn("text", { class: "caption", x: x + 12, y: y + (low ? 44 : 74) });
  const lamp = drawn("circle", { class: "lamp", cx: low ? x + width - 16 : x + width - 15, cy: y + (low ? 41 : 19), r: 4.5 });
  const group = drawn("g", { class: "node", role: "listitem" },
    drawn("rect", { x, y, width, height, rx: 10 }),
    drawn("text", { class: "title", x: x + 12, y: y + 24, text: title }), lamp, value, caption);
  return { group, value, caption, title };
}

function write({ group, value, caption, title }, what) {
  tell(value, what.value);
  tell(caption, what.caption);
  group.setAttribute("class", `node ${what.tone}`);
  group.setAttribute("aria-label", `${title}: ${what.value}, ${what.caption}; ${what.tone === "bad" ? "down" : "up"}`);
}

function run(scene, kind) {
  const dot = drawn("circle", { class: `dot ${kind}`, r: 5 });
  const since = performance.now();
  const step = (now) => {
    const part = Math.min(1, Math.max(0, (now - since) / RUN));
    const { x, y } = scene.route.getPointAtLength(scene.length * part);
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    if (part < 1 && dot.isConnected) requestAnimationFrame(step);
    else dot.remove();
  };
  scene.dots.append(dot);
  step(since);
}
