// A list of practices: it is checked as soon as it is chosen (a dry run), and created when that is asked for, whole or not at all.
"use strict";

(() => {
const form = document.getElementById("import");
if (!form) return;
const file = document.getElementById("file");
const create = document.getElementById("create");
const refused = document.getElementById("refused");
const checked = document.getElementById("checked");
const rows = document.getElementById("rows");
const SHOWN = 50;
let content = null;
let key = null;

const written = (text, n) => text.replace("{n}", n.toLocaleString(document.documentElement.lang));
const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: document.documentElement.lang === "fr" ? text.replaceAll("'", "’") : text });

function send(more, headers = {}) {
  const own = { "X-Vigie-Request": "1", "Accept": "application/json", "Accept-Language": document.documentElement.lang, "Content-Type": "text/csv", ...headers };
  return fetch(`/v1/practices/import${more}`, { method: "POST", headers: own, body: content });
}

function tell(problem) {
  const told = (problem.errors ?? []).map(({ row, column, pointer, reason }) => line("p", `${row === undefined ? pointer : written(form.dataset.row, row)}${column ? `, ${column}` : ""} : ${reason}`));
  if (problem.more) told.push(line("p", written(form.dataset.more, problem.more)));
  refused.replaceChildren(line("b", problem.title ?? ""), ...told, line("code", problem.code ?? ""));
  refused.hidden = false;
}

function show({ practices }) {
  document.getElementById("right").textContent = form.dataset.right;
  rows.replaceChildren(...practices.slice(0, SHOWN).map(({ name, city, known }) => {
    const row = document.createElement("li");
    row.append(line("bdi", city ? `${name}, ${city}` : name));
    if (known) row.append(Object.assign(line("span", form.dataset.known), { className: "two" }));
    return row;
  }));
  if (practices.length > SHOWN) rows.append(line("li", written(form.dataset.more, practices.length - SHOWN)));
  checked.hidden = false;
  create.textContent = practices.length === 1 ? form.dataset.one : written(form.dataset.many, practices.length);
  create.disabled = false;
}

async function ask(more, headers) {
  form.setAttribute("aria-busy", "true");
  refused.hidden = true;
  try {
    const answer = await send(more, headers);
    if (answer.status === 401) window.location.assign(`/auth/login?return_to=${encodeURIComponent(window.location.pathname)}`);
    const found = await answer.json().catch(() => ({ title: answer.statusText, code: String(answer.status) }));
    if (answer.ok) return found;
    tell(found);
  } catch {
    tell({ title: document.documentElement.lang === "fr" ? "Le service ne répond pas. Rien n’a été perdu : réessayez." : "The service does not answer. Nothing is lost: try again.", code: "network" });
  } finally {
    form.removeAttribute("aria-busy");
  }
  return null;
}

file.addEventListener("change", async () => {
  create.disabled = true;
  checked.hidden = true;
  document.getElementById("not-yet").hidden = true;
  if (!file.files[0]) return;
  content = await file.files[0].arrayBuffer();
  key = crypto.randomUUID();
  const found = await ask("?dry_run=true");
  if (found) show(found);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true" || create.disabled) return;
  if (await ask("", { "Idempotency-Key": key })) window.location.assign("/practices");
});
})();
