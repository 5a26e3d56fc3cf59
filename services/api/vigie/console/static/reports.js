// The provider's logo is sent when it is chosen.
"use strict";

document.addEventListener("change", async (event) => {
  const input = event.target;
  if (!input.dataset?.put || !input.files[0]) return;
  const told = input.closest(".field").querySelector(".error");
  const headers = { "X-Vigie-Request": "1", "Accept": "application/json", "Accept-Language": document.documentElement.lang, "Content-Type": "image/png" };
  const answer = await fetch(input.dataset.put, { method: "PUT", headers, body: input.files[0] }).catch(() => null);
  if (answer?.ok) {
    window.location.reload();
    return;
  }
  const problem = answer ? await answer.json().catch(() => ({})) : {};
  told.textContent = problem.title ?? "—";
  told.hidden = false;
});
