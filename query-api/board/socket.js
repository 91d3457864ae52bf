// What operators watch: a WebSocket that is opened again whenever it breaks, with growing pauses.

import { Refusal, ask } from "./api.js";

const SHORTEST = 500;
const LONGEST = 15_000;

// Opens the line. `told(frame)` hears every frame; `state(word)` hears "connecting", "live" and "broken"; after every
// connection, `reload()` is called, because nothing is resumed. Returns how to close it and how to show a new token.
export function open({ told, state, reload }) {
  let socket = null;
  let pause = SHORTEST;
  let timer = null;
  let closed = false;

  async function connect() {
    state("connecting");
    try {
      const { body } = await ask("POST", "/ws/tickets");
      if (!closed) listen(body.ticket);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      later();
    }
  }

  function listen(ticket) {
    const url = new URL("/ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ ticket, audience: "operators" });
    socket = new WebSocket(url);
    socket.addEventListener("message", ({ data }) => heard(JSON.parse(data)));
    socket.addEventListener("close", later);
  }

  function heard(frame) {
    if (frame.frame === "hello") {
      pause = SHORTEST;
      state("live");
    }
    if (frame.frame === "hello" || frame.frame === "reload") reload();
    else told(frame);
  }

  function later() {
    if (closed) return;
    state("broken");
    // A little at random, so that not all come back at once.
    timer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST);
  }

  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
    },
    renew(token) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ frame: "refresh", token }));
    },
  };
}
