// Elements, and how values are written. Nothing here makes markup of text: what a customer wrote stays text.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes and children. `class`, `text` and `on…` are what they seem; null attributes are left out.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

// The same of a drawing.
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

// Puts these in the place of what was there. Whoever was at one of its buttons is there still, or else at `instead`.
export function refill(container, nodes, instead) {
  const at = container.contains(document.activeElement) ? document.activeElement : null;
  container.replaceChildren(...nodes);
  if (at) (byId(at.id) ?? instead).focus();
}

export function byId(id) {
  return document.getElementById(id);
}

// Sets a text only where it changes, so that nothing is read out twice.
export function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// An amount of minor units.
export function money(amount, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export function count(number) {
  return new Intl.NumberFormat("en").format(number);
}

export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${count(Math.round(milliseconds / 1000))} s`;
}

export function clock(instant) {
  return new Date(instant).toLocaleTimeString("en", { hour12: false });
}

// The end of an id, by which people tell orders apart.
export function short(id) {
  return `…${id.slice(-6)}`;
}

// A status, told by word and colour.
export function badge(word) {
  return element("span", { class: `badge ${TONES[word] ?? "calm"}`, text: word });
}

const TONES = {
  PAID: "good", SHIPPED: "good", DELIVERED: "good", CAPTURED: "good", COMPLETED: "good",
  CANCELLED: "bad", REJECTED: "bad", DECLINED: "bad", EXPIRED: "bad", FAILED: "bad",
  RESERVED: "busy", AUTHORIZED: "busy", UNKNOWN: "busy", filling: "busy",
};

// A command to be run where the operators' command line is, with a button that copies it.
export function command(text) {
  const button = element("button", { type: "button", class: "quiet", text: "Copy", "aria-label": `Copy: ${text}` });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
    }
  });
  return element("div", { class: "command" }, element("code", { text }), button);
}
