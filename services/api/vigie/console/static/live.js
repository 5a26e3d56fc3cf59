// What changes while one looks. The event stream says that something changed; the page is asked again, and the elements marked
// `data-live` (each with an id) take their new content in place. Nothing is sorted anew, removed under the hand, or taken from
// whoever is writing in it. `<body data-live-of="all | ID of a practice">` says which events concern the page.
//
// One tab of a browser holds the stream for all of them: browsers open six connections to a server and no more.
"use strict";

const CHANNEL = new BroadcastChannel("vigie-events");
const GATHER_MS = 300;
const QUIET_MS = 1500;
const POLL_MS = 60000;
const SHOWN_MS = 4000;
const concern = document.body.dataset.liveOf;
let waiting = null;
let last = 0;
let stale = false;

function show(on) {
  const dot = document.getElementById("live");
  if (!dot) return;
  const words = dot.querySelector("span");
  dot.dataset.words ??= words.textContent;
  if (on) {
    dot.removeAttribute("data-live-state");
    words.textContent = dot.dataset.words;
  } else if (dot.dataset.liveState !== "off") {
    dot.dataset.liveState = "off";
    words.textContent = `${dot.dataset.stopped} ${new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" })}`;
  }
}

// Whoever writes is left alone: what has the focus, and what was typed and not sent yet.
function busy(element) {
  if (element.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return true;
  return [...element.querySelectorAll("textarea, input:not([type=checkbox], [type=radio], [type=hidden])")].some((field) => field.value !== field.defaultValue);
}

function take(fresh) {
  let states = 0;
  for (const element of document.querySelectorAll("[data-live][id]")) {
    const next = fresh.getElementById(element.id);
    if (!next && element.tagName === "TR" && element.dataset.gone === undefined) {
      element.dataset.gone = ""; // no longer among the rows of this list: what it says is of before
      states += 1;
    }
    if (!next || next.outerHTML === element.outerHTML || busy(element)) continue;
    const before = element.dataset.state;
    Idiomorph.morph(element, next, { ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: keepOpen } });
    const now = document.getElementById(element.id);
    if (now.dataset.quiet === undefined) {
      now.classList.add("changed");
      window.setTimeout(() => now.classList.remove("changed"), SHOWN_MS);
    }
    if (before !== now.dataset.state) states += 1;
  }
  if (states) document.dispatchEvent(new CustomEvent("vigie:states", { detail: states }));
  document.dispatchEvent(new CustomEvent("vigie:taken"));
}

// What a reader opened or ticked stays so.
function keepOpen(name, node) {
  return !(name === "open" && node.matches?.("details, dialog")) && !(name === "checked");
}

async function refresh() {
  waiting = null;
  if (document.hidden) {
    stale = true;
    return;
  }
  last = Date.now();
  stale = false;
  const answer = await fetch(window.location.href, { headers: { "X-Vigie-Live": "1" }, redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect") window.location.reload(); // the session has ended: the sign-in knows the way back
  else if (answer?.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
}

function soon() {
  if (waiting !== null) return;
  waiting = window.setTimeout(refresh, Math.max(GATHER_MS, last + QUIET_MS - Date.now()));
}

function hear({ practice_id: practice }) {
  if (concern === "all" || practice === null || practice === concern) soon();
}

// `late`: another tab held the stream until now, and may have heard what this one has not.
function follow(late) {
  const stream = new EventSource("/v1/events/stream");
  let poll = null;
  const listen = (event) => {
    const told = JSON.parse(event.data);
    hear(told);
    CHANNEL.postMessage({ told });
  };
  const tellState = (on) => {
    show(on);
    CHANNEL.postMessage({ on });
  };
  stream.onopen = () => {
    tellState(true);
    window.clearInterval(poll);
    if (poll !== null || late) soon(); // what was missed meanwhile
    poll = null;
    late = false;
  };
  stream.onerror = () => {
    tellState(false);
    poll ??= window.setInterval(() => { soon(); CHANNEL.postMessage({ told: { practice_id: null } }); }, POLL_MS);
    if (stream.readyState === EventSource.CLOSED) window.setTimeout(() => follow(true), POLL_MS / 6);
  };
  // The server names each event by its kind, and a listener is needed for each name.
  for (const kind of (document.body.dataset.liveKinds ?? "").split(" ")) if (kind) stream.addEventListener(kind, listen);
}

CHANNEL.onmessage = ({ data }) => {
  if (data.told) hear(data.told);
  else show(data.on);
};
document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) soon(); });
document.addEventListener("vigie:refresh", soon);
const opened = Date.now();
if (concern) navigator.locks.request("vigie-stream", () => { follow(Date.now() - opened > GATHER_MS); return new Promise(() => {}); });
