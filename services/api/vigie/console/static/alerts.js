// The inbox by keyboard. A row that is opened fills the detail in place (htmx); on a phone the link leads to a page of its own.
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

async function open(row) {
  const link = row.querySelector("a");
  if (NARROW.matches) {
    window.location.assign(link.href);
    return;
  }
  await htmx.ajax("GET", link.href, { source: link, target: "#detail", select: "#detail", swap: "outerHTML" });
}

async function again() {
  await htmx.ajax("GET", window.location.href, { target: "#detail", select: "#detail", swap: "outerHTML" });
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
  row?.setAttribute("data-gone", "");
  const all = rows();
  const here = all.indexOf(row);
  const next = [...all.slice(here + 1), ...all.slice(0, Math.max(here, 0))].find((each) => !each.hasAttribute("data-gone"));
  if (!next) {
    await again();
    return;
  }
  await open(next);
  next.querySelector("a").focus();
}

document.addEventListener("vigie:done", async (event) => {
  const act = event.target.dataset.act;
  if (!act) return;
  const row = rowOf(detail()?.dataset.alert);
  say(row, act);
  document.dispatchEvent(new CustomEvent("vigie:refresh"));
  if ((act === "snooze" || act === "resolve") && row && !NARROW.matches) {
    await goOn(row);
    return;
  }
  await again();
  (row && !NARROW.matches ? row.querySelector("a") : detail())?.focus();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const link = event.detail.elt;
  if (!NARROW.matches || !link.matches?.(".mail a")) return;
  event.preventDefault();
  window.location.assign(link.href);
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

document.addEventListener("keydown", async (event) => {
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
  await open(row);
  document.querySelector(`#detail [data-key="${key}"]`)?.click();
}, true);
