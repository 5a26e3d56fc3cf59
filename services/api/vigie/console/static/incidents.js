// The clocks of an incident go on by the minute.
"use strict";

const HOURS = 72;

function path(from, to) {
  let drawn = "";
  for (let hour = from; hour < to; hour += 1) drawn += hour % 24 === 0 ? `M${hour * 10} 0h5v20h-5z` : `M${hour * 10} 5h5v15h-5z`;
  return drawn;
}

function tick() {
  const now = Date.now();
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const minutes = Math.floor(Math.abs(Date.parse(clock.dataset.clock) - now) / 60000);
    clock.textContent = `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
    const gone = Math.min(Math.max(Math.floor((now - Date.parse(clock.dataset.known)) / 3600000), 0), HOURS);
    const panel = clock.closest(".clock");
    panel.querySelector(".gone").setAttribute("d", path(0, gone));
    panel.querySelector(".todo").setAttribute("d", path(gone, HOURS));
    if (now > Date.parse(clock.dataset.clock) && panel.dataset.state !== "overdue") document.dispatchEvent(new CustomEvent("vigie:refresh"));
  }
  window.setTimeout(tick, 60000 - (now % 60000));
}

window.setTimeout(tick, 60000 - (Date.now() % 60000));
