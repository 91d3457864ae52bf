// One order's history: what happened, how long each event took to where it is shown, and the state after each, chosen by a
// slider.

import { Refusal, read } from "./api.js";
import { badge, byId, clock, duration, element, money, short, tell } from "./elements.js";
import { MEANING, states } from "./fold.js";

// What is shown of a state, in this order.
const TITLES = {
  status: "Status", version: "Version", lines: "Lines", total: "Total", paid: "Paid", parcel: "Parcel", reason: "Reason",
};

// The order that is open: its id and version.
let open = null;

export function connect() {
  const dialog = byId("history");
  byId("history-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { open = null; });
}

// Opens an order's history.
export async function show(order) {
  tell(byId("history-title"), `Order ${short(order)}`);
  byId("history-body").replaceChildren(element("p", { class: "muted", text: "Reading its events…" }));
  byId("history").showModal();
  open = { order, version: 0 };
  await draw();
  byId("history-slider")?.focus();
}

// More happened to an order; what is open follows.
export function changed(order, version) {
  if (open?.order === order && version > open.version) draw();
}

async function draw() {
  const { order } = open;
  try {
    const [history, explained] = await Promise.all(
      [read(`/queries/orders/${order}/history`), read(`/ops/explain/${order}`)]);
    if (open?.order !== order || history.version === open.version) return;
    const at = chosen(history.events.length);
    open.version = history.version;
    fill(history, ways(explained), at);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    byId("history-body").replaceChildren(element("p", { class: "notice bad", text: error.message }));
  }
}

// The place of the slider: where it is, or at the end if it was there.
function chosen(events) {
  const slider = byId("history-slider");
  const atEnd = !slider || slider.value === slider.max;
  return atEnd ? events : Number(slider.value);
}

// Where each version of the order came by, and how long that took.
function ways({ order, events }) {
  const hops = (event) => event.hops.map(({ to, afterMicros }) => `${to} ${duration(afterMicros / 1000)}`).join(" · ");
  return new Map(events.filter(({ stream }) => stream === order).map((event) => [event.version, hops(event)]));
}

function fill({ orderId, events }, way, at) {
  const all = states(events);
  const slider = element("input", { id: "history-slider", type: "range", min: 1, max: events.length, step: 1, value: at });
  const items = events.map((event, index) => item(event, events[0], way.get(event.version), () => {
    slider.value = index + 1;
    move();
  }));
  const state = element("dl", { class: "state", id: "history-state" });
  const meaning = element("p", { id: "history-event", role: "status" });
  function move() {
    const index = Number(slider.value) - 1;
    slider.setAttribute("aria-valuetext", `${index + 1} of ${events.length}: ${events[index].type}`);
    items.forEach((one, other) => one.setAttribute("aria-current", other === index ? "step" : "false"));
    items.forEach((one, other) => one.classList.toggle("later", other > index));
    tell(meaning, `${index + 1} of ${events.length}: ${events[index].type}. ${MEANING[events[index].type] ?? ""}`);
    state.replaceChildren(...lines(all[index], all[index - 1]));
  }
  slider.addEventListener("input", move);
  byId("history-body").replaceChildren(
    element("p", { class: "muted small id", text: orderId }),
    element("label", { for: "history-slider", text: "State after event" }), slider, meaning,
    element("div", { class: "columns" },
      element("div", {}, element("h3", { text: "Events" }), element("ol", { class: "events" }, items)),
      element("div", {}, element("h3", { text: "State" }), state)));
  move();
}

function item({ type, at, version }, first, way, choose) {
  const after = version === first.version ? clock(at) : `+${duration(Date.parse(at) - Date.parse(first.at))}`;
  return element("li", {}, element("button", { type: "button", class: "link", text: type, onclick: choose }),
    element("span", { class: "muted small", text: ` ${after}` }),
    way ? element("p", { class: "muted small way", text: way }) : null);
}

// What stands in the state, and whether this event changed it.
function lines(state, before) {
  const written = (name, value) => (name === "total" || name === "paid" ? money(value, state.currency) : String(value));
  return Object.entries(TITLES).filter(([name]) => state[name] !== undefined).map(([name, title]) => {
    const value = name === "status" ? badge(state.status) : element("span", { text: written(name, state[name]) });
    const isNew = before && before[name] !== state[name];
    return element("div", { class: isNew ? "new" : null, "data-field": name }, element("dt", { text: title }),
      element("dd", {}, value, isNew ? element("span", { class: "small muted", text: " changed" }) : null));
  });
}
