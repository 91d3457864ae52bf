// The streams that wait for somebody, why, and what to do about each.

import { Refusal } from "./api.js";
import { byId, clock, command, count, element } from "./elements.js";
import { parked } from "./pipeline.js";

const ADVICE = {
  undecodable: "Register the schema that it was written with, or discard the record.",
  unknown_type: "A newer build knows this type: deploy it, and the stream goes on by itself.",
  foreign: "Something else wrote to this topic. Find out who, then discard the record.",
  sealed: "The key that opens it is missing. Restore the vault, then redrive.",
  unfoldable: "A version before it is missing or wrong. Correct the cause, then redrive.",
  shape: "Another build wrote this view. Deploy one build everywhere, then redrive.",
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
    byId("parked").replaceChildren(...(streams.length === 0 ? [none()] : [total(streams), ...streams.map(entry)]));
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
  const text = streams.length === 1 ? "One stream waits, all others go on." : `${count(streams.length)} streams wait, all others go on.`;
  return element("p", { class: "notice busy", role: "status", text });
}

function entry({ projection, stream, version, cause, reason, eventType, topic, partition, offset, at }) {
  const what = [eventType, version === null ? null : `version ${version}`].filter(Boolean).join(", ");
  return element("article", { class: "beside" },
    element("h3", { class: "id", text: stream }),
    element("p", { text: `${reason}${what ? ` (${what})` : ""}` }),
    element("p", { class: "muted small", text: `In ${projection} since ${clock(at)}; record ${offset} of ${topic}/${partition}; ${cause.replaceAll("_", " ")}` }),
    element("p", { text: ADVICE[cause] ?? "Find the cause, then redrive." }),
    command(`ops parked redrive ${stream} --projection ${projection} --execute`),
    command(`ops parked discard ${stream} --projection ${projection} --because "…" --execute`));
}
