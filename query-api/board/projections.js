// The views and their generations: which one readers see, how far another is filled, and the commands that switch.

import { badge, byId, command, count, duration, element } from "./elements.js";
import { live } from "./pipeline.js";

let shown = "";

// Shows what `GET /ops/pipeline` answered; what did not change is left alone, so that nobody loses a button under the hand.
export function show({ projections }) {
  const told = JSON.stringify(projections.map(({ name, liveGeneration, lagMs, generations }) =>
    [name, liveGeneration, lagMs, generations.map(({ generation, state, progress }) =>
      [generation, state, progress.read, progress.gaps, progress.parked])]));
  if (told === shown) return;
  shown = told;
  const container = byId("projections");
  const opened = container.querySelector("details")?.open ?? false;
  if (container.contains(document.activeElement)) return;
  const head = element("tr", {}, element("th", { scope: "col", text: "View" }), element("th", { scope: "col", text: "Generation" }),
    element("th", { scope: "col", class: "number", text: "Read" }), element("th", { scope: "col", class: "number", text: "Behind" }));
  container.replaceChildren(
    element("table", {}, element("caption", { class: "hidden", text: "Every view" }), element("thead", {}, head),
      element("tbody", {}, projections.map(row))),
    ...projections.flatMap(beside), howTo(opened));
}

function row(stage) {
  const progress = live(stage)?.progress;
  const gaps = progress?.gaps ? element("span", { class: "badge busy", text: `${count(progress.gaps)} gaps` }) : null;
  return element("tr", {}, element("th", { scope: "row" }, stage.name, " ", gaps),
    element("td", { text: stage.liveGeneration === null ? "none" : `g${stage.liveGeneration}` }),
    element("td", { class: "number", text: progress ? count(progress.read) : "–" }),
    element("td", { class: "number", text: stage.lagMs === null ? "unknown" : duration(stage.lagMs).replace(/^0 ms$/, "0 s") }));
}

// The generations that readers do not see.
function beside(stage) {
  const others = stage.generations.filter(({ generation }) => generation !== stage.liveGeneration);
  return others.map((other) => {
    if (other.state === "filling") return filling(stage, other);
    if (other.state === "served") return kept(stage, other);
    return element("p", { class: "muted", text: `${stage.name} g${other.generation} is being removed.` });
  });
}

function filling(stage, { generation, progress, rate }) {
  const ends = live(stage)?.progress.positions ?? {};
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const whole = sum(Object.values(ends));
  const done = sum(Object.entries(ends).map(([source, end]) => Math.min(end, progress.positions[source] ?? 0)));
  const percent = whole === 0 ? 100 : Math.floor((100 * done) / whole);
  const id = `filling-${stage.name}`;
  return element("div", { class: "beside" },
    element("p", {}, badge("filling"), ` ${stage.name} g${generation}, ${rate === null ? "as fast as it can" : `at most ${count(rate)} events/s`}`),
    element("label", { for: id, text: `${percent} % of g${stage.liveGeneration}: ${count(done)} of ${count(whole)} records` }),
    element("progress", { id, max: Math.max(whole, 1), value: done }),
    percent === 100 ? command(`ops projections switch ${stage.name} --execute`) : command(`ops rebuild ${stage.name} --watch`));
}

function kept(stage, { generation }) {
  return element("div", { class: "beside" },
    element("p", { text: `${stage.name} g${generation} is kept up to date; the way back to it is one command.` }),
    command(`ops projections rollback ${stage.name} --execute`), command(`ops projections drop ${stage.name} ${generation} --execute`));
}

function howTo(opened) {
  return element("details", { open: opened }, element("summary", { text: "Fill a view anew" }),
    element("p", { class: "small muted", text: "Nothing stops, and readers see nothing of it until the switch. Each command plans by default." }),
    command("ops rebuild orders --execute"), command("ops projections switch orders --execute"));
}
