// The newest orders of everybody, as they change.

import { read } from "./api.js";
import { seen } from "./chart.js";
import { isOurs } from "./commands.js";
import { badge, byId, clock, count, element, money, short, tell } from "./elements.js";
import { show as showHistory, changed as historyChanged } from "./history.js";

const KEPT = 25;

// By order: its document, its payment, its row.
const known = new Map();
// Payments that were told of before their orders were.
const early = new Map();

// Reads the list again: at the beginning, and whenever something was missed.
export async function reload() {
  const { orders } = await read(`/queries/orders?limit=${KEPT}`);
  for (const { payment, ...order } of orders.reverse()) take(order, payment);
  byId("no-orders").hidden = known.size > 0;
}

export function forget() {
  known.clear();
  early.clear();
  byId("rows").replaceChildren();
}

// A state that the socket told. Returns how many changes it stands for, as states that were overtaken are left out.
export function told({ stream, version, data }) {
  if (stream.startsWith("ord_")) {
    const before = known.get(stream)?.order.version ?? 0;
    take(data, null, true);
    byId("no-orders").hidden = true;
    return Math.max(1, version - before);
  }
  if (stream.startsWith("pay_")) {
    const entry = known.get(data.orderId);
    if (entry) paid(entry, data);
    else early.set(data.orderId, data);
    if (early.size > 4 * KEPT) early.delete(early.keys().next().value);
  }
  return 1;
}

function take(order, payment, live = false) {
  const entry = known.get(order.orderId) ?? added(order);
  if (!entry) return;
  if (!entry.order || order.version > entry.order.version) {
    entry.order = order;
    write(entry);
    if (live) announce(entry);
  }
  const told = payment ?? early.get(order.orderId);
  early.delete(order.orderId);
  if (told) paid(entry, told);
}

// A row in its place, newest first; nothing if newer ones fill the table.
function added(order) {
  const rows = byId("rows");
  const later = [...known.values()].filter((entry) => entry.order.createdAt > order.createdAt);
  if (later.length >= KEPT) return null;
  const entry = row(order);
  rows.insertBefore(entry.row, rows.children[later.length] ?? null);
  known.set(order.orderId, entry);
  while (known.size > KEPT) {
    known.delete(rows.lastElementChild.dataset.order);
    rows.lastElementChild.remove();
  }
  return entry;
}

function row({ orderId, itemCount, totalAmount, currency }) {
  const open = element("button", { type: "button", class: "link", text: short(orderId), title: orderId,
    "aria-label": `History of order ${short(orderId)}`, onclick: () => showHistory(orderId) });
  const cells = {
    status: element("td", { class: "status" }), payment: element("td", { class: "roomy payment" }),
    version: element("td", { class: "roomy number" }), changed: element("td", { class: "roomy" }),
  };
  const row = element("tr", { "data-order": orderId }, element("th", { scope: "row" }, open), cells.status,
    element("td", { class: "roomy", text: count(itemCount) }),
    element("td", { class: "number", text: money(totalAmount, currency) }), cells.payment, cells.version, cells.changed);
  return { row, cells, order: null, payment: null };
}

function write({ cells, order }) {
  cells.status.replaceChildren(badge(order.status));
  tell(cells.version, count(order.version));
  tell(cells.changed, clock(order.updatedAt));
}

function paid(entry, payment) {
  if (entry.payment && payment.version <= entry.payment.version) return;
  entry.payment = payment;
  entry.cells.payment.replaceChildren(badge(payment.status));
}

// On the screen is what the browser has painted.
function announce({ row, order }) {
  row.classList.remove("fresh");
  requestAnimationFrame(() => {
    row.classList.add("fresh");
    setTimeout(() => seen(order.orderId));
  });
  historyChanged(order.orderId, order.version);
  if (isOurs(order.orderId)) tell(byId("told"), `Order ${short(order.orderId)} is ${order.status}`);
}
