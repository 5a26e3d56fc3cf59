// Forms of the settings. `data-chooses` on a select shows and enables the parts of its form whose `data-when` names its value;
// `data-switch="ID"` on a box does so for one part. `data-reveal="ID"`: where the answer is shown, once (`data-field` names what).
// `data-finds="ID"` on a search field fills that select with the practices it finds.
"use strict";

function enable(part, on) {
  part.hidden = !on;
  for (const field of part.querySelectorAll("input, select, textarea")) {
    if (on && field.dataset.keptOff === undefined) field.disabled = false;
    else if (!on) field.disabled = true;
  }
}

function choose(select) {
  const parts = [...select.form.querySelectorAll("[data-when]")];
  for (const part of parts) enable(part, part.dataset.when.split(" ").includes(select.value));
  for (const part of parts) if (part.hidden) enable(part, false); // what lies in a part that is off is off, too
}

for (const select of document.querySelectorAll("select[data-chooses]")) choose(select);
for (const box of document.querySelectorAll("input[data-switch]")) enable(document.getElementById(box.dataset.switch), box.checked);

document.addEventListener("change", (event) => {
  if (event.target.matches?.("select[data-chooses]")) choose(event.target);
  if (event.target.matches?.("input[data-switch]")) enable(document.getElementById(event.target.dataset.switch), event.target.checked);
});

document.addEventListener("vigie:done", (event) => {
  const shown = document.getElementById(event.target.dataset.reveal ?? "");
  if (!shown) return;
  let any = false;
  for (const field of shown.querySelectorAll("[data-field]")) {
    field.textContent = event.detail?.[field.dataset.field] ?? "";
    any ||= field.textContent !== "";
  }
  if (!any) { // nothing to keep: an invitation by number, a client that signs with its own key
    window.location.reload();
    return;
  }
  event.target.hidden = true;
  shown.hidden = false;
  shown.focus();
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-reload]")) window.location.assign(window.location.pathname);
});

// A choice holds two hundred practices; a search asks for others. What was chosen stays, and an empty search gives the first ones back.
const SOON_MS = 250;
const first = new WeakMap();

async function found(words) {
  const answer = await window.vigie.request("GET", `/v1/practices?limit=50&q=${encodeURIComponent(words)}`).catch(() => null);
  return answer?.ok ? (await answer.json()).items.map(({ id, name }) => new Option(name, id)) : [];
}

async function find(field) {
  const select = document.getElementById(field.dataset.finds);
  const words = field.value.trim();
  if (!first.has(select)) first.set(select, [...select.options]);
  const options = words ? await found(words) : first.get(select);
  if (field.value.trim() !== words) return; // somebody types on
  const kept = [...select.options].filter((each) => each.selected || each.value === "");
  const known = new Set(kept.map(({ value }) => value));
  select.replaceChildren(...kept, ...options.filter(({ value }) => !known.has(value)));
  field.nextElementSibling.hidden = options.length > 0;
}

let soon = null;
document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-finds]")) return;
  window.clearTimeout(soon);
  soon = window.setTimeout(() => find(event.target), SOON_MS);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-finds]")) event.preventDefault(); // it is no field of the form
});
