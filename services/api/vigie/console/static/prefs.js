// Language and theme: kept in cookies of this browser, so that the server renders the page right at once.
"use strict";

const YEAR = 31536000;

function keep(name, value) {
  const secure = window.location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; samesite=lax${secure}`;
}

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.preference;
  if (!name) return;
  keep(name, event.target.value);
  window.location.reload();
});

// A scrolling bar shows where one is.
document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
