// Placing orders, and placing them again: the same key has one effect, whatever is sent under it.

import { Refusal, ask, read } from "./api.js";
import { begun } from "./chart.js";
import { badge, byId, duration, element, money, short, tell } from "./elements.js";
import { current } from "./session.js";

const TEN = 10;

// What was sent last: key, body, and the order that came of it.
let last = null;
// Every order that this page has placed.
const ours = new Set();
let accepted = () => {};
// What was clicked on last, until it is done.
let doing = Promise.resolve();

// Connects the form. `taken()` is called for every order that was accepted.
export function connect(taken) {
  accepted = taken;
  byId("place").addEventListener("submit", (event) => {
    event.preventDefault();
    act(placeOne);
  });
  byId("place-ten").addEventListener("click", () => act(placeTen));
  byId("again").addEventListener("click", () => act(sendAgain));
  byId("again-other").addEventListener("click", () => act(sendOther));
  byId("stock").addEventListener("click", () => act(receive));
}

export function isOurs(order) {
  return ours.has(order);
}

// Fills the list of products; an empty shop gets its first one.
export async function products() {
  const select = byId("sku");
  const { products } = await read("/queries/products?limit=100");
  const options = products.filter(({ status }) => status === "ACTIVE").map(({ sku, name, price, available }) =>
    element("option", { value: sku, text: `${name}, ${money(price.amount, price.currency)} (${available} left)` }));
  const chosen = select.value;
  select.replaceChildren(...options);
  if (products.some(({ sku }) => sku === chosen)) select.value = chosen;
  const none = options.length === 0;
  byId("place-one").disabled = none;
  byId("place-ten").disabled = none;
  byId("stocking").hidden = false;
  tell(byId("stock"), none ? "Offer a first product" : "Receive 1,000 pieces");
}

// One thing after the other, in the order of the clicks, so that none is lost.
function act(what) {
  doing = doing.catch(() => {}).then(() => acted(what));
}

// What comes of it, or why not, is told below the form.
async function acted(what) {
  const form = byId("place");
  form.ariaBusy = "true";
  try {
    await what();
    await products();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    tellOutcome("bad", "Refused", error.message, `${error.status} ${error.code}`);
  } finally {
    form.ariaBusy = "false";
  }
}

function body() {
  const [sku, quantity, method] = ["sku", "quantity", "method"].map((id) => byId(id).value);
  return { userId: current().user, items: [{ sku, qty: Number(quantity) }], paymentMethod: method };
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `board-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function send(key, order) {
  const at = performance.now();
  const answer = await ask("POST", "/commands/orders", { body: order, headers: { "idempotency-key": key } });
  return { ...answer, at };
}

async function place() {
  const [key, order] = [newKey(), body()];
  const answer = await send(key, order);
  const { orderId, consistencyToken } = answer.body;
  ours.add(orderId);
  last = { key, order, orderId, consistencyToken };
  begun(orderId, answer.at);
  accepted();
  tell(byId("key"), `Key of the last order: ${key}`);
  byId("again").disabled = false;
  byId("again-other").disabled = false;
  return answer;
}

async function placeOne() {
  const answer = await place();
  tellOutcome("good", "Placed", `Order ${short(answer.body.orderId)} was accepted.`, `${answer.status}, ${duration(answer.took)}`);
}

async function placeTen() {
  const since = performance.now();
  for (let number = 0; number < TEN; number += 1) await place();
  tellOutcome("good", "Placed", `${TEN} orders were accepted, one after the other.`, duration(performance.now() - since));
}

// The first answer comes again, and the shop's list is searched for an order that nobody of us placed.
async function sendAgain() {
  const answer = await send(last.key, last.order);
  const same = answer.body.orderId === last.orderId;
  const strangers = await unknownSince(last);
  const replayed = answer.headers.get("idempotency-replayed") === "true";
  if (same && replayed && strangers === 0) {
    const text = `The first answer came again: order ${short(last.orderId)}. There is no second order.`;
    tellOutcome("good", "No second order", text, `${answer.status}, ${duration(answer.took)}`);
  } else {
    const text = `${strangers} of your orders since then were not placed here; the answer names ${short(answer.body.orderId)}.`;
    tellOutcome("bad", "Look at this", text, String(answer.status));
  }
}

// How many orders the caller has, not older than this one, that were not placed here.
async function unknownSince({ orderId, consistencyToken }) {
  const headers = { "consistency-token": consistencyToken, prefer: "wait=5" };
  const { order } = await read(`/queries/orders/${orderId}`, headers);
  const query = new URLSearchParams({ userId: order.userId, from: order.createdAt, limit: "100" });
  const { orders } = await read(`/queries/orders?${query}`, headers);
  return orders.filter((found) => !ours.has(found.orderId)).length;
}

async function sendOther() {
  const [item] = last.order.items;
  const other = { ...last.order, items: [{ ...item, qty: item.qty + 1 }] };
  const answer = await send(last.key, other);
  tellOutcome("bad", "Look at this", "Another body was accepted under the same key.", String(answer.status));
}

async function receive() {
  const sku = byId("sku").value || "tea-green";
  if (byId("sku").value === "") {
    const price = { amount: 599, currency: "EUR" };
    await ask("POST", "/commands/products", { body: { sku, name: "Green tea", price }, headers: { "idempotency-key": newKey() } });
  }
  const booked = await ask("POST", `/commands/products/${encodeURIComponent(sku)}/stock`,
    { body: { quantity: 1000 }, headers: { "idempotency-key": newKey() } });
  await read(`/queries/products/${encodeURIComponent(sku)}`, { "consistency-token": booked.headers.get("consistency-token"), prefer: "wait=5" });
  tellOutcome("good", "Received", `There are 1,000 more pieces of ${sku}.`, "");
}

function tellOutcome(tone, title, text, detail) {
  const mark = badge(title);
  mark.className = `badge ${tone}`;
  byId("outcome").replaceChildren(element("p", { class: `notice ${tone}` },
    mark, element("span", { text }), element("span", { class: "small detail", text: detail })));
}
