// Evidence of an answer: a file is sent when it is chosen, and the answer names it by its id.
"use strict";

function line(list, name) {
  const item = document.createElement("li");
  const text = document.createElement("bdi");
  text.textContent = name;
  item.append(text);
  list.append(item);
  return item;
}

function keep(list, item, input, id) {
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: input.dataset.into, value: id });
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "btn small text", textContent: list.dataset.remove });
  remove.addEventListener("click", () => { item.remove(); input.focus(); });
  item.append(field, remove);
}

async function send(input, file) {
  const list = input.parentElement.querySelector("[data-files]");
  const item = line(list, file.name);
  item.setAttribute("aria-busy", "true");
  const headers = { "X-Vigie-Request": "1", "Accept": "application/json", "Accept-Language": document.documentElement.lang, "Content-Type": file.type, "X-File-Name": encodeURIComponent(file.name), "Idempotency-Key": crypto.randomUUID() };
  const answer = await fetch(input.dataset.upload, { method: "POST", headers, body: file }).catch(() => null);
  item.removeAttribute("aria-busy");
  if (answer?.ok) {
    keep(list, item, input, (await answer.json()).id);
    return;
  }
  const problem = answer ? await answer.json().catch(() => ({})) : {};
  const told = Object.assign(document.createElement("span"), { className: "err", textContent: problem.title ?? "—" });
  item.append(told);
}

document.addEventListener("change", async (event) => {
  const input = event.target;
  if (!input.dataset?.upload) return;
  for (const file of input.files) await send(input, file);
  input.value = "";
});
