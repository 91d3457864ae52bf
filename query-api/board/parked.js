// The streams that wait for somebody, why, and what to do about each.

import { action, reason } from "./acting.js";
import { Refusal } from "./api.js";
import { byId, clock, count, element, refill } from "./elements.js";
import { parked } from "./pipeline.js";

const ADVICE = {
  undecodable: "Register the schema that it was written with, or discard the record.",
  unknown_type: "A newer build knows this type: deploy it, and the stream goes on by itself.",
  foreign: "Something else wrote to this topic. Find out who, then discard the record.",
  sealed: "The key that opens it is missing. Restore the vault, then redrive.",
  unfoldable: "A version before it is missing or wrong. Correct the cause, then redrive.",
  shape: "Another build wrote this view: deploy one build everywhere, then redrive. Else it is damaged: ops audit --repair.",
  unwritable: "The view cannot hold it. Correct the fold, then redrive.",
};

let shown = null;

// Reads the list and shows it, if it is another one.
export async function look() {
  try {
    const { parked: streams } = await parked();
    const told = JSON.stringify(streams);
    if (told === shown) return;
    shown = told;
    const nodes = streams.length === 0 ? [none()] : [total(streams), ...streams.map(entry)];
    refill(byId("parked"), nodes, byId("parked-title"));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    shown = null;
    byId("parked").replaceChildren(element("p", { class: "notice bad", text: error.message }));
  }
}

function none() {
  return element("p", { class: "empty", text: "None. Every stream goes on." });
}

function total(streams) {
  const who = streams.length === 1 ? "One stream waits" : `${count(streams.length)} streams wait`;
  const text = `${who}, all others go on.`;
  return element("p", { class: "notice busy", role: "status", text });
}

function entry({ projection, stream, version, cause, reason, eventType, topic, partition, offset, at }) {
  const what = [eventType, version === null ? null : `version ${version}`].filter(Boolean).join(", ");
  const place = `record ${offset} of ${topic}/${partition}`;
  return element("article", { class: "beside" },
    element("h3", { class: "id", text: stream }),
    element("p", { text: `${reason}${what ? ` (${what})` : ""}` }),
    element("p", { class: "muted small",
      text: `In ${projection} since ${clock(at)}; ${place}; ${cause.replaceAll("_", " ")}` }),
    element("p", { text: ADVICE[cause] ?? "Find the cause, then redrive." }),
    element("div", { class: "buttons" }, redrive(projection, stream), discard(projection, stream, what)));
}

function redrive(projection, stream) {
  return letGo("redrive", "Redrive", projection, stream, { body: () => ({}) });
}

// There is no way back from it, so it asks first.
function discard(projection, stream, what) {
  const text = `The record that parked ${stream}${what ? ` (${what})` : ""} is never applied to ${projection}. There is no way back.`;
  const body = async () => {
    const because = await reason("Discard an event", text);
    return because === null ? null : { because };
  };
  return letGo("discard", "Discard", projection, stream, { body, kind: "danger" });
}

function letGo(what, text, projection, stream, how) {
  return action({
    id: `${what}-${projection}-${stream}`, text, about: `${stream} in ${projection}`,
    path: `/ops/parked/${projection}/${stream}/${what}`, told: byId("parked-told"), after: look, ...how,
  });
}
