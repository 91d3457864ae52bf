// Who is logged in. The tokens live in this tab alone, and are gone when it is closed.

const STORE = "orderflow.board";
// An access token is replaced when it is good for no longer than this, in milliseconds.
const MARGIN = 60_000;

let session = stored();
let renewal = null;
const listeners = [];

// Calls back whenever somebody has come (`session`), has new tokens (`renewed`) or is gone (`message`).
export function watch(listener) {
  listeners.push(listener);
}

export function current() {
  return session;
}

export async function logIn(email, password) {
  const answer = await post("/api/v1/users/login", { email, password });
  if (!answer.ok) throw new Error(answer.body.detail ?? `The answer was ${answer.status}`);
  const opened = opening(answer.body.data);
  if (opened.role !== "admin") {
    await post("/api/v1/users/logout", {}, opened.token);
    throw new Error("The board is for admins, and you are none. Nothing was changed.");
  }
  keep(opened);
  announce({ session });
}

export async function logOut() {
  const token = session?.token;
  end("You are logged out.");
  if (token) await post("/api/v1/users/logout", {}, token);
}

// Forgets whoever was here.
export function end(message) {
  if (!session) return;
  keep(null);
  announce({ message });
}

// The header that says who asks.
export async function authorization() {
  if (session && session.until - Date.now() < MARGIN) await renew();
  return session ? { authorization: `Bearer ${session.token}` } : {};
}

// New tokens. A refresh token is good once, so whoever asks meanwhile waits for the same answer.
export function renew() {
  renewal ??= renewed().finally(() => { renewal = null; });
  return renewal;
}

async function renewed() {
  if (!session) return;
  const answer = await post("/api/v1/users/refresh", { refreshToken: session.refresh });
  if (answer.ok) {
    keep(opening(answer.body.data));
    announce({ renewed: session });
  } else if (answer.status === 401) {
    end("Your log-in has ended. Log in again.");
  }
}

function opening({ user, token, refreshToken, expiresIn }) {
  const until = Date.now() + expiresIn * 1000;
  return { user: user._id, email: user.email, role: user.role, token, refresh: refreshToken, until };
}

function keep(opened) {
  session = opened;
  if (opened) sessionStorage.setItem(STORE, JSON.stringify(opened));
  else sessionStorage.removeItem(STORE);
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE));
  } catch {
    return null;
  }
}

function announce(news) {
  for (const listener of listeners) listener(news);
}

async function post(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return { ok: response.ok, status: response.status, body: await response.json().catch(() => ({})) };
  } catch {
    return { ok: false, status: 0, body: { detail: "The gateway does not answer." } };
  }
}
