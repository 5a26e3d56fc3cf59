// The list of practices: how many changed state since it was shown, and what is done with the ones that are ticked. Each action is
// one request to the REST API per practice, so that what is refused for one leaves the others done; the answer tells which.
"use strict";

(() => {
const form = document.getElementById("ticks");
const fresh = document.getElementById("fresh");
const said = document.getElementById("ticked");
const refused = document.getElementById("bulk-refused");
const ticks = () => [...form.querySelectorAll("input[data-practice]")];
const ticked = () => ticks().filter((box) => box.checked);
let changed = 0;
let busy = false;

function written(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

document.addEventListener("vigie:states", ({ detail }) => {
  changed += detail;
  fresh.querySelector("span").textContent = changed === 1 ? fresh.dataset.one : written(fresh.dataset.many, { n: changed });
  fresh.hidden = false;
});

fresh.querySelector("a").addEventListener("click", (event) => {
  event.preventDefault();
  window.location.reload();
});

function count() {
  if (!said) return;
  const number = ticked().length;
  said.textContent = number === 1 ? form.dataset.one : written(form.dataset.many, { n: number });
  const all = document.getElementById("tick-all");
  if (!all) return;
  all.checked = number > 0 && number === ticks().length;
  all.indeterminate = number > 0 && !all.checked;
}

function untick() {
  for (const box of ticked()) box.checked = false;
  count();
}

async function told(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.errors?.[0] ? `${problem.title} (${problem.errors[0].reason})` : problem.title ?? String(answer.status);
}

async function send(method, address, body) {
  const more = method === "POST" ? { "Idempotency-Key": crypto.randomUUID() } : {};
  const answer = await window.vigie.request(method, address, body, more);
  return answer.ok ? null : told(answer);
}

// Returns why it was refused, or null.
const ACTIONS = {
  give: (practice) => send("PUT", `/v1/practices/${practice}/responsible`, { member_id: document.getElementById("bulk-member").value || null }),
  window: (practice) => send("POST", "/v1/maintenance-windows", {
    practice_id: practice,
    starts_at: at("bulk-from"),
    ends_at: at("bulk-to"),
    reason: document.getElementById("bulk-reason").value,
  }),
  acknowledge: async (practice) => {
    const answer = await window.vigie.request("GET", `/v1/alerts?practice_id=${practice}&status=open&limit=200`);
    if (!answer.ok) return told(answer);
    for (const alert of (await answer.json()).items) {
      const why = await send("POST", `/v1/alerts/${alert.id}/acknowledge`, {});
      if (why) return why;
    }
    return null;
  },
};

function at(id) {
  const field = document.getElementById(id);
  return window.vigie.instantOf(field.value, field.dataset.zone);
}

function filled(action) {
  if (action !== "window") return true;
  const fields = ["bulk-from", "bulk-to", "bulk-reason"].map((id) => document.getElementById(id));
  for (const field of fields) field.required = true;
  const ready = fields.every((field) => field.reportValidity());
  for (const field of fields) field.required = false;
  return ready;
}

async function run(action) {
  const boxes = ticked();
  if (busy || !boxes.length || !filled(action)) return;
  busy = true;
  refused.hidden = true;
  const failures = [];
  let done = 0;
  for (const box of boxes) {
    said.textContent = written(form.dataset.doing, { n: done + 1, all: boxes.length });
    const why = await ACTIONS[action](box.dataset.practice).catch(() => "…");
    if (why) failures.push([box, why]);
    else box.checked = false;
    done += 1;
  }
  busy = false;
  document.dispatchEvent(new CustomEvent("vigie:refresh"));
  if (!failures.length) {
    document.getElementById("bulk-window")?.removeAttribute("open");
    count();
    return;
  }
  count();
  const lines = failures.slice(0, 5).map(([box, why]) => {
    const line = document.createElement("p");
    line.textContent = `${box.closest("tr").querySelector(".name").textContent} : ${why}`;
    return line;
  });
  const head = document.createElement("b");
  head.textContent = written(form.dataset.failed, { n: failures.length, all: boxes.length });
  refused.replaceChildren(head, ...lines);
  refused.hidden = false;
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", (event) => {
  if (event.target.id === "tick-all") for (const box of ticks()) box.checked = event.target.checked;
  if (event.target.type === "checkbox") count();
});
form.addEventListener("click", (event) => {
  const action = event.target.closest("[data-bulk]")?.dataset.bulk;
  if (action === "none") untick();
  else if (action) run(action);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !busy && ticked().length && !form.querySelector("details[open]")) untick();
});
// Whatever opens in place closes with Escape, and when one goes elsewhere.
for (const drop of document.querySelectorAll("details.drop")) {
  drop.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drop.open) return;
    drop.open = false;
    drop.querySelector("summary").focus();
    event.stopPropagation();
  });
}
document.addEventListener("click", (event) => {
  for (const drop of document.querySelectorAll("details.drop[open]")) if (!drop.contains(event.target)) drop.open = false;
});
document.addEventListener("vigie:taken", count);
})();
