// Hands the token of an invitation link over to the form, and takes it out of the address and the history of this tab.
"use strict";

const token = decodeURIComponent(window.location.hash.slice(1));
if (token) {
  window.history.replaceState(null, "", window.location.pathname);
  document.getElementById("token").value = token;
  document.getElementById("invitation").submit();
}
