// What operators do from here: asked of the API, confirmed first where there is no way back, and told as the API says it.

import { ask, Refusal } from "./api.js";
import { byId, element, tell } from "./elements.js";

// A button that has something done. `about` says to whom, `body()` what to send (null is nothing after all), and `told` is
// where the outcome is said; then `after()` looks again. Until then it cannot be pressed twice, and keeps the focus.
export function action({ id, text, about, path, body, told, after, kind }) {
  const button = element("button", { type: "button", id, class: kind, text, "aria-label": `${text} ${about}` });
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    const sent = await body();
    if (sent === null) return;
    button.setAttribute("aria-disabled", "true");
    try {
      say(told, "good", sentence((await ask("POST", path, { body: sent })).body.items));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      say(told, "bad", error.message);
    } finally {
      button.removeAttribute("aria-disabled");
    }
    await after();
  });
  return button;
}

function sentence(items) {
  return `Done. ${items.map(({ name, state }) => `${name}: ${state}.`).join(" ")}`;
}

function say(place, tone, text) {
  place.hidden = false;
  place.className = `notice ${tone}`;
  place.replaceChildren(element("span", { class: "id", text }));
}

// Who waits for the reason that is being asked for.
let waiting = null;

// Asks why, in the page: the reason, or null from whoever thinks better of it.
export function reason(title, text) {
  answer(null);
  tell(byId("confirm-title"), title);
  tell(byId("confirm-text"), text);
  byId("confirm-form").reset();
  byId("confirm").showModal();
  return new Promise((resolve) => { waiting = resolve; });
}

function answer(because) {
  byId("confirm").close();
  waiting?.(because);
  waiting = null;
}

export function connect() {
  const dialog = byId("confirm");
  byId("confirm-form").addEventListener("submit", (event) => {
    event.preventDefault();
    answer(byId("confirm-reason").value.trim() || null);
  });
  byId("confirm-no").addEventListener("click", () => answer(null));
  // By the Escape key; told late, so that it may be open for the next question already.
  dialog.addEventListener("close", () => { if (!dialog.open) answer(null); });
}
