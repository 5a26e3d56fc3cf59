// Forms that speak to the REST API. The browser sends what was filled in as JSON, as the person who is signed in:
//
//   <form data-api="POST /v1/alerts/ID/acknowledge" data-then="reload"> … <div data-refused hidden></div> </form>
//
// data-then     reload (default) · refresh (only what is live on the page) · an address, in which {id} is the answer's id ·
//               (with data-closes, the details it stands in closes) ·
//               event: only `vigie:done` is dispatched on the form, with the answer as its detail
// names         `a.b` makes an object in an object, `a[]` a list, `a.0.b` an object in a list; empty optional fields are left out
// data-list     on what holds the rows of a list: the list is sent, empty, while all of them are left out
// data-row      on what holds the fields of one object of a list: left out as a whole while nothing is written in it
// data-type     int · number · bool · null (empty means null) · lines (a list, one per line) · json ·
//               instant (of a datetime-local field, in the zone of data-zone)
// data-etag     sent as If-Match
"use strict";

const attempts = new WeakMap();

function place(body, name, value) {
  const path = name.split(".");
  const last = path.pop();
  let at = body;
  for (const part of path) at = at[part] ??= {};
  if (last.endsWith("[]")) (at[last.slice(0, -2)] ??= []).push(value);
  else at[last] = value;
}

// The instant at which clocks of a zone show a wall time: asked of the zone twice, because its offset may change between.
function instantOf(wall, zone) {
  const wanted = Date.parse(`${wall}Z`);
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const shown = (at) => {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return Date.parse(`${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}Z`);
  };
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) at += wanted - shown(at);
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

const READ = {
  int: (text) => Number.parseInt(text, 10),
  number: (text) => Number(text.replace(",", ".")),
  bool: (text) => text === "true" || text === "on",
  json: (text) => JSON.parse(text),
  lines: (text) => text.split("\n").map((line) => line.trim()).filter(Boolean),
  null: (text) => text,
};

function read(field) {
  const type = field.dataset.type;
  if (field.type === "checkbox" && type === "bool") return field.checked;
  if (field.value === "" && type === "null") return null;
  if (type === "lines") return READ.lines(field.value);
  if (field.value === "") return undefined;
  if (type === "instant") return instantOf(field.value, field.dataset.zone);
  return type ? READ[type](field.value) : field.value;
}

// What of a list was left out, so that the API's `contacts/0` is told at the row it came from: names of lists → their rows.
const rows = new WeakMap();

function untouched(field) {
  const row = field.closest("[data-row]");
  return row && ![...row.querySelectorAll("input:not([type=hidden]), textarea")].some((other) => other.name && other.value !== "");
}

function listed(body, kept, name = "") {
  for (const [key, value] of Object.entries(body)) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) continue;
    const keys = Object.keys(value);
    listed(value, kept, `${name}${key}.`);
    if (!keys.every((each) => /^\d+$/.test(each))) continue;
    kept[`${name}${key}`] = keys;
    body[key] = keys.map((each) => value[each]);
  }
  return body;
}

function bodyOf(form, submitter) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === "submit" || untouched(field)) continue;
    if (field.type === "radio" && !field.checked) continue;
    if (field.type === "checkbox" && field.dataset.type !== "bool" && !field.checked) continue;
    if (field.multiple && field.tagName === "SELECT") {
      for (const option of field.selectedOptions) place(body, field.name, option.value);
      continue;
    }
    const value = read(field);
    if (value !== undefined) place(body, field.name, value);
  }
  if (submitter?.name) place(body, submitter.name, read(submitter));
  for (const list of form.querySelectorAll("[data-list]")) body[list.dataset.list] ??= [];
  const kept = {};
  rows.set(form, kept);
  return listed(body, kept);
}

function request(method, address, body, more = {}) {
  const headers = { "X-Vigie-Request": "1", "Accept": "application/json", "Accept-Language": document.documentElement.lang, ...more };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
}

function toSignIn() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/auth/login?return_to=${encodeURIComponent(here)}`);
}

function clear(form) {
  for (const told of form.querySelectorAll(".error[data-told]")) told.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const box = form.querySelector("[data-refused]");
  if (box) box.hidden = true;
}

function tellField(form, { pointer, reason }) {
  const said = pointer.replace(/^\/(body|query)\//, "").replaceAll("/", ".");
  const name = said.replace(/^([^.]+)\.(\d+)/, (whole, list, number) => `${list}.${rows.get(form)?.[list]?.[number] ?? number}`);
  const field = form.elements.namedItem(name) ?? form.elements.namedItem(`${name.replace(/\.\d+$/, "")}[]`);
  if (!field?.closest) return false;
  const told = document.createElement("p");
  told.className = "error";
  told.dataset.told = "";
  told.id = `told-${name}`;
  told.textContent = reason;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", told.id);
  (field.closest(".field") ?? field.parentElement).append(told);
  return true;
}

function tell(form, problem) {
  const untold = (problem.errors ?? []).filter((error) => !tellField(form, error));
  const box = form.querySelector("[data-refused]");
  if (!box) return;
  const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: form.ownerDocument.documentElement.lang === "fr" ? text.replaceAll("'", "’") : text });
  box.replaceChildren(
    line("b", problem.title ?? ""),
    ...(problem.detail ? [line("p", problem.detail)] : []),
    ...untold.map(({ pointer, reason }) => line("p", `${pointer} : ${reason}`)),
    line("code", problem.code ?? ""),
  );
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

async function done(form, answer) {
  attempts.delete(form);
  for (const field of form.elements) if ("defaultValue" in field) field.defaultValue = field.value; // it is sent: live.js may take it
  const found = answer.status === 204 ? null : await answer.json().catch(() => null);
  const then = form.dataset.then ?? "reload";
  const told = form.dispatchEvent(new CustomEvent("vigie:done", { bubbles: true, cancelable: true, detail: found }));
  if (!told || then === "event") return;
  if (then === "reload") window.location.reload();
  else if (then === "refresh") {
    const around = form.dataset.closes === undefined ? null : form.closest("details");
    around?.removeAttribute("open");
    around?.querySelector("summary")?.focus();
    document.dispatchEvent(new CustomEvent("vigie:refresh"));
  }
  else window.location.assign(then.replace("{id}", encodeURIComponent(found?.id ?? "")));
}

async function submit(form, submitter) {
  const [method, address] = (submitter?.dataset.api ?? form.dataset.api).split(" ");
  const body = method === "DELETE" ? undefined : bodyOf(form, submitter);
  const content = JSON.stringify(body);
  if (attempts.get(form)?.content !== content) attempts.set(form, { content, key: crypto.randomUUID() });
  const more = method === "POST" ? { "Idempotency-Key": attempts.get(form).key } : {};
  if (form.dataset.etag) more["If-Match"] = form.dataset.etag;
  clear(form);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await request(method, address, body, more);
    if (answer.ok) await done(form, answer);
    else if (answer.status === 401) toSignIn();
    else tell(form, await answer.json().catch(() => ({ title: answer.statusText, code: String(answer.status) })));
  } catch {
    tell(form, { title: form.ownerDocument.documentElement.lang === "fr" ? "Le service ne répond pas. Rien n’a été perdu : réessayez." : "The service does not answer. Nothing is lost: try again.", code: "network" });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.api && !event.submitter?.dataset.api) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") !== "true") submit(form, event.submitter);
});

// `data-print` prints the page; `data-copy="id"` copies what stands in another element.
document.addEventListener("click", async (event) => {
  if (event.target.closest?.("[data-print]")) window.print();
  const copied = event.target.closest?.("[data-copy]");
  if (!copied) return;
  await navigator.clipboard.writeText(document.getElementById(copied.dataset.copy).textContent.trim());
  const before = copied.textContent;
  copied.textContent = copied.dataset.copied;
  window.setTimeout(() => { copied.textContent = before; }, 2000);
});

window.vigie = { request, instantOf };
