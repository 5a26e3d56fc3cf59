// Computes the fingerprint of a chosen file on the reader's own device and sends that alone.
"use strict";

const form = document.getElementById("verify");
const chosen = document.getElementById("file");

async function fingerprint(file) {
  const digest = await window.crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Browsers offer this on secure pages only; elsewhere the fingerprint is computed by hand.
if (window.crypto.subtle) {
  document.getElementById("by-hand").hidden = true;
  document.getElementById("by-file").hidden = false;
  chosen.addEventListener("change", async () => {
    if (chosen.files.length === 1) {
      document.getElementById("sha256").value = await fingerprint(chosen.files[0]);
      form.submit();
    }
  });
}
