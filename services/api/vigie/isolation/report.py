"""The report of a check, as JSON and as a page in French and English that can be shown to customers. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from vigie.isolation.outcomes import Kind, Report

_WORDS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.OWN: (
        "requêtes régulières de A sur ses propres objets, dont la réponse est fouillée",
        "A's own right requests, their answers searched",
    ),
    Kind.PATH: ("identifiants de B dans l'adresse", "ids of B in the address"),
    Kind.MIXED: ("identifiants de A et de B mêlés dans l'adresse", "ids of A and B mixed in the address"),
    Kind.BODY: ("identifiants de B dans le corps de la requête", "ids of B in the body"),
    Kind.FILTER: ("identifiants et noms de B dans les filtres", "ids and names of B in filters"),
    Kind.CURSOR: ("curseurs de pagination de B", "cursors of B's lists"),
    Kind.KEY: ("clés d'idempotence de B", "idempotency keys of B"),
    Kind.ANONYMOUS: ("sans s'identifier", "without a credential"),
    Kind.TOKEN: ("jetons contrefaits ou expirés", "forged and expired tokens"),
    Kind.COOKIE: (
        "témoins de session recomposés, requêtes d'un autre site",
        "recombined session cookies, requests from another site",
    ),
    Kind.SIGNATURE: ("signatures de poste sous le nom d'un autre", "device signatures under another's name"),
}
_FRENCH: Final = {
    "title": "Contrôle d'isolation entre prestataires",
    "intro": "Deux prestataires fictifs, A et B, ont été créés sur le service en fonctionnement, chacun avec un cabinet, "
    "des postes, un propriétaire connecté et un client partenaire. Les appelants de A ont ensuite essayé d'atteindre, par "
    "le réseau, tout ce qui est à B, opération par opération. Une fuite : une réponse qui contient ce que seul B peut voir, "
    "une requête qui aboutit alors qu'elle devait être refusée, ou un changement chez B, relu par B.",
    "none": "**Aucune fuite.**",
    "some": "**{0} fuite(s).**",
    "facts": ("Date (UTC)", "Adresse", "Version de l'API", "Empreinte des documents OpenAPI", "Vérificateur", "Durée",
              "Opérations attaquées", "Tentatives", "Fuites"),
    "table": ("Ce qui a été tenté", "Tentatives", "Réponses"),
    "leaks": "Fuites",
    "weaker": "Opérations dont la requête régulière n'a pas abouti chez A ; les refus y prouvent moins :",
    "unanswered": "Tentatives auxquelles le service n'a pas su répondre (5xx) : {0}.",
    "away": "Les prestataires fictifs ont été rangés : cabinets archivés, postes, clients et sessions révoqués.",
    "not_away": "Les prestataires fictifs n'ont pas pu être rangés entièrement.",
}  # fmt: skip
_ENGLISH: Final = {
    "title": "Isolation check between providers",
    "intro": "Two throw-away providers, A and B, were made on the running service, each with a practice, devices, an owner "
    "who is signed in and a partner client. A's callers then tried to reach everything of B's over the network, operation by "
    "operation. A leak is an answer that holds what only B may see, a request that succeeds where it had to be refused, or "
    "a change at B, read back as B.",
    "none": "**No leak.**",
    "some": "**{0} leak(s).**",
    "facts": ("Date (UTC)", "Address", "API version", "Digest of the OpenAPI documents", "Checker", "Duration",
              "Operations attacked", "Attempts", "Leaks"),
    "table": ("What was tried", "Attempts", "Answers"),
    "leaks": "Leaks",
    "weaker": "Operations whose right request did not succeed at A; a refusal there proves less:",
    "unanswered": "Attempts that the service could not answer (5xx): {0}.",
    "away": "The throw-away providers were put away: practices archived, devices, clients and sessions revoked.",
    "not_away": "The throw-away providers could not be put away entirely.",
}  # fmt: skip


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as a JSON document; nothing in it is secret."""
    findings = report.findings
    return {
        "subject": asdict(report.subject),
        "started_at": report.started_at.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 1),
        "operations": list(report.operations),
        "attempts": len(findings.outcomes),
        "by_kind": {
            kind.value: {str(status): n for status, n in counted.items()}
            for kind, counted in findings.by_kind().items()
        },
        "leaks": list(findings.leaks),
        "inconclusive": len(findings.inconclusive),
        "without_control": dict(findings.without_control),
        "put_away": report.put_away,
    }


def as_markdown(report: Report) -> str:
    """Return the report as a page: French, then English."""
    return f"{_page(report, _FRENCH, 0)}\n---\n\n{_page(report, _ENGLISH, 1)}"


def _page(report: Report, words: Mapping[str, Any], language: int) -> str:
    findings, subject = report.findings, report.subject
    facts = (
        f"{report.started_at:%Y-%m-%d %H:%M}",
        subject.url,
        subject.api_version,
        f"`{subject.documents}`",
        f"vigie {subject.checker}",
        f"{report.seconds:.0f} s",
        len(report.operations),
        len(findings.outcomes),
        len(findings.leaks),
    )
    lines = [
        f"# {words['title']}",
        "",
        words["some"].format(len(findings.leaks)) if findings.leaks else words["none"],
        "",
    ]
    lines += [
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in zip(words["facts"], facts, strict=True)),
    ]
    lines += ["", words["intro"], "", f"| {' | '.join(words['table'])} |", "|---|---:|---|"]
    for kind, counted in findings.by_kind().items():
        answers = ", ".join(f"{status}: {number}" for status, number in counted.items())
        lines.append(f"| {_WORDS[kind][language]} | {sum(counted.values())} | {answers} |")
    if findings.leaks:
        lines += ["", f"## {words['leaks']}", "", *(f"* {leak}" for leak in findings.leaks)]
    if findings.without_control:
        weaker = (f"`{name}` ({status or 'not tried'})" for name, status in findings.without_control.items())
        lines += ["", words["weaker"], ", ".join(weaker) + "."]
    lines += ["", words["unanswered"].format(len(findings.inconclusive))]
    lines += [words["away"] if report.put_away else words["not_away"], ""]
    return "\n".join(lines)
