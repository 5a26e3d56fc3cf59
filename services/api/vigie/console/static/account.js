// Signing out ends the session here; the answer says where the identity provider ends its own.
"use strict";

document.addEventListener("vigie:done", (event) => {
  if (event.target.dataset.act === "sign-out") window.location.assign(event.detail?.continue_at ?? "/auth/logged-out");
});
