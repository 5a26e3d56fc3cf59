// Keys. `data-key="a"` on a control: pressing that key presses (or focuses) it. `data-step` on rows: J and K go through them.
"use strict";

const OFF = "vigie-keys-off";
const GO = { p: "/practices", a: "/alerts", i: "/incidents" };
let going = false;

function typing(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !/^(checkbox|radio)$/.test(target.type);
}

function step(forward) {
  const rows = [...document.querySelectorAll("[data-step]")].filter((row) => row.offsetParent !== null);
  if (!rows.length) return;
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(here + (forward ? 1 : -1), 0), rows.length - 1)];
  const target = next.matches("a, button") ? next : next.querySelector("a, button");
  target?.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const row = document.activeElement?.closest("[data-step]");
  const control = row?.querySelector(`[data-key="${key}"]`) ?? document.querySelector(`[data-key="${key}"]`);
  if (!control) return false;
  if (control.matches("input:not([type=checkbox]), textarea, select")) control.focus();
  else control.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(event.target)) event.target.blur();
  if (typing(event.target) || localStorage.getItem(OFF) === "1" || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (going && GO[key]) {
    window.location.assign(GO[key]);
    event.preventDefault();
    return;
  }
  going = key === "g";
  if (going) window.setTimeout(() => { going = false; }, 1000);
  else if (key === "?") document.getElementById("keys")?.showModal();
  else if (key === "j" || key === "k") step(key === "j");
  else if (!press(key)) return;
  event.preventDefault();
});

const off = document.getElementById("keys-off");
if (off) {
  off.checked = localStorage.getItem(OFF) === "1";
  off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "1" : "0"));
}
