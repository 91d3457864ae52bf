// The board: who may see it, and what it is put together from.

import * as acting from "./acting.js";
import * as chart from "./chart.js";
import * as commands from "./commands.js";
import { byId, tell } from "./elements.js";
import * as history from "./history.js";
import * as orders from "./orders.js";
import * as parked from "./parked.js";
import * as pipeline from "./pipeline.js";
import * as projections from "./projections.js";
import * as session from "./session.js";
import { open } from "./socket.js";

const LINES = { connecting: "Connecting…", live: "Live", broken: "Connection lost; trying again" };
const KINDS = { ord: "order", pay: "payment", ful: "fulfilment" };

// What runs while somebody is logged in.
let running = null;

function start() {
  byId("entry").hidden = true;
  byId("board").hidden = false;
  byId("who").hidden = false;
  tell(byId("name"), session.current().email);
  const watched = pipeline.watch((seen) => {
    projections.show(seen);
    parked.look();
  });
  const line = open({
    state: showLine,
    reload: () => refusable(orders.reload),
    told: (frame) => {
      if (frame.frame === "snapshot") watched.told(KINDS[frame.stream.slice(0, 3)] ?? "order", orders.told(frame));
    },
  });
  running = { watched, line };
  refusable(commands.products);
}

function stop(message) {
  running?.watched.stop();
  running?.line.close();
  running = null;
  byId("history").close();
  byId("confirm").close();
  for (const told of document.querySelectorAll("#projections-told, #parked-told")) told.hidden = true;
  orders.forget();
  byId("board").hidden = true;
  byId("who").hidden = true;
  byId("entry").hidden = false;
  tell(byId("line"), message ?? "");
  byId("line").className = "line";
  byId("email").focus();
}

function showLine(state) {
  byId("line").className = `line ${state}`;
  tell(byId("line"), LINES[state]);
}

// What cannot be read now is read again by whoever needs it next; a log-in that ended is told by the session.
async function refusable(read) {
  try {
    await read();
  } catch (error) {
    tell(byId("line"), error.message);
  }
}

async function logIn(event) {
  event.preventDefault();
  const problem = byId("entry-problem");
  const button = event.submitter ?? event.target.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  try {
    await session.logIn(byId("email").value, byId("password").value);
    byId("log-in").reset();
  } catch (error) {
    problem.hidden = false;
    tell(problem, error.message);
    byId("password").select();
  } finally {
    button.disabled = false;
  }
}

session.watch((news) => {
  if (news.session) start();
  else if (news.renewed) running?.line.renew(news.renewed.token);
  else stop(news.message);
});
acting.connect();
chart.connect();
history.connect();
commands.connect(() => running?.watched.accepted());
byId("log-in").addEventListener("submit", logIn);
byId("log-out").addEventListener("click", () => session.logOut());
if (session.current()) start();
else byId("entry").hidden = false;
