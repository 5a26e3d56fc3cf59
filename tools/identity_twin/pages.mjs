// The pages a person sees: plain French HTML that needs no JavaScript, each with the label that says what this is.

export const LABEL = 'Fournisseur d’identité simulé – ni l’ANS, ni Pro Santé Connect';

export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5a6775; --page: #f5f6f8; --card: #fff; --line: #d5dae0;
  --accent: #1f5fa8; --label: #fff3cd; --label-ink: #5c4400; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --soft: #a3afbc; --page: #14191f; --card: #1d242c;
  --line: #37424e; --accent: #7db5f0; --label: #4a3a08; --label-ink: #ffe9a8; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
.label { margin: 0; padding: .75rem 1rem; text-align: center; font-weight: 600; background: var(--label);
  color: var(--label-ink); }
main { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.375rem; line-height: 1.3; margin: 0 0 .5rem; }
.soft { color: var(--soft); }
ul { list-style: none; margin: 1.5rem 0; padding: 0; display: grid; gap: .75rem; }
button { width: 100%; padding: .875rem 1rem; text-align: left; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
button strong, button span { display: block; }
button.plain { margin-bottom: .75rem; text-align: center; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; }
`;

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Return a value as text that is safe between tags and in quoted attributes. */
export function text(value) {
  return String(value).replace(/[&<>"']/g, (sign) => ENTITIES[sign]);
}

const labelLine = `<p class="label" role="note">${text(LABEL)}</p>`;

function page(title, body) {
  return `<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)} – ${text(LABEL)}</title>
<link rel="stylesheet" href="/_twin/style.css">
</head>
<body>
${labelLine}
<main>
<h1>${text(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** Return the page where one chooses who to be. */
export function choose(issuerLabel, clientName, personas, action) {
  const choices = personas.map(
    ({ id, name, note }) =>
      `<li><button type="submit" name="persona" value="${text(id)}"><strong>${text(name)}</strong>` +
      `<span class="soft">${text(note ?? '')}</span></button></li>`,
  );
  return page(
    `Qui se connecte à ${clientName} ?`,
    `<p class="soft">${text(issuerLabel)}. Toutes ces personnes sont inventées ; aucun mot de passe n’est demandé.</p>
<form method="post" action="${text(action)}">
<ul>
${choices.join('\n')}
</ul>
<button class="plain" type="submit" name="persona" value="">Annuler et revenir à ${text(clientName)}</button>
</form>`,
  );
}

/** Return the page that asks whether to end the session; `form` is the library's hidden form. */
export function signOut(issuerLabel, form) {
  return page(
    'Se déconnecter ?',
    `<p class="soft">La session ouverte chez « ${text(issuerLabel)} » va être fermée.</p>
${form}
<button class="plain" type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Oui, me déconnecter</button>
<button class="plain" type="submit" form="op.logoutForm">Non, rester connecté</button>`,
  );
}

/** Return the page after a session ended with nowhere to go back to. */
export function signedOut(issuerLabel) {
  return page('Vous êtes déconnecté', `<p>La session chez « ${text(issuerLabel)} » est fermée.</p>`);
}

/** Return the page of an error that cannot be sent back to the client. */
export function failed(out) {
  const rows = Object.entries(out).map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`);
  return page(
    'La connexion n’a pas pu se faire',
    `<p>Revenez à l’application et recommencez. Détail technique :</p><dl>${rows.join('')}</dl>`,
  );
}

/** Return the address page: what runs here. */
export function home(issuers) {
  const rows = issuers.map(({ label, issuer }) => `<dt>${text(label)}</dt><dd><code>${text(issuer)}</code></dd>`);
  return page('Fournisseurs d’identité simulés', `<p>Pour les essais et la démonstration de Vigie.</p><dl>${rows.join('')}</dl>`);
}

/** Return a page of the library with our label on it, should it come without (its self-submitting forms do). */
export function labelled(html) {
  if (html.includes(text(LABEL))) return html;
  return html.replace(/<body[^>]*>/i, (tag) => `${tag}\n${labelLine}`);
}
