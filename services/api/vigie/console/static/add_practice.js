// A new practice: it is created, then its hours are told, then the page that installs its first device opens. There, a code is made
// once and stands in the commands only; what comes of it is asked again until the first verdict is there.
"use strict";

const DAYS = ["", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ASK_AGAIN_MS = 3000;
const ASK_UNTIL_MS = 30 * 60 * 1000;

// "12345 08:30-12:30 14:00-19:00" → the body of PUT …/opening-hours
function hoursOf(text, territory) {
  const [days, ...spans] = text.split(" ");
  const open = spans.map((span) => { const [from, to] = span.split("-"); return { from, to }; });
  return { territory, weekly: Object.fromEntries([...days].map((day) => [DAYS[Number(day)], open])) };
}

function addPractice(form) {
  form.addEventListener("vigie:done", async ({ detail }) => {
    const week = form.querySelector("[data-hours]").value;
    const territory = form.querySelector("[data-territory]").value;
    if (week) await window.vigie.request("PUT", `/v1/practices/${detail.id}/opening-hours`, hoursOf(week, territory)).catch(() => null);
    window.location.assign(`/practices/${detail.id}/install#start`);
  });
}

function install(form) {
  const parts = document.querySelectorAll("[data-part]");
  const shown = document.getElementById("commands");
  const revoke = document.getElementById("revoke");
  let made = null;
  const fill = () => {
    if (made === null) return;
    const values = { token: made.token, url: window.location.origin };
    for (const part of parts) values[part.dataset.part] = part.value.trim().toLowerCase().replace(/[^a-z0-9-]+/g, "-") || "poste";
    for (const place of document.querySelectorAll("[data-command]")) {
      place.textContent = place.dataset.command.replace(/\{(token|url|alias|role)\}/g, (_all, name) => values[name]);
    }
  };
  for (const part of parts) part.addEventListener("input", fill);
  form.addEventListener("vigie:done", ({ detail }) => {
    made = detail;
    fill();
    form.hidden = true;
    shown.hidden = false;
    window.history.replaceState(null, "", `${window.location.pathname}?token=${made.id}`);
    document.dispatchEvent(new CustomEvent("vigie:refresh"));
    shown.querySelector("pre")?.focus();
  });
  revoke.addEventListener("click", async () => {
    const answer = await window.vigie.request("DELETE", form.dataset.revoke + made.id).catch(() => null);
    if (!answer?.ok) return;
    shown.textContent = revoke.dataset.done;
    document.dispatchEvent(new CustomEvent("vigie:refresh"));
  });
  if (window.location.hash === "#start") {
    window.history.replaceState(null, "", window.location.pathname);
    form.requestSubmit();
  }
}

// Not every first report changes a verdict, and without a change there is no event: while somebody waits, the page asks.
function follow(until) {
  const timer = window.setInterval(() => {
    const waiting = document.getElementById("waiting");
    if (Date.now() > until) window.clearInterval(timer);
    else if (waiting?.dataset.waiting !== undefined) document.dispatchEvent(new CustomEvent("vigie:refresh"));
  }, ASK_AGAIN_MS);
}

const creating = document.getElementById("new-practice");
const coding = document.getElementById("code");
if (creating) addPractice(creating);
if (coding) install(coding);
if (document.getElementById("waiting")) follow(Date.now() + ASK_UNTIL_MS);
