// The views and their generations: which one readers see, how far another is filled and how fast, and the buttons that
// switch and go back, and have a view pause.

import { action } from "./acting.js";
import { read, Refusal } from "./api.js";
import { badge, byId, command, count, duration, element, refill, tell } from "./elements.js";
import { live } from "./pipeline.js";

// For how many seconds a view pauses.
const PAUSE = 30;
// Over how many looks the speed of a filling is measured.
const WINDOW = 10;

let shown = "";
// By what is filled: when it was looked at, and how many records it had read.
let looks = new Map();

// Shows what `GET /ops/pipeline` answered. As long as there are the same generations only numbers change, so nobody loses
// the button that he or she is at.
export function show({ projections }) {
  const told = JSON.stringify(projections.map((stage) => [stage.name, stage.liveGeneration, live(stage)?.progress.gaps,
    stage.pauseMs !== null, stage.generations.map(({ generation, state, rate }) => [generation, state, rate])]));
  measure(projections);
  const container = byId("projections");
  const opened = new Set([...container.querySelectorAll("details[open]")].map(({ id }) => id));
  const nodes = drawn(projections, opened);
  if (told === shown) renew(container, nodes);
  else refill(container, nodes, byId("projections-title"));
  shown = told;
}

function drawn(projections, opened) {
  const column = (text, number) => element("th", { scope: "col", class: number ? "number" : null, text });
  const head = element("tr", {}, column("View"), column("Generation"), column("Read", true), column("Behind", true));
  const table = element("table", {}, element("caption", { class: "hidden", text: "Every view" }),
    element("thead", {}, head), element("tbody", {}, projections.map(row)));
  const asides = [howTo(opened.has("how-to")), pauses(projections, opened.has("pauses"))];
  return [table, ...projections.flatMap(beside), ...asides];
}

// Takes the numbers of these nodes over into those that are there.
function renew(container, nodes) {
  const fresh = element("div", {}, nodes);
  for (const node of fresh.querySelectorAll("[data-number]")) {
    const old = container.querySelector(`[data-number="${node.dataset.number}"]`);
    if (node.localName === "progress") [old.max, old.value] = [node.max, node.value];
    else tell(old, node.textContent);
  }
}

// Notes how far each filling is, and forgets those that are none any more.
function measure(projections) {
  const before = looks;
  looks = new Map();
  for (const { name, generations } of projections) {
    for (const { generation, progress } of generations.filter(({ state }) => state === "filling")) {
      const look = { at: performance.now(), read: progress.read };
      looks.set(`${name} g${generation}`, [...(before.get(`${name} g${generation}`) ?? []), look].slice(-WINDOW));
    }
  }
}

// How fast a filling is, and how long it takes still for so many records.
function pace(filled, left) {
  if (left === 0) return "as far as the live one";
  const measured = looks.get(filled);
  const [first, last] = [measured[0], measured.at(-1)];
  if (measured.length < 2) return "its speed is being measured";
  const speed = (last.read - first.read) / ((last.at - first.at) / 1000);
  if (speed <= 0) return "standing still";
  return `${count(Math.max(1, Math.round(speed)))} records/s, ${duration(1000 * Math.ceil(left / speed))} left`;
}

function row(stage) {
  const progress = live(stage)?.progress;
  const gaps = progress?.gaps ? element("span", { class: "badge busy", text: `${count(progress.gaps)} gaps` }) : null;
  const number = (what, text) => element("td", { class: "number", "data-number": `${stage.name}-${what}`, text });
  return element("tr", {}, element("th", { scope: "row" }, stage.name, " ", gaps),
    element("td", { text: stage.liveGeneration === null ? "none" : `g${stage.liveGeneration}` }),
    number("read", progress ? count(progress.read) : "–"), number("behind", behind(stage)));
}

function behind({ lagMs }) {
  if (lagMs === null) return "unknown";
  return lagMs === 0 ? "0 s" : duration(lagMs);
}

// What there is to say of a view: its pause, and the generations that readers do not see.
function beside(stage) {
  const others = stage.generations.filter(({ generation }) => generation !== stage.liveGeneration);
  const said = others.map((other) => {
    if (other.state === "filling") return filling(stage, other);
    if (other.state === "served") return kept(stage, other);
    return element("p", { class: "muted", text: `${stage.name} g${other.generation} is being removed.` });
  });
  return stage.pauseMs === null ? said : [paused(stage), ...said];
}

function paused({ name, pauseMs }) {
  const left = `${name} pauses for ${duration(pauseMs)} more; what happens meanwhile waits in the log.`;
  return element("div", { class: "beside" }, element("p", { "data-number": `${name}-pause`, text: left }),
    element("div", { class: "buttons" }, pause(`go-on-${name}`, "Go on", `with ${name}`, name, 0)));
}

function pause(id, text, about, name, seconds) {
  return action({
    id, text, about, path: `/ops/projections/${name}/pause`, body: () => ({ seconds }), told: byId("projections-told"),
    after: look,
  });
}

function filling(stage, { generation, progress, rate }) {
  const ends = live(stage)?.progress.positions ?? {};
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const whole = sum(Object.values(ends));
  const done = sum(Object.entries(ends).map(([source, end]) => Math.min(end, progress.positions[source] ?? 0)));
  const percent = whole === 0 ? 100 : Math.floor((100 * done) / whole);
  const name = `${stage.name} g${generation}`;
  const id = `filling-${stage.name}`;
  const limit = rate === null ? "as fast as it can" : `at most ${count(rate)} events/s`;
  return element("div", { class: "beside" },
    element("p", {}, badge("filling"), ` ${name}, ${limit}`),
    element("label", { for: id, "data-number": `${id}-done`,
      text: `${percent} % of g${stage.liveGeneration}: ${count(done)} of ${count(whole)} records` }),
    element("progress", { id, "data-number": id, max: Math.max(whole, 1), value: done }),
    element("p", { class: "muted small", "data-number": `${id}-pace`, text: pace(name, whole - done) }),
    element("div", { class: "buttons" }, leads("switch", "Switch", stage.name, generation)));
}

// What was filled later than the live one is compared with it before readers see it, so it has the other button.
function kept(stage, { generation }) {
  const way = generation > stage.liveGeneration ? ["switch", "Switch"] : ["rollback", "Roll back"];
  return element("div", { class: "beside" },
    element("p", { text: `${stage.name} g${generation} was live before, and is kept up to date.` }),
    element("div", { class: "buttons" }, leads(...way, stage.name, generation)),
    command(`ops projections drop ${stage.name} ${generation} --execute`));
}

// A button that has readers see this generation, and no other, whatever happened meanwhile.
function leads(way, text, name, generation) {
  return action({
    id: `${way}-${name}-${generation}`, text, about: `${name} to g${generation}`,
    path: `/ops/projections/${name}/${way}`, body: () => ({ generation }), told: byId("projections-told"), after: look,
  });
}

// What cannot be read now is shown by the next look of the pipeline.
async function look() {
  try {
    show(await read("/ops/pipeline"));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function howTo(opened) {
  return element("details", { id: "how-to", open: opened }, element("summary", { text: "Fill a view anew" }),
    element("p", { class: "small muted",
      text: "Nothing stops, and readers see nothing of it until the switch, for which a button comes here." }),
    command("ops rebuild orders --execute"));
}

function pauses(projections, opened) {
  const fed = projections.filter(({ pauseMs }) => pauseMs === null);
  return element("details", { id: "pauses", open: opened }, element("summary", { text: "Have a view pause" }),
    element("p", { class: "small muted",
      text: `For ${PAUSE} s nothing newer comes into it. Commands and queries are answered, and then it catches up.` }),
    element("div", { class: "buttons" },
      fed.map(({ name }) => pause(`pause-${name}`, `Pause ${name}`, `for ${PAUSE} s`, name, PAUSE))));
}
