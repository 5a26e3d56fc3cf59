// The inbox by keyboard. A row that is opened fills the detail in place; on a phone the link leads to a page of its own.
// A, S and E act on the alert whose row has the focus: if another one is open, the focused one is opened first.
"use strict";

const NARROW = window.matchMedia("(max-width: 60rem)");
const TRIAGE = new Set(["a", "s", "e"]);
const TOLD = { fr: { acknowledge: "prise en charge", assign: "confiée", snooze: "mise en sommeil", resolve: "déclarée résolue" }, en: { acknowledge: "taken in charge", assign: "given", snooze: "snoozed", resolve: "said to be resolved" } };
const told = document.getElementById("told");

const detail = () => document.getElementById("detail");
const rows = () => [...document.querySelectorAll(".mail > li[data-alert]")];
const rowOf = (id) => document.getElementById(`m-${id}`);

function mark() {
  const open = detail()?.dataset.alert;
  for (const row of rows()) {
    const link = row.querySelector("a");
    if (row.dataset.alert === open) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// One alert is fetched at a time, so that no answer finds the place of another: whoever steps on faster sees the one they came to
// last, and those between are not fetched. `then` is done with the alert that it was asked of, and is never passed over.
let line = Promise.resolve();
let turn = 0;

function fetchInTurn(address, source, then) {
  turn += 1;
  const mine = turn;
  line = line.then(async () => {
    if (mine !== turn && !then) return;
    await htmx.ajax("GET", address(), { source, target: "#detail", select: "#detail", swap: "outerHTML" });
    then?.();
  }).catch(() => {}); // the service is away: what is shown stays
  return line;
}

function open(row, then) {
  const link = row.querySelector("a");
  if (NARROW.matches) {
    window.location.assign(link.href);
    return Promise.resolve();
  }
  return fetchInTurn(() => link.href, link, then && (() => { if (detail()?.dataset.alert === row.dataset.alert) then(); }));
}

function again() {
  return fetchInTurn(() => window.location.href);
}

function say(row, act) {
  const words = TOLD[document.documentElement.lang]?.[act];
  if (!told || !words || !row) return;
  const title = row.querySelector("a > span:nth-of-type(1)").lastChild.textContent.trim();
  told.textContent = document.documentElement.lang === "fr" ? `« ${title} » ${words}.` : `“${title}” ${words}.`;
  told.hidden = false;
}

// What was dealt with stays where it is, quiet, and the next one is opened.
async function goOn(row) {
  const all = rows();
  const here = all.indexOf(row);
  const next = [...all.slice(here + 1), ...all.slice(0, Math.max(here, 0))].find((each) => !each.hasAttribute("data-gone"));
  if (!next) {
    await again();
    return;
  }
  await open(next);
  if (detail()?.dataset.alert === next.dataset.alert) next.querySelector("a").focus();
}

// An answer may come when the reader is at another alert already: it is said of the alert that it is about, and nobody is moved.
async function done(event) {
  const form = event.target;
  const { act } = form.dataset;
  const id = form.dataset.api.split("/")[3];
  const row = rowOf(id);
  say(row, act);
  document.dispatchEvent(new CustomEvent("vigie:refresh"));
  const over = (act === "snooze" || act === "resolve") && row && !NARROW.matches;
  if (over) row.setAttribute("data-gone", "");
  if (detail()?.dataset.alert !== id) return;
  if (over) {
    await goOn(row);
    return;
  }
  await again();
  if (document.activeElement === document.body) (row && !NARROW.matches ? row.querySelector("a") : detail())?.focus();
}

// On the form itself: it may have left the page when it is answered.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.act) event.target.addEventListener("vigie:done", done);
}, true);

// A plain click opens in place; on a phone, or with a key for another tab, it is a link.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.(".mail a")?.closest("li[data-alert]");
  if (!row || NARROW.matches || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(row);
});

// An answer without an alert is the sign-in: the session has ended, and the page knows the way there and back.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "detail" || event.detail.serverResponse.includes('id="detail"')) return;
  event.detail.shouldSwap = false;
  if (event.detail.xhr.status === 200) window.location.reload();
});

document.addEventListener("htmx:afterSwap", () => {
  mark();
  detail()?.scrollIntoView({ block: "nearest" });
});
document.addEventListener("vigie:taken", () => {
  mark();
  const ids = new Set((document.getElementById("mail-news")?.dataset.ids ?? "").split(" ").filter(Boolean));
  const shown = rows();
  for (const row of shown) row.toggleAttribute("data-gone", !ids.has(row.dataset.alert) && row.dataset.alert !== detail()?.dataset.alert);
  const more = [...ids].some((id) => !rowOf(id));
  for (const part of document.querySelectorAll("#mail-news > *")) part.hidden = !more;
  const words = document.querySelector("#mail-news > [data-one]");
  if (words) words.textContent = more ? words.dataset.one : "";
});

// An hour from when the button is pressed, not from when the page was made.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-in]");
  if (button) button.value = new Date(Date.now() + Number(button.dataset.in) * 1000).toISOString().replace(/\.\d{3}Z$/, "Z");
}, true);

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.act") && event.target.open) event.target.querySelector("textarea, .btns button, select")?.focus();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) {
    event.target.closest?.("form[data-api]")?.requestSubmit();
    return;
  }
  const key = event.key.toLowerCase();
  if (event.key === "Escape") {
    const opened = document.querySelector("details.act[open]");
    if (opened) {
      opened.open = false;
      opened.querySelector("summary").focus();
    }
    return;
  }
  if (!TRIAGE.has(key) || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = document.activeElement?.closest(".mail > li[data-alert]");
  if (!row || row.dataset.alert === detail()?.dataset.alert || localStorage.getItem("vigie-keys-off") === "1") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  open(row, () => document.querySelector(`#detail [data-key="${key}"]`)?.click());
}, true);
