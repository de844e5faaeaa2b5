"use strict";

// What the live page does: it draws the frames that the shop sends, and posts its three forms.

const KINDS = ["hits", "loads", "waits", "stale", "invalidations", "failures"];
const WORDS = {
  hit: "hit",
  load: "load",
  wait: "wait",
  stale: "stale",
  invalidation: "invalidation",
  failure: "failure",
};
const SECONDS = 60;
const SHOWN = 200;
const byId = (id) => document.getElementById(id);

// One entry a second of the shop's clock, by number of the second.
const seconds = new Map();
let totals = null;
// The shop's clock, and when this page heard of it.
let clock = { shop: 0, page: performance.now() };

const shopNow = () => clock.shop + performance.now() - clock.page;

const events = new EventSource("/live/events");
events.onopen = () => { byId("connection").textContent = "Connected."; };
events.onerror = () => { byId("connection").textContent = "The shop does not answer. Trying again …"; };
events.onmessage = (message) => {
  const frame = JSON.parse(message.data);
  // A shop that was opened anew begins to count anew.
  if (totals && frame.at_ms < clock.shop) {
    totals = null;
    seconds.clear();
    byId("happenings").replaceChildren();
  }
  clock = { shop: frame.at_ms, page: performance.now() };
  const second = Math.floor(frame.at_ms / 1000);
  const column = seconds.get(second) ?? Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  for (const kind of KINDS) {
    // What happened before this page was opened has no place on its time-line.
    column[kind] += totals ? frame.totals[kind] - totals[kind] : 0;
    byId(kind).textContent = frame.totals[kind].toLocaleString("en");
  }
  seconds.set(second, column);
  totals = frame.totals;
  list(frame.recent);
  draw();
};

// Time goes by although nothing happens.
setInterval(draw, 1000);

function draw() {
  const now = Math.floor(shopNow() / 1000);
  for (const second of seconds.keys()) {
    if (second <= now - SECONDS) seconds.delete(second);
  }
  let most = 1;
  for (const column of seconds.values()) {
    most = Math.max(most, KINDS.reduce((sum, kind) => sum + column[kind], 0));
  }
  const bars = [];
  for (const [second, column] of seconds) {
    let top = 100;
    for (const kind of KINDS) {
      if (column[kind] === 0) continue;
      const height = Math.max((column[kind] / most) * 100, 1);
      top -= height;
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      bar.setAttribute("class", `kind-${kind}`);
      bar.setAttribute("x", String(SECONDS - 1 - (now - second) + 0.1));
      bar.setAttribute("y", String(top));
      bar.setAttribute("width", "0.8");
      bar.setAttribute("height", String(height));
      bars.push(bar);
    }
  }
  byId("timeline").replaceChildren(...bars);
  byId("timeline-scale").textContent =
    bars.length === 0
      ? "Nothing in the last minute."
      : `The highest column is ${most.toLocaleString("en")} a second. One column is one second; the newest is on the right.`;
  const last = seconds.get(now) ?? seconds.get(now - 1);
  for (const kind of KINDS) {
    byId(`${kind}-rate`).textContent = (last ? last[kind] : 0).toLocaleString("en");
  }
}

function list(happenings) {
  const log = byId("happenings");
  for (const happening of happenings) {
    // What goes on happening has its line already.
    const id = `happening-${happening.first}`;
    const known = byId(id);
    const line = known ?? document.createElement("li");
    line.id = id;
    const times = happening.last - happening.first + 1;
    const cells = [
      `${(happening.at_ms / 1000).toFixed(2)} s`,
      WORDS[happening.kind] ?? happening.kind,
      times > 1 ? `${happening.subject}, ${times.toLocaleString("en")} times` : happening.subject,
      `${happening.took_ms.toFixed(1)} ms`,
    ];
    line.replaceChildren(
      ...cells.map((text) => {
        const cell = document.createElement("span");
        cell.textContent = text;
        return cell;
      }),
    );
    if (!known) log.prepend(line);
  }
  while (log.children.length > SHOWN) log.lastElementChild.remove();
  byId("happenings-empty").hidden = log.children.length > 0;
}

// Posts a form and says under it what came of it.
async function post(form) {
  const answer = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  if (button) button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const said = await response.json();
    answer.textContent = said.said ?? said.error;
  } catch {
    answer.textContent = "The shop does not answer.";
  } finally {
    if (button) button.disabled = false;
  }
}

for (const form of document.querySelectorAll(".controls form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    post(form);
  });
}

const latency = byId("latency");
latency.addEventListener("input", () => { byId("latency-shown").textContent = latency.value; });
latency.addEventListener("change", () => { post(byId("latency-form")); });
