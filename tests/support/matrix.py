"""The isolation matrix: who may call which operation, and what they are answered on an object of theirs.

The rest follows from the rules at the top of `vigie.auth.dependencies`: nobody and a device's signature 401, a known caller who
is not named 403, an object of a practice they do not see or of another provider 404.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tests.support.pictures import PNG
from tests.support.records import CARD, CERTIFICATE, RESTORE
from tests.support.world import Voice
from vigie.auth.principal import Permission

Operation = tuple[str, str]
Refusal = tuple[int, str]
UNAUTHENTICATED: Final[Refusal] = (401, "auth.unauthenticated")
FORBIDDEN: Final[Refusal] = (403, "auth.insufficient_scope")
LIMITED: Final[Refusal] = (403, "auth.limited_to_practices")
WRONG_SIDE: Final[Refusal] = (403, "checklist.wrong_side")
PEOPLE_ONLY: Final[Refusal] = (403, "auth.people_only")
STREAM_ONLY: Final[Refusal] = (406, "events.stream_only")
NOT_FOUND: Final[Refusal] = (404, "not_found")

CALLERS: Final = ("nobody", "ana", "lea", "tom", "ivo", "paz", "zoe", "bea", "pia", "pip", "bela", "device of cedar")
PEER: Final = {"bea": "ana", "bela": "pia"}  # who of Atlas each of Borea corresponds to


@dataclass(frozen=True)
class May:
    """Who may: names of the cast, and the scope a partner client needs."""

    callers: frozenset[str]
    scope: Permission | None = None


def _may(callers: str, scope: Permission | None = None) -> May:
    return May(frozenset(callers.split()), scope)


EVERYBODY: Final = _may("ana lea tom ivo paz zoe pia pip")
READS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.PRACTICES_READ)
WORKS: Final = _may("ana lea tom pia pip", Permission.PRACTICES_WRITE)
READS_CHECKLIST: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.CHECKLIST_READ)
READS_DEVICES: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.DEVICES_READ)
WORKS_ON_DEVICES: Final = _may("ana lea tom pia pip", Permission.DEVICES_WRITE)
FOLLOWS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.EVENTS_READ)
KEEPS_RECORDS: Final = _may("ana lea tom paz zoe pia pip", Permission.RECORDS_WRITE)
READS_POLICIES: Final = _may("ana lea tom ivo pia pip", Permission.POLICIES_READ)
FILLS: Final = _may("ana lea tom")
ANSWERS: Final = _may("ana lea tom paz zoe")
READS_RECORDS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.RECORDS_READ)
KEEPS_SUPPLIERS: Final = _may("ana lea tom paz pia pip", Permission.RECORDS_WRITE)  # practice staff: contacts only
TRIES_RESTORES: Final = _may("ana lea tom pia pip", Permission.RECORDS_WRITE)  # the provider's side
READS_WEBHOOKS: Final = _may("ana ivo pia pip", Permission.WEBHOOKS_READ)
KEEPS_WEBHOOKS: Final = _may("ana pia pip", Permission.WEBHOOKS_WRITE)
READS_ALERTS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.ALERTS_READ)
WORKS_ON_ALERTS: Final = _may("ana lea tom pia pip", Permission.ALERTS_WRITE)
READS_INCIDENTS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.INCIDENTS_READ)
READS_REPORTS: Final = _may("ana lea tom ivo paz zoe pia pip", Permission.REPORTS_READ)
MAKES_REPORTS: Final = _may("ana lea tom paz pia pip", Permission.REPORTS_WRITE)
WORKS_ON_INCIDENTS: Final = _may("ana lea tom paz zoe")
OVERSEES: Final = _may("ana ivo")
OWNS: Final = _may("ana")
KEEPS_CHANNELS: Final = _may("ana lea tom")
READS_CHANNELS: Final = _may("ana lea tom ivo")
_ONE_PRACTICE: Final[Mapping[str, Refusal]] = {"tom": LIMITED}


@dataclass(frozen=True)
class Row:
    """What an operation answers to those who may, and to whom it answers otherwise than the rules say."""

    may: May
    status: int
    body: Mapping[str, Any] | None = None
    fresh: str | None = None  # what is made for each caller who may, because the call uses it up
    otherwise: Mapping[str, Refusal] | None = None
    file: tuple[str, bytes] | None = None  # media type and bytes of a body that is not JSON

    def exceptions(self) -> Mapping[str, Refusal]:
        """Return caller → refusal, one caller each."""
        return {name: refusal for names, refusal in (self.otherwise or {}).items() for name in names.split()}


PRACTICE, DEVICE, CLIENT = "/v1/practices/{practice_id}", "/v1/devices/{device_id}", "/v1/clients/{client_id}"
QUESTIONNAIRES = PRACTICE + "/questionnaires"
QUESTIONNAIRE = QUESTIONNAIRES + "/{questionnaire_id}"
ENDPOINT = "/v1/webhook-endpoints/{endpoint_id}"
CHANNEL = "/v1/channels/{channel_id}"
ALERT, ALERTING = "/v1/alerts/{alert_id}", "/v1/alerting-policy"
INCIDENT = "/v1/incidents/{incident_id}"
REPORT, LOGO = "/v1/reports/{report_id}", "/v1/provider/logo.png"
SUPPLIER, CONTRACTS = "/v1/suppliers/{supplier_id}", PRACTICE + "/contracts"
MATRIX: Final[dict[Operation, Row]] = {
    ("GET", "/v1/me"): Row(EVERYBODY, 200),
    ("GET", "/v1/me/sessions"): Row(EVERYBODY, 200, otherwise={"pia pip": PEOPLE_ONLY}),
    ("DELETE", "/v1/me/sessions/{session_id}"): Row(
        EVERYBODY, 204, fresh="own session", otherwise={"pia pip": PEOPLE_ONLY}
    ),
    ("POST", "/v1/me/membership"): Row(
        EVERYBODY, 204, body={"member_id": "{member_id}"}, fresh="own place", otherwise={"pia pip": PEOPLE_ONLY}
    ),
    ("GET", "/v1/alerts/causes"): Row(READS_ALERTS, 200),
    ("GET", "/v1/responsibles"): Row(READS, 200),
    ("GET", "/v1/patches"): Row(READS_DEVICES, 200),
    ("GET", "/v1/patches/summary"): Row(READS_DEVICES, 200),
    ("GET", "/v1/backups"): Row(READS_DEVICES, 200),
    ("GET", "/v1/me/views"): Row(EVERYBODY, 200, otherwise={"pia pip": PEOPLE_ONLY}),
    ("POST", "/v1/me/views"): Row(
        EVERYBODY, 201, {"name": "Mine", "query": "overall=critical"}, otherwise={"pia pip": PEOPLE_ONLY}
    ),
    ("DELETE", "/v1/me/views/{view_id}"): Row(EVERYBODY, 204, fresh="own view", otherwise={"pia pip": PEOPLE_ONLY}),
    ("GET", "/v1/summary"): Row(READS, 200),
    ("GET", "/v1/practices"): Row(READS, 200),
    ("GET", "/v1/practices.csv"): Row(READS, 200),
    ("POST", "/v1/practices"): Row(WORKS, 201, {"name": "Ash", "profession": "nurse"}, otherwise={"tom pip": LIMITED}),
    ("POST", "/v1/practices/import"): Row(
        WORKS, 201, file=("text/csv", b"nom;profession\nAsh;nurse\n"), otherwise={"tom pip": LIMITED}
    ),
    ("GET", PRACTICE): Row(READS, 200),
    ("PATCH", PRACTICE): Row(WORKS, 200, {"name": "Ash and sons"}, fresh="practice"),
    ("DELETE", PRACTICE): Row(WORKS, 204, fresh="practice"),
    ("PUT", PRACTICE + "/responsible"): Row(WORKS, 200, {"member_id": None}, fresh="practice"),
    ("GET", PRACTICE + "/opening-hours"): Row(READS, 200),
    ("PUT", PRACTICE + "/opening-hours"): Row(
        KEEPS_RECORDS, 200, {"weekly": {"monday": [{"from": "09:00", "to": "12:00"}]}}, fresh="practice"
    ),
    ("DELETE", PRACTICE + "/opening-hours"): Row(KEEPS_RECORDS, 204, fresh="practice"),
    ("GET", PRACTICE + "/posture"): Row(READS, 200),
    ("GET", PRACTICE + "/changes"): Row(READS, 200),
    ("GET", "/v1/controls"): Row(READS_CHECKLIST, 200),
    ("GET", "/v1/controls/{control_id}"): Row(READS_CHECKLIST, 200),
    ("GET", "/v1/checklist/summary"): Row(READS_CHECKLIST, 200),
    ("GET", PRACTICE + "/checklist"): Row(READS_CHECKLIST, 200),
    ("GET", "/v1/suppliers"): Row(READS_RECORDS, 200),
    ("POST", "/v1/suppliers"): Row(
        KEEPS_SUPPLIERS, 201, {"name": "Ash", "kind": "other"}, otherwise={"tom paz pip": LIMITED}
    ),
    ("GET", SUPPLIER): Row(READS_RECORDS, 200),
    ("PATCH", SUPPLIER): Row(KEEPS_SUPPLIERS, 200, {"name": "Ash"}, fresh="supplier"),
    ("GET", SUPPLIER + "/certificates"): Row(READS_RECORDS, 200),
    ("POST", SUPPLIER + "/certificates"): Row(KEEPS_SUPPLIERS, 201, CERTIFICATE),
    ("DELETE", SUPPLIER + "/certificates/{certificate_id}"): Row(KEEPS_SUPPLIERS, 204, fresh="certificate"),
    ("GET", PRACTICE + "/suppliers"): Row(READS_RECORDS, 200),
    ("POST", PRACTICE + "/suppliers"): Row(KEEPS_SUPPLIERS, 201, {"name": "Ash", "kind": "other"}),
    ("POST", PRACTICE + "/suppliers/confirm"): Row(KEEPS_SUPPLIERS, 200),
    ("PUT", PRACTICE + "/suppliers/{supplier_id}"): Row(
        KEEPS_SUPPLIERS, 200, {"services": ["remote"]}, fresh="supplier"
    ),
    ("DELETE", PRACTICE + "/suppliers/{supplier_id}"): Row(KEEPS_SUPPLIERS, 204, fresh="supplier"),
    ("GET", CONTRACTS): Row(READS_RECORDS, 200),
    ("POST", CONTRACTS): Row(KEEPS_SUPPLIERS, 201, {"supplier_id": "{supplier_id}", "subject": "x"}),
    ("PATCH", CONTRACTS + "/{contract_id}"): Row(KEEPS_SUPPLIERS, 200, {"subject": "y"}, fresh="contract"),
    ("DELETE", CONTRACTS + "/{contract_id}"): Row(KEEPS_SUPPLIERS, 204, fresh="contract"),
    ("GET", PRACTICE + "/contacts"): Row(READS_RECORDS, 200),
    ("PUT", PRACTICE + "/contacts"): Row(KEEPS_RECORDS, 200, {"contacts": CARD}),
    ("POST", PRACTICE + "/contacts/confirm"): Row(KEEPS_RECORDS, 200),
    ("GET", PRACTICE + "/restore-tests"): Row(READS_RECORDS, 200),
    ("POST", PRACTICE + "/restore-tests"): Row(TRIES_RESTORES, 201, RESTORE),
    ("GET", PRACTICE + "/enrolment-tokens"): Row(READS_DEVICES, 200),
    ("POST", PRACTICE + "/enrolment-tokens"): Row(WORKS_ON_DEVICES, 201, {"label": "x"}),
    ("DELETE", "/v1/enrolment-tokens/{token_id}"): Row(WORKS_ON_DEVICES, 204, fresh="token"),
    ("GET", "/v1/devices"): Row(READS_DEVICES, 200),
    ("GET", DEVICE): Row(READS_DEVICES, 200),
    ("PATCH", DEVICE): Row(WORKS_ON_DEVICES, 200, {"alias": "radio-1"}, fresh="device"),
    ("DELETE", DEVICE): Row(WORKS_ON_DEVICES, 204, fresh="device"),
    ("POST", DEVICE + "/approve"): Row(WORKS_ON_DEVICES, 200, fresh="pending"),
    ("POST", DEVICE + "/clear-suspicion"): Row(WORKS_ON_DEVICES, 200),
    ("POST", DEVICE + "/revoke"): Row(WORKS_ON_DEVICES, 200, fresh="device"),
    ("GET", DEVICE + "/sections"): Row(READS_DEVICES, 200),
    ("GET", DEVICE + "/findings"): Row(READS_DEVICES, 200),
    ("GET", DEVICE + "/presence"): Row(READS_DEVICES, 200),
    ("GET", DEVICE + "/silences"): Row(READS_DEVICES, 200),
    ("GET", DEVICE + "/history"): Row(READS_DEVICES, 200),
    ("PUT", PRACTICE + "/checklist/{control}"): Row(ANSWERS, 200, {"answer": "yes"}, otherwise={"paz zoe": WRONG_SIDE}),
    ("GET", PRACTICE + "/checklist/{control}/answers"): Row(READS_CHECKLIST, 200),
    ("POST", "/v1/attestations"): Row(
        ANSWERS,
        201,
        {"control": "{control}", "answer": "yes", "practices": "all"},
        otherwise={"paz zoe": WRONG_SIDE},
    ),
    ("POST", PRACTICE + "/evidence"): Row(ANSWERS, 201, file=("application/pdf", b"%PDF-1.7 rota")),
    ("GET", PRACTICE + "/evidence"): Row(READS_CHECKLIST, 200),
    ("GET", "/v1/evidence/{evidence_id}"): Row(READS_CHECKLIST, 200),
    ("GET", "/v1/actions"): Row(READS_CHECKLIST, 200),
    ("PATCH", "/v1/actions/{action_id}"): Row(ANSWERS, 200, {"comment": "Asked."}),
    ("GET", "/v1/members"): Row(OVERSEES, 200),
    ("PATCH", "/v1/members/{member_id}"): Row(OWNS, 200, {"role": "practice_staff"}, fresh="member"),
    ("DELETE", "/v1/members/{member_id}"): Row(OWNS, 204, fresh="member"),
    ("GET", "/v1/invitations"): Row(OVERSEES, 200),
    ("POST", "/v1/invitations"): Row(OWNS, 201, {"role": "auditor", "label": "Somebody"}),
    ("DELETE", "/v1/invitations/{invitation_id}"): Row(OWNS, 204, fresh="invitation"),
    ("GET", "/v1/identity-providers"): Row(OVERSEES, 200),
    ("POST", "/v1/identity-providers"): Row(
        OWNS,
        201,
        {
            "label": "Staff",
            "issuer": "https://login.staff.test",
            "client_id": "vigie-tests",
            "client_secret": "a secret",
        },
    ),
    ("DELETE", "/v1/identity-providers/{identity_provider_id}"): Row(OWNS, 204, fresh="identity_provider"),
    ("GET", "/v1/clients"): Row(OVERSEES, 200),
    ("POST", "/v1/clients"): Row(OWNS, 201, {"name": "Ash", "scopes": ["practices:read"]}),
    ("GET", CLIENT): Row(OVERSEES, 200),
    ("PATCH", CLIENT): Row(OWNS, 200, {"name": "Ash"}, fresh="client"),
    ("DELETE", CLIENT): Row(OWNS, 204, fresh="client"),
    ("POST", CLIENT + "/secrets"): Row(OWNS, 201, {}, fresh="client"),
    ("DELETE", CLIENT + "/secrets/{secret_id}"): Row(OWNS, 204, fresh="client"),
    ("PUT", CLIENT + "/keys"): Row(OWNS, 200, {"keys": []}, fresh="client"),
    ("GET", "/v1/policies"): Row(READS_POLICIES, 200),
    ("PUT", "/v1/policies"): Row(OWNS, 200, {"practice_id": None, "thresholds": {"patch": {"security_pass_days": 10}}}),
    ("POST", "/v1/policies/preview"): Row(
        OWNS, 200, {"practice_id": None, "thresholds": {"patch": {"security_pass_days": 10}}}
    ),
    ("GET", "/v1/exceptions"): Row(READS_CHECKLIST, 200),
    ("POST", "/v1/exceptions"): Row(
        _may("ana lea tom"),
        201,
        {
            "practice_id": "{practice_id}",
            "device_id": "{device_id}",
            "control": "ANS-2.2",
            "reason": "The imaging PC must not be patched",
            "ends_at": "2026-12-31T00:00:00Z",
        },
    ),
    ("DELETE", "/v1/exceptions/{exception_id}"): Row(_may("ana lea tom"), 204, fresh="exception"),
    ("GET", "/v1/alerts"): Row(READS_ALERTS, 200),
    ("GET", "/v1/alerts/summary"): Row(READS_ALERTS, 200),
    ("GET", ALERT): Row(READS_ALERTS, 200),
    ("GET", ALERT + "/assignees"): Row(READS_ALERTS, 200),
    ("POST", ALERT + "/acknowledge"): Row(WORKS_ON_ALERTS, 200, {}),
    ("POST", ALERT + "/assign"): Row(WORKS_ON_ALERTS, 200, {"member_id": None}, fresh="alerted practice"),
    ("POST", ALERT + "/snooze"): Row(WORKS_ON_ALERTS, 200, {"until": "2026-11-30T08:00:00Z"}),
    ("POST", ALERT + "/resolve"): Row(WORKS_ON_ALERTS, 200, {"reason": "The cable was replaced"}),
    ("POST", ALERT + "/comment"): Row(WORKS_ON_ALERTS, 200, {"comment": "Called the operator"}),
    ("GET", "/v1/suppressions"): Row(READS_ALERTS, 200),
    ("GET", ALERTING): Row(READS_POLICIES, 200),
    ("PUT", ALERTING): Row(OWNS, 200, {}),
    ("GET", ALERTING + "/draft"): Row(READS_POLICIES, 200),
    ("PUT", ALERTING + "/draft"): Row(OWNS, 200, {}),
    ("POST", ALERTING + "/activate"): Row(OWNS, 200, fresh="draft"),
    ("POST", ALERTING + "/rehearse"): Row(WORKS_ON_ALERTS, 200, {"policy": "active"}),
    ("GET", ALERTING + "/rehearsal"): Row(READS_POLICIES, 200),
    ("GET", "/v1/maintenance-windows"): Row(READS_ALERTS, 200),
    ("POST", "/v1/maintenance-windows"): Row(
        WORKS_ON_ALERTS,
        201,
        {
            "practice_id": "{practice_id}",
            "device_id": "{device_id}",
            "starts_at": "2026-11-30T08:00:00Z",
            "ends_at": "2026-11-30T10:00:00Z",
            "reason": "Another disk",
        },
    ),
    ("DELETE", "/v1/maintenance-windows/{window_id}"): Row(WORKS_ON_ALERTS, 204, fresh="window"),
    ("GET", "/v1/events"): Row(FOLLOWS, 200),
    # Nobody here asks for a stream, which would not end; tests/api/test_event_stream.py does.
    ("GET", "/v1/events/stream"): Row(FOLLOWS, 200, otherwise={"ana lea tom ivo paz zoe pia pip": STREAM_ONLY}),
    ("GET", "/v1/webhook-endpoints"): Row(READS_WEBHOOKS, 200),
    ("POST", "/v1/webhook-endpoints"): Row(
        KEEPS_WEBHOOKS, 201, {"url": "https://ash.test/"}, otherwise={"pip": LIMITED}
    ),
    ("GET", ENDPOINT): Row(READS_WEBHOOKS, 200),
    ("PATCH", ENDPOINT): Row(KEEPS_WEBHOOKS, 200, {"description": "Ash"}, fresh="endpoint"),
    ("POST", ENDPOINT + "/rotate-secret"): Row(KEEPS_WEBHOOKS, 200, {}, fresh="endpoint"),
    ("POST", ENDPOINT + "/test"): Row(KEEPS_WEBHOOKS, 202, fresh="endpoint"),
    ("GET", "/v1/webhook-deliveries"): Row(READS_WEBHOOKS, 200),
    ("POST", "/v1/webhook-deliveries/{delivery_id}/redeliver"): Row(KEEPS_WEBHOOKS, 202, fresh="delivery"),
    ("DELETE", ENDPOINT): Row(KEEPS_WEBHOOKS, 204, fresh="endpoint"),
    ("GET", QUESTIONNAIRES): Row(READS_CHECKLIST, 200),
    ("POST", QUESTIONNAIRES): Row(FILLS, 201, {"supplier_id": "{supplier_id}", "kind": 2}, fresh="served practice"),
    ("GET", QUESTIONNAIRE): Row(READS_CHECKLIST, 200),
    ("GET", QUESTIONNAIRE + "/content"): Row(READS_CHECKLIST, 200),
    ("PUT", QUESTIONNAIRE + "/answers"): Row(
        FILLS, 200, {"answers": [{"question": "Q2.13", "answer": "yes"}]}, fresh="questionnaire"
    ),
    ("POST", QUESTIONNAIRE + "/refresh"): Row(FILLS, 200, {}, fresh="questionnaire"),
    ("POST", QUESTIONNAIRE + "/copy"): Row(FILLS, 200, {"practices": "all"}, fresh="questionnaire"),
    ("POST", QUESTIONNAIRE + "/sign"): Row(
        _may("ana paz"),
        200,
        {"party": "supplier", "content_hash": "{content_hash}"},
        fresh="questionnaire",
        otherwise={"paz": (403, "questionnaire.wrong_party")},
    ),
    ("GET", "/v1/channels"): Row(READS_CHANNELS, 200, otherwise=_ONE_PRACTICE),
    ("POST", "/v1/channels"): Row(
        KEEPS_CHANNELS,
        201,
        {"kind": "mail", "name": "Ash", "recipients": ["ash@atlas.example"]},
        otherwise=_ONE_PRACTICE,
    ),
    ("GET", CHANNEL): Row(READS_CHANNELS, 200, otherwise=_ONE_PRACTICE),
    ("POST", CHANNEL + "/test"): Row(KEEPS_CHANNELS, 202, otherwise=_ONE_PRACTICE),
    ("PATCH", CHANNEL): Row(KEEPS_CHANNELS, 200, {"name": "Ash"}, fresh="channel", otherwise=_ONE_PRACTICE),
    ("DELETE", CHANNEL): Row(KEEPS_CHANNELS, 204, fresh="channel", otherwise=_ONE_PRACTICE),
    ("GET", "/v1/notifications"): Row(READS_CHANNELS, 200),
    ("GET", PRACTICE + "/incident-card.pdf"): Row(READS_RECORDS, 200),
    ("GET", "/v1/incidents"): Row(READS_INCIDENTS, 200),
    ("POST", "/v1/incidents"): Row(WORKS_ON_INCIDENTS, 201, {"practice_id": "{practice_id}", "kind": "outage"}),
    ("GET", INCIDENT): Row(READS_INCIDENTS, 200),
    ("GET", INCIDENT + "/drafts"): Row(READS_INCIDENTS, 200),
    ("GET", INCIDENT + "/evidence"): Row(READS_INCIDENTS, 200),
    ("POST", INCIDENT + "/steps/{step}"): Row(WORKS_ON_INCIDENTS, 200, {"done": True}),
    ("POST", INCIDENT + "/log"): Row(WORKS_ON_INCIDENTS, 201, {"text": "The cable is out"}),
    ("POST", INCIDENT + "/notified"): Row(WORKS_ON_INCIDENTS, 200, {"clock": "cnil"}),
    ("POST", INCIDENT + "/freeze"): Row(WORKS_ON_INCIDENTS, 200),
    ("POST", INCIDENT + "/close"): Row(
        WORKS_ON_INCIDENTS, 200, {"lessons": "Keep a copy that is offline"}, fresh="settled incident"
    ),
    ("GET", PRACTICE + "/reports"): Row(READS_REPORTS, 200),
    ("POST", PRACTICE + "/reports"): Row(MAKES_REPORTS, 201, {}),
    ("GET", PRACTICE + "/report.pdf"): Row(MAKES_REPORTS, 200),
    ("GET", REPORT): Row(READS_REPORTS, 200),
    ("GET", REPORT + "/pdf"): Row(READS_REPORTS, 200),
    ("GET", PRACTICE + "/report-schedule"): Row(READS_REPORTS, 200),
    ("PUT", PRACTICE + "/report-schedule"): Row(
        MAKES_REPORTS, 200, {"enabled": False}, otherwise={"tom paz pip": LIMITED}
    ),
    ("GET", "/v1/report-schedule"): Row(READS_REPORTS, 200, otherwise={"tom paz zoe pip": LIMITED}),
    ("PUT", "/v1/report-schedule"): Row(MAKES_REPORTS, 200, {"enabled": False}, otherwise={"tom paz pip": LIMITED}),
    ("GET", LOGO): Row(READS_REPORTS, 200, fresh="logo"),
    ("PUT", LOGO): Row(OWNS, 200, file=("image/png", PNG)),
    ("DELETE", LOGO): Row(OWNS, 204, fresh="logo"),
    ("GET", "/v1/audit"): Row(OVERSEES, 200),
    ("GET", "/v1/audit/export"): Row(OVERSEES, 200),
}
PUBLIC: Final[dict[Operation, str]] = {
    ("POST", "/oauth/token"): "clients authenticate there; tests/api/test_tokens.py",
    ("GET", "/oauth/jwks"): "public keys are public",
    ("GET", "/.well-known/oauth-authorization-server"): "clients read it before they have a token",
}
AGENT: Final[dict[Operation, str]] = {
    ("POST", "/v1/agent/enrolments"): "opened by a token of one practice and a proof of the key that is enrolled",
    ("POST", "/v1/agent/heartbeats"): "opened by the signature of one device",
}
_OF_A_PRACTICE: Final = {
    *("practice_id", "device_id", "token_id", "exception_id", "questionnaire_id", "evidence_id", "action_id"),
    *("supplier_id", "certificate_id", "contract_id", "endpoint_id", "delivery_id"),
    *("alert_id", "window_id", "incident_id", "report_id"),
}
OF_NOBODY: Final = {"control_id", "control", "step"}  # of catalogues, which are everybody's


def place_of(operation: Operation, row: Row) -> Literal["nowhere", "practice", "provider", "self"]:
    """Return what the object of an operation belongs to: a practice, the provider as a whole, the caller alone."""
    if (row.fresh or "").startswith("own"):
        return "self"
    names = {part.strip("{}") for part in operation[1].split("/") if part.startswith("{")} - OF_NOBODY
    if not names:
        return "nowhere"
    return "practice" if names <= _OF_A_PRACTICE else "provider"


def expected(operation: Operation, row: Row, voice: Voice, home: str) -> Refusal | int:
    """Return what a caller is answered on an object of a home: the status of a success, or a refusal."""
    name = PEER.get(voice.name, voice.name)
    if name == "nobody" or voice.device is not None:
        return UNAUTHENTICATED
    if name in row.exceptions():
        return row.exceptions()[name]
    if name not in row.may.callers:
        lacks = not name.startswith("without ") or name.endswith(str(row.may.scope))
        return FORBIDDEN if lacks else row.status
    place = place_of(operation, row)
    foreign = (home == "fir") != ("fir" in voice.homes)
    unseen = home not in voice.homes and (foreign or place == "practice")
    # What a home holds of the caller's own kind (a session) is somebody else's.
    return NOT_FOUND if place == "self" or (unseen and place != "nowhere") else row.status


_COLUMNS: Final = {
    "owner": "ana",
    "technician": "lea",
    "technician, limited": "tom",
    "auditor": "ivo",
    "practitioner": "paz",
    "practice staff": "zoe",
    "partner": "pia",
    "partner, limited": "pip",
}
PAGE: Final = Path(__file__).parents[2] / "docs" / "security" / "isolation.md"
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"


def as_table() -> str:
    """Return the matrix as it stands on the page: what each caller is answered on an object of theirs, and on others'."""
    lines = [
        f"| operation | {' | '.join(_COLUMNS)} | practice not seen | other provider |",
        "|---|" + "---|" * (len(_COLUMNS) + 2),
    ]
    for operation, row in sorted(MATRIX.items(), key=lambda item: (item[0][1], item[0][0])):
        place = place_of(operation, row)
        cells = [_cell(row, caller) for caller in _COLUMNS.values()]
        unseen = {"practice": "404", "provider": "-", "self": "404", "nowhere": "not in it"}[place]
        foreign = "not in it" if place == "nowhere" else "404"
        lines.append(f"| `{' '.join(operation)}` | {' | '.join(cells)} | {unseen} | {foreign} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row, caller: str) -> str:
    if caller in row.exceptions():
        status, code = row.exceptions()[caller]
        return f"{status} `{code}`"
    return str(row.status if caller in row.may.callers else FORBIDDEN[0])


def page_with_table(page: str) -> str:
    """Return a page with the matrix between its two marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{as_table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":  # python -m tests.support.matrix
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
