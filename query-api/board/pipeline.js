// The pipeline's numbers: asked for every two seconds while somebody looks, and what this page counts by itself.

import { ask, read } from "./api.js";
import { picture } from "./drawing.js";
import { byId, count, duration, tell } from "./elements.js";

const EVERY = 2_000;

const STAGES = [
  ["api", "Command API"], ["mongodb", "MongoDB"], ["kafka", "Kafka"], ["projector", "Projector"],
  ["redis", "Redis"], ["query", "Query API"], ["notifier", "Notifier"], ["page", "This page"],
];

// Begins to ask. `looked(pipeline)` is called with each answer of `GET /ops/pipeline`. Returns `accepted()` for every
// order that was taken, `told(kind, changes)` for what came by the socket, and `stop()`.
export function watch(looked) {
  const drawing = picture(byId("pipeline"), STAGES);
  const counted = { accepted: 0, told: 0 };
  let before = null;
  let timer = null;
  let stopped = false;

  async function look() {
    const now = document.hidden ? null : await seen();
    if (stopped) return;
    if (now) {
      show(drawing, now, before, counted);
      looked(now.pipeline);
      before = now;
    }
    timer = setTimeout(look, EVERY);
  }

  look();
  return {
    accepted() {
      counted.accepted += 1;
      drawing.show("api", commandApi(counted, before));
    },
    told(kind, changes) {
      counted.told += changes;
      drawing.show("page", page(counted));
      for (let change = 0; change < changes; change += 1) drawing.run(kind);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

// Both answers, or nothing if there are none just now.
async function seen() {
  try {
    const [{ body, took }, health] = await Promise.all([ask("GET", "/ops/pipeline"), services()]);
    return { pipeline: body, took, health, at: performance.now(), records: records(body) };
  } catch {
    tell(byId("verdict"), "The pipeline does not say how it is.");
    byId("verdict").className = "verdict bad";
    return null;
  }
}

// Who is ready; an answer of 503 says who is not.
async function services() {
  const response = await fetch("/health/ready", { cache: "no-store" });
  return (await response.json()).services ?? [];
}

// Records in the log, as far as any reader has read: by partition, the furthest.
function furthest({ projections, feeds }) {
  const all = projections.flatMap(({ generations }) => generations.map(({ progress }) => progress)).concat(feeds);
  const ends = new Map();
  for (const { positions } of all) {
    for (const [source, next] of Object.entries(positions)) ends.set(source, Math.max(next, ends.get(source) ?? 0));
  }
  return ends;
}

function records(pipeline) {
  return [...furthest(pipeline).values()].reduce((sum, next) => sum + next, 0);
}

export function live({ liveGeneration, generations }) {
  return generations.find(({ generation }) => generation === liveGeneration);
}

// How many records the feeds have yet to read of the partitions that they read.
function behind(pipeline) {
  const ends = furthest(pipeline);
  const left = Object.entries(pipeline.feeds.positions).map(([source, next]) => (ends.get(source) ?? next) - next);
  return left.reduce((sum, missing) => sum + missing, 0);
}

function lag({ projections }) {
  const lags = projections.map(({ lagMs }) => lagMs).filter((lagMs) => lagMs !== null);
  return Math.max(0, ...lags);
}

function show(drawing, now, before, counted) {
  const { pipeline, took, health } = now;
  const rate = before ? Math.max(0, (now.records - before.records) / ((now.at - before.at) / 1000)) : 0;
  const inViews = pipeline.projections.map((stage) => live(stage)?.progress.read ?? 0).reduce((sum, read) => sum + read, 0);
  const lagMs = lag(pipeline);
  const missing = behind(pipeline);
  drawing.show("api", commandApi(counted, now));
  drawing.show("mongodb", { value: up(health, "mongodb"), caption: "events and outbox", tone: tone(health, "mongodb") });
  drawing.show("kafka", { value: count(now.records), caption: `records, ${rate.toFixed(rate < 10 ? 1 : 0)}/s`, tone: tone(health, "kafka") });
  drawing.show("projector", { value: duration(lagMs).replace("0 ms", "0 s"), caption: "behind", tone: lagMs > 0 ? "busy" : tone(health, "projector") });
  drawing.show("redis", { value: count(inViews), caption: `records in ${pipeline.projections.length} views`, tone: tone(health, "redis") });
  drawing.show("query", { value: duration(took), caption: "last answer", tone: tone(health, "query-api") });
  drawing.show("notifier", { value: count(missing), caption: missing === 1 ? "record behind" : "records behind", tone: tone(health, "notifier") });
  drawing.show("page", page(counted));
  verdict(now, lagMs);
}

function commandApi({ accepted }, now) {
  return { value: count(accepted), caption: "orders from here", tone: now ? tone(now.health, "command-api") : "good" };
}

function page({ told }) {
  return { value: count(told), caption: "changes told", tone: "good" };
}

// A service is down when none of its instances is ready, and a server when somebody who needs it says so.
function isUp(health, name) {
  const instances = health.filter((service) => service.name.replace(/-\d+$/, "") === name);
  if (instances.length > 0) return instances.some(({ ready }) => ready);
  return health.every(({ dependencies }) => dependencies.every((needed) => needed.name !== name || needed.up));
}

function up(health, name) {
  return isUp(health, name) ? "up" : "down";
}

function tone(health, name) {
  return isUp(health, name) ? "good" : "bad";
}

function verdict({ pipeline, health }, lagMs) {
  const down = STAGES.filter(([name]) => name !== "page").filter(([name]) => !isUp(health, SERVICE[name] ?? name));
  const parked = pipeline.projections.reduce((sum, stage) => sum + (live(stage)?.progress.parked ?? 0), pipeline.feeds.parked);
  const node = byId("verdict");
  let said = ["good", "Everything is up, and nothing is behind."];
  if (parked > 0) said = ["busy", `${count(parked)} parked ${parked === 1 ? "stream waits" : "streams wait"} for somebody.`];
  if (lagMs > 0) said = ["busy", "The views are behind; queries answer, and they catch up."];
  if (down.length > 0) said = ["bad", `Down: ${down.map(([, title]) => title).join(", ")}.`];
  node.className = `verdict ${said[0]}`;
  tell(node, said[1]);
}

const SERVICE = { api: "command-api", query: "query-api" };

// The streams that wait, for whoever shows them.
export function parked() {
  return read("/ops/parked");
}
