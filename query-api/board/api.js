// The API, asked as whoever is logged in. An access token that is about to expire is replaced before it is used.

import { authorization, end, renew } from "./session.js";

// Why the API did not do what it was asked to: a problem as of RFC 9457, or that no answer came.
export class Refusal extends Error {
  constructor(status, problem) {
    super(sentence(problem.detail ?? problem.title ?? `The answer was ${status}`));
    this.status = status;
    this.code = problem.code ?? "no_answer";
  }
}

// What came back: status, headers, body, and how many milliseconds it took.
export async function ask(method, path, { body, headers = {} } = {}) {
  let answer = await sent(method, path, body, headers);
  if (answer.status === 401) {
    await renew();
    answer = await sent(method, path, body, headers);
  }
  if (answer.status === 401) end("Your log-in has ended. Log in again.");
  if (answer.status >= 400) throw new Refusal(answer.status, answer.body ?? {});
  return answer;
}

// The body of what is there.
export async function read(path, headers) {
  return (await ask("GET", path, { headers })).body;
}

async function sent(method, path, body, headers) {
  const options = { method, headers: { ...headers, ...(await authorization()) }, cache: "no-store" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const since = performance.now();
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal(0, { detail: "The gateway does not answer." });
  }
  const text = await response.text();
  const took = performance.now() - since;
  return { status: response.status, headers: response.headers, body: parsed(text), took };
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
