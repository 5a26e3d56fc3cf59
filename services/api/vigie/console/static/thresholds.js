// What changed thresholds would turn, asked of the API and shown before anything is changed.
"use strict";

const shown = document.getElementById("preview");
const fill = (text, named) => text.replace(/\{(\w+)\}/g, (_, name) => named[name]);

function line(control, titles, states) {
  const item = document.createElement("li");
  const what = document.createElement("div");
  const title = document.createElement("b");
  title.textContent = `${control.control.replace("ANS-", "")} ${titles[control.control] ?? ""}`;
  what.append(title);
  for (const turn of control.devices) {
    const told = document.createElement("p");
    told.className = "two";
    told.textContent = fill(shown.dataset.turn, { from: states[turn.from], to: states[turn.to], devices: turn.devices });
    what.append(told);
  }
  item.append(what);
  return item;
}

document.addEventListener("vigie:done", (event) => {
  const found = event.detail;
  if (event.target.id !== "thresholds" || !shown || !Array.isArray(found?.controls)) return;
  event.preventDefault(); // it was a preview: the page stays
  const titles = JSON.parse(shown.dataset.titles);
  const states = JSON.parse(shown.dataset.states);
  const told = found.controls.length ? fill(shown.dataset.some, { practices: found.practices_changing, devices: found.devices_judged }) : shown.dataset.nothing;
  shown.querySelector("[data-sum]").textContent = found.complete ? told : `${told} ${shown.dataset.part}`;
  shown.querySelector("[data-turns]").replaceChildren(...found.controls.map((control) => line(control, titles, states)));
  shown.hidden = false;
  shown.focus();
});

// A list that is empty is not set; a family in which nothing is set is left out, and so may all of them be.
const form = document.getElementById("thresholds");
form?.addEventListener("submit", () => {
  for (const words of form.querySelectorAll("[data-list-of-words]")) words.disabled = words.value.trim() === "";
  const none = [...form.querySelectorAll('[name^="thresholds."]')].every((field) => field.disabled || field.value === "");
  const empty = form.querySelector('[name="thresholds"]');
  empty.value = "{}";
  empty.disabled = !none;
}, true);
document.addEventListener("vigie:done", () => { for (const words of document.querySelectorAll("[data-list-of-words]")) words.disabled = false; });
