"""Every route, every caller: the isolation matrix is the security review.

The table stands in `tests/support/matrix.py`. A route that is not in it fails; so does an answer that holds an id or a name of
what its reader may not see, and a refusal that changed a row.
"""

import re
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.agent import Agent, healthy
from tests.support.matrix import (
    AGENT,
    ALERT,
    ALERTING,
    CALLERS,
    CHANNEL,
    CLIENT,
    CONTRACTS,
    ENDPOINT,
    FORBIDDEN,
    INCIDENT,
    LIMITED,
    MATRIX,
    NOT_FOUND,
    OF_NOBODY,
    PAGE,
    PEER,
    PRACTICE,
    PUBLIC,
    QUESTIONNAIRE,
    QUESTIONNAIRES,
    SUPPLIER,
    UNAUTHENTICATED,
    Operation,
    expected,
    page_with_table,
    place_of,
)
from tests.support.matrix_run import (
    faults_of,
    faults_of_grants,
    faults_of_refusals,
    filled,
    homes_told_apart,
    send,
    told,
)
from tests.support.published import console_operations
from tests.support.records import CERTIFICATE, RESTORE
from tests.support.world import Voice, World, fingerprint, make, member
from vigie.core.crypto import b64url, b64url_decode
from vigie.openapi import agent_document
from vigie.people.members import Standing

CALLERS_OF_ATLAS = [name for name in CALLERS if name not in PEER]
pytestmark = pytest.mark.xdist_group("isolation")  # one world is made, not one per process


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of every operation."""
    return console_operations()


def subject_of(path: str) -> str:
    """Return the first word of a path; of what belongs to a practice, the next one, too."""
    first, *rest = [part for part in path.split("/")[2:] if not part.startswith("{")]
    return f"{first} {rest[0]}" if first == "practices" and rest else first


def subjects() -> list[str]:
    """Return the subjects of the paths: one test each, so that a failure says where."""
    return sorted({subject_of(path) for _method, path in MATRIX})


def operations(document: dict[str, Any]) -> set[Operation]:
    return {(method.upper(), path) for path, item in document["paths"].items() for method in item}


def test_every_operation_is_in_the_matrix(document: dict[str, Any]) -> None:
    found = operations(document)
    assert sorted(found ^ (MATRIX.keys() | PUBLIC.keys())) == []
    assert operations(agent_document()) == AGENT.keys()


@pytest.mark.parametrize("subject", subjects())
async def test_each_caller_gets_what_the_matrix_says(world: World, subject: str) -> None:
    """What Borea may do to what is its own is tried in test_two_locks.py, behind each lock alone."""
    rows = {operation: row for operation, row in MATRIX.items() if subject_of(operation[1]) == subject}
    found = await faults_of_refusals(world, rows)
    for operation, row in rows.items():
        if operation[0] != "GET":
            found += await faults_of_grants(world, operation, row, CALLERS_OF_ATLAS)
    assert found == []


def test_the_page_shows_this_matrix() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_table(page) == page, "run python -m tests.support.matrix"
    assert page_with_table(page.replace("| 204 |", "| 200 |")) == page


def test_an_operation_without_a_row_is_noticed(document: dict[str, Any]) -> None:
    more = {"paths": {**document["paths"], "/v1/gossip": {"get": {}}}}
    assert operations(more) - MATRIX.keys() - PUBLIC.keys() == {("GET", "/v1/gossip")}


async def test_a_stranger_s_refusal_is_that_of_what_does_not_exist(world: World) -> None:
    """Byte for byte: who asks for another's object learns nothing from the answer, nor from its headers."""
    nowhere = dict.fromkeys(world.homes["cedar"], str(UUID(int=1)))
    compared = 0
    for operation, row in MATRIX.items():
        if operation[0] != "GET" or place_of(operation, row) == "nowhere":
            continue
        for voice, home in (("bea", "cedar"), ("ana", "fir"), ("tom", "elm")):
            asked = [await send(world, operation, row, world.voices[voice], home, **ids) for ids in ({}, nowhere)]
            found, absent = asked
            assert found.content == absent.content, operation
            assert found.headers.keys() == absent.headers.keys(), operation
            compared += 1
    assert compared > 25


async def test_a_part_of_something_is_found_in_its_own_whole_only(world: World) -> None:
    """Paths with two ids: one's own before another's, and another's before one's own."""
    before, tried = await fingerprint(world), 0
    for operation, row in MATRIX.items():
        names = [name for name in re.findall(r"{(\w+)}", operation[1]) if name not in OF_NOBODY]
        for name in names if len(names) > 1 else ():
            for voice, own, other in (("ana", "cedar", "elm"), ("ana", "cedar", "fir"), ("bea", "fir", "cedar")):
                swapped = {name: world.homes[other][name]}
                answer = await send(world, operation, row, world.voices[voice], own, **swapped)
                assert told(answer) == NOT_FOUND, (operation, name, voice, other)
                tried += 1
    assert tried >= 6
    assert await fingerprint(world) == before


async def test_counters_count_what_the_caller_sees(world: World) -> None:
    for name in ("ana", "lea", "tom", "ivo", "paz", "zoe", "pia", "pip", "bea", "bela"):
        voice = world.voices[name]
        practices, devices, summary = [
            (await world.call(voice, "GET", path)).json()
            for path in ("/v1/practices?limit=200", "/v1/devices?limit=200", "/v1/summary")
        ]
        assert practices["next_cursor"] is devices["next_cursor"] is None
        assert summary["practices"] == len(practices["items"]), name
        living = [each for each in devices["items"] if each["status"] != "revoked"]
        assert sum(summary["devices"].values()) == len(living), name
        assert (summary["practices"] == 1) == voice.limited or "fir" in voice.homes, name


# What a query or a body may name by its id: who may, the request that names it, and where it goes.
Naming = tuple[str, str, str]
EXCEPTION: dict[str, Any] = {
    "practice_id": "{practice_id}",
    "device_id": "{device_id}",
    "control": "ANS-2.2",
    "reason": "It may wait for a while",
    "ends_at": "2026-12-31T00:00:00Z",
}
WINDOW: dict[str, Any] = {
    "practice_id": "{practice_id}",
    "device_id": "{device_id}",
    "starts_at": "2026-11-30T08:00:00Z",
    "ends_at": "2026-11-30T10:00:00Z",
    "reason": "Another disk",
}
MAIL: dict[str, Any] = {"kind": "mail", "name": "x", "recipients": ["x@atlas.example"]}
LADDERS = {"critical": [{"after_min": 0, "to": ["{channel_id}"]}]}
ON_CALL = {"first": "2026-11-16", "turns": [{"label": "x", "member_id": "{assignee_id}"}]}
REFERENCES: dict[Naming, tuple[str, dict[str, Any]]] = {
    ("GET", "/v1/devices", "practice_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"practice_id": "{practice_id}"},
    ),
    ("GET", "/v1/practices", "responsible"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"responsible": "{assignee_id}"},
    ),
    ("GET", "/v1/practices.csv", "responsible"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"responsible": "{assignee_id}"},
    ),
    **{
        ("GET", path, "responsible"): ("ana lea tom ivo paz zoe pia pip bea bela", {"responsible": "{assignee_id}"})
        for path in ("/v1/patches", "/v1/backups")
    },
    ("PUT", PRACTICE + "/responsible", "member_id"): (
        "ana lea tom pia pip bea bela",
        {"member_id": "{assignee_id}"},
    ),
    ("GET", "/v1/exceptions", "practice_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"practice_id": "{practice_id}"},
    ),
    ("GET", "/v1/exceptions", "device_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"device_id": "{device_id}"},
    ),
    ("POST", "/v1/exceptions", "practice_id"): ("ana lea tom bea", {**EXCEPTION, "device_id": None}),
    ("POST", "/v1/exceptions", "device_id"): ("ana lea tom bea", EXCEPTION),
    ("GET", "/v1/policies", "practice_id"): ("ana lea tom ivo pia pip bea bela", {"practice_id": "{practice_id}"}),
    ("PUT", "/v1/policies", "practice_id"): ("ana bea", {"practice_id": "{practice_id}", "thresholds": {}}),
    ("GET", QUESTIONNAIRES, "supplier_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"supplier_id": "{supplier_id}"},
    ),
    ("POST", QUESTIONNAIRES, "supplier_id"): ("ana bea", {"supplier_id": "{supplier_id}", "kind": 3}),
    ("POST", QUESTIONNAIRE + "/copy", "practices"): ("ana bea", {"practices": ["{practice_id}"]}),
    ("POST", "/v1/policies/preview", "practice_id"): ("ana bea", {"practice_id": "{practice_id}", "thresholds": {}}),
    ("GET", "/v1/audit", "practice"): ("ana ivo bea", {"practice": "{practice_id}"}),
    ("GET", "/v1/members", "practice_id"): ("ana ivo bea", {"practice_id": "{practice_id}"}),
    ("POST", "/v1/invitations", "practice_id"): (
        "ana bea",
        {"role": "practice_staff", "label": "x", "practice_id": "{practice_id}"},
    ),
    ("POST", "/v1/invitations", "practices"): (
        "ana bea",
        {"role": "technician", "label": "x", "practices": ["{practice_id}"]},
    ),
    ("GET", "/v1/actions", "practice_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"practice_id": "{practice_id}"},
    ),
    ("PATCH", "/v1/actions/{action_id}", "member_id"): ("ana lea tom bea", {"member_id": "{member_id}"}),
    ("POST", "/v1/attestations", "practices"): (
        "ana lea tom bea",
        {"control": "{control}", "answer": "yes", "practices": ["{practice_id}"]},
    ),
    ("PUT", PRACTICE + "/checklist/{control}", "evidence"): (
        "ana lea tom bea",
        {"answer": "yes", "evidence": ["{evidence_id}"]},
    ),
    ("PATCH", "/v1/members/{technician_id}", "practices"): ("ana bea", {"practices": ["{practice_id}"]}),
    ("POST", "/v1/clients", "practices"): (
        "ana bea",
        {"name": "x", "scopes": ["practices:read"], "practices": ["{practice_id}"]},
    ),
    ("PATCH", "/v1/clients/{client_id}", "practices"): ("ana bea", {"practices": ["{practice_id}"]}),
    **{
        ("GET", f"/v1/{path}", name): ("ana lea tom ivo paz zoe pia pip bea bela", {name: f"{{{name}}}"})
        for path, name in (
            ("alerts", "practice_id"),
            ("alerts", "assignee_id"),
            ("suppressions", "practice_id"),
            ("suppressions", "alert_id"),
            ("maintenance-windows", "practice_id"),
        )
    },
    ("POST", ALERT + "/assign", "member_id"): ("ana lea tom pia pip bea bela", {"member_id": "{assignee_id}"}),
    ("POST", "/v1/maintenance-windows", "practice_id"): ("ana lea tom pia pip bea bela", {**WINDOW, "device_id": None}),
    ("POST", "/v1/maintenance-windows", "device_id"): ("ana lea tom pia pip bea bela", WINDOW),
    ("GET", ALERTING + "/rehearsal", "practice_id"): (
        "ana lea tom ivo pia pip bea bela",
        {"days": 1, "practice_id": "{practice_id}"},
    ),
    ("POST", ALERTING + "/rehearse", "practice_id"): (
        "ana lea tom pia pip bea bela",
        {"policy": "active", "days": 1, "practice_id": "{practice_id}"},
    ),
    ("POST", ALERTING + "/rehearse", "policy"): ("ana bea", {"policy": {"ladders": LADDERS}, "days": 1}),
    **{
        ("PUT", path, name): ("ana bea", {name: value})
        for path in (ALERTING, ALERTING + "/draft")
        for name, value in (("ladders", LADDERS), ("on_call", ON_CALL))
    },
    **{
        ("GET", "/v1/notifications", name): ("ana lea tom ivo bea", {name: f"{{{name}}}"})
        for name in ("practice_id", "channel_id", "alert_id")
    },
    ("GET", "/v1/incidents", "practice_id"): (
        "ana lea tom ivo paz zoe pia pip bea bela",
        {"practice_id": "{practice_id}"},
    ),
    ("POST", "/v1/incidents", "practice_id"): (
        "ana lea tom paz zoe bea",
        {"practice_id": "{practice_id}", "kind": "outage"},
    ),
    **{
        ("PUT", path, name): ("ana lea pia bea bela", {name: value})
        for path in ("/v1/report-schedule", PRACTICE + "/report-schedule")
        for name, value in (("channel_id", "{channel_id}"), ("members", ["{member_id}"]))
    },
    ("POST", "/v1/channels", "practices"): ("ana lea bea", {**MAIL, "practices": ["{practice_id}"]}),
    ("PATCH", CHANNEL, "practices"): ("ana lea bea", {"practices": ["{practice_id}"]}),
    ("GET", "/v1/webhook-deliveries", "endpoint_id"): (
        "ana ivo pia pip bea bela",
        {"endpoint_id": "{endpoint_id}"},
    ),
    ("POST", "/v1/webhook-endpoints", "practices"): (
        "ana pia pip bea bela",
        {"url": "https://x.test/", "practices": ["{practice_id}"]},
    ),
    ("PATCH", ENDPOINT, "practices"): ("ana pia pip bea bela", {"practices": ["{practice_id}"]}),
    ("POST", CONTRACTS, "supplier_id"): (
        "ana lea tom paz pia pip bea bela",
        {"supplier_id": "{supplier_id}", "subject": "x"},
    ),
    ("POST", PRACTICE + "/restore-tests", "device_id"): (
        "ana lea tom pia pip bea bela",
        {**RESTORE, "device_id": "{device_id}"},
    ),
}
BY_ITS_CALLER = {("POST", "/v1/me/membership", "member_id")}  # in the matrix: one's own, or nothing


def names_of(document: dict[str, Any]) -> set[Naming]:
    """Return every query parameter and every field of a body that holds ids."""
    found = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            named = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
            found |= {(method.upper(), path, each["name"]) for each in named if _holds_ids(document, each["schema"])}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                whole = _resolved(document, content["schema"])
                for shape in [_resolved(document, each) for each in whole.get("oneOf", (whole,))]:
                    named = [name for name, field in shape.get("properties", {}).items() if _holds_ids(document, field)]
                    found |= {(method.upper(), path, name) for name in named}
    return found


def _resolved(document: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    reference = shape.get("$ref")
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]] if reference else shape
    return found


def _holds_ids(document: dict[str, Any], shape: dict[str, Any]) -> bool:
    whole = _resolved(document, shape)
    inner = [*whole.get("anyOf", ()), *whole.get("properties", {}).values(), *filter(None, [whole.get("items")])]
    return whole.get("format") == "uuid" or any(_holds_ids(document, each) for each in inner)


def test_every_id_that_a_request_may_name_is_tried(document: dict[str, Any]) -> None:
    tried = {(method, path.replace("technician_id", "member_id"), name) for method, path, name in REFERENCES}
    assert names_of(document) == tried | BY_ITS_CALLER


async def name(world: World, naming: Naming, voice: Voice, home: str) -> httpx.Response:
    """Make a request that names the practice of a home, and else only what is the caller's own."""
    method, path, _field = naming
    ids = dict(world.homes[home])
    if "{technician_id}" in path:
        who = await member(world, voice.provider_id, Standing("technician"), "Kim")
        ids["technician_id"] = str(who.id)
    for kind in ("client", "channel", "endpoint"):
        if f"{{{kind}_id}}" in path:
            ids |= await make(world, kind, "fir" if "fir" in voice.homes else "cedar")
    filling = {key: filled(value, ids) for key, value in REFERENCES[naming][1].items()}
    more: dict[str, Any] = {"params" if method == "GET" else "json": filling}
    return await world.call(voice, method, path.format(**ids), **more)


def names_something(answer: httpx.Response) -> bool:
    """Whether a list has items, or a table lines under its head."""
    if answer.headers["content-type"].startswith("text/csv"):
        return len(answer.text.splitlines()) > 1
    return bool(answer.json()["items"])


async def test_naming_another_s_practice_finds_nothing_and_changes_nothing(world: World) -> None:
    found = []
    for naming in REFERENCES:
        for caller in REFERENCES[naming][0].split():
            voice = world.voices[caller]
            for home in homes_told_apart(voice):
                answer = await name(world, naming, voice, home)
                what = f"{' '.join(naming)} as {caller} on {home}"
                found += faults_of(world, voice, what, answer, told(answer))
                fine = answer.is_success and (naming[0] != "GET" or names_something(answer))
                if fine is not (home in voice.homes):
                    found.append(f"{what}: {answer.status_code} {answer.text[:80]}")
    assert found == []


KEYED: dict[Operation, dict[str, Any] | tuple[str, bytes]] = {
    ("POST", "/v1/practices"): {"name": "Ash", "profession": "nurse"},
    ("POST", PRACTICE + "/enrolment-tokens"): {"label": "x"},
    ("POST", "/v1/invitations"): {"role": "auditor", "label": "x"},
    ("POST", "/v1/clients"): {"name": "x", "scopes": ["practices:read"]},
    ("POST", QUESTIONNAIRES): {"supplier_id": "{supplier_id}", "kind": 4},
    ("POST", CLIENT + "/secrets"): {},
    ("POST", "/v1/exceptions"): EXCEPTION,
    ("POST", "/v1/attestations"): {"control": "ANS-3.3", "answer": "yes", "practices": "all"},
    ("POST", "/v1/practices/import"): ("text/csv", b"name,profession\nAsh,nurse\n"),
    ("POST", PRACTICE + "/evidence"): ("application/pdf", b"%PDF-1.7 one"),
    ("POST", "/v1/suppliers"): {"name": "x", "kind": "other"},
    ("POST", PRACTICE + "/suppliers"): {"name": "x", "kind": "other"},
    ("POST", SUPPLIER + "/certificates"): CERTIFICATE,
    ("POST", CONTRACTS): {"supplier_id": "{supplier_id}", "subject": "x"},
    ("POST", PRACTICE + "/restore-tests"): RESTORE,
    ("POST", "/v1/maintenance-windows"): WINDOW,
    ("POST", "/v1/channels"): MAIL,
    ("POST", "/v1/webhook-endpoints"): {"url": "https://x.test/"},
    ("POST", "/v1/me/views"): {"name": "x", "query": "q=x"},
    ("POST", "/v1/incidents"): {"practice_id": "{practice_id}", "kind": "other"},
    ("POST", PRACTICE + "/reports"): {},
    ("POST", INCIDENT + "/log"): {"text": "One line, once"},
}


def id_of(made: dict[str, Any]) -> str:
    """Return the id of what was made."""
    if "dry_run" in made:
        return str(made["practices"][0]["id"])
    return str(made.get("id") or made.get("client_id") or made["attestations"][0])


async def ask_once(world: World, method: str, path: str, body: Any, caller: str, home: str) -> httpx.Response:
    """Send the one request under the one key, as somebody."""
    voice, key = world.voices[caller], {"Idempotency-Key": f"same-for-all{path}"}
    if isinstance(body, tuple):
        key["Content-Type"], content = body
        sent: dict[str, Any] = {"content": content}
    else:
        sent = {"json": {name: filled(value, world.homes[home]) for name, value in body.items()}}
    answer = await world.call(voice, method, path.format(**world.homes[home]), headers=key, **sent)
    assert faults_of(world, voice, f"{path} as {caller}", answer, told(answer)) == []
    return answer


async def test_a_key_of_somebody_else_s_replays_nothing_of_theirs(world: World, document: dict[str, Any]) -> None:
    assert {
        operation
        for operation in operations(document)
        for each in document["paths"][operation[1]][operation[0].lower()].get("parameters", ())
        if each["name"] == "Idempotency-Key"
    } == KEYED.keys()
    for (method, path), body in KEYED.items():
        ask = partial(ask_once, world, method, path, body)
        first, of_borea = await ask("ana", "cedar"), await ask("bea", "fir")
        assert (first.status_code, of_borea.status_code) == (201, 201)
        made, of_borea_s = [id_of(each.json()) for each in (first, of_borea)]
        assert made != of_borea_s
        again = await ask("ana", "cedar")
        assert again.status_code in {201, 409}
        for colleague in ("lea", "tom", "pia", "pip"):
            answer = await ask(colleague, "cedar")
            assert made not in answer.text
            wanted = {(409, "request.idempotency_conflict"), LIMITED, FORBIDDEN}
            assert told(answer) in wanted, (path, colleague)


async def test_a_cursor_of_somebody_else_s_list_shows_nothing_of_it(world: World) -> None:
    tried = set()
    for operation, row in MATRIX.items():
        if operation[0] != "GET":
            continue
        asked = world.http.build_request("GET", operation[1].format(**world.homes["cedar"]), params={"limit": 1})
        page = (await world.call(world.voices["ana"], "GET", str(asked.url))).json()
        if "next_cursor" not in page or page["next_cursor"] is None:
            continue
        for caller, home in (("bea", "fir"), ("tom", "cedar"), ("pip", "cedar")):
            voice, path = world.voices[caller], operation[1].format(**world.homes[home])
            answer = await world.call(voice, "GET", path, params={"cursor": page["next_cursor"]})
            wanted = expected(operation, row, voice, home)
            assert faults_of(world, voice, f"{path} as {caller} with a cursor", answer, wanted) == []
        tried.add(operation[1])
    assert tried >= {
        "/v1/practices",
        "/v1/devices",
        "/v1/members",
        "/v1/invitations",
        "/v1/audit",
        PRACTICE + "/changes",
    }


async def test_a_signature_speaks_for_its_own_device_only(world: World) -> None:
    own = world.voices["device of cedar"].device
    assert own is not None
    before = await fingerprint(world)
    for home in ("elm", "fir"):
        other = world.voices[f"device of {home}"].device
        assert other is not None
        mixed = (f"{own.provider_id}.{other.device_id}", f"{other.provider_id}.{own.device_id}")
        for keyid in {other.keyid, *mixed} - {own.keyid}:
            answer = await own.send(own.heartbeat(healthy(world.clock.now())), keyid=keyid)
            unknown = keyid != other.keyid and home == "fir"
            wanted = (401, "agent.unknown_device" if unknown else "agent.signature_invalid")
            assert told(answer) == wanted, (home, keyid)
    for caller in ("nobody", "ana", "pia"):
        answer = await world.call(world.voices[caller], "POST", "/v1/agent/heartbeats", json={})
        assert told(answer) == (401, "agent.signature_missing")
    assert await fingerprint(world) == before
    assert (await own.send(own.heartbeat(healthy(world.clock.now())))).status_code == 200


async def test_a_token_opens_the_practice_it_is_for_and_no_provider_can_be_written_into_it(world: World) -> None:
    token = world.enrolling["cedar", False]
    forged = token.replace(b64url(UUID(world.providers["Atlas"]).bytes), b64url(UUID(world.providers["Borea"]).bytes))
    machine = Agent(world.http, world.clock, world.kit.public_url)
    assert forged != token
    assert told(await machine.enrol(forged)) == (403, "enrolment.token_unknown")
    assert (await machine.enrol(token)).status_code == 201
    assert machine.provider_id == world.providers["Atlas"]
    where = f"/v1/devices/{machine.device_id}"
    for caller, wanted in (("bea", NOT_FOUND), ("bela", NOT_FOUND), ("tom", 200)):
        assert told(await world.call(world.voices[caller], "GET", where)) == wanted


async def test_what_the_caller_s_own_provider_writes_into_a_credential_is_no_credential(world: World) -> None:
    """A cookie or a token in which the provider was replaced by another's does not hold."""
    atlas, borea = (b64url(UUID(world.providers[name]).bytes) for name in ("Atlas", "Borea"))
    for caller in ("ana", "pia"):
        voice = world.voices[caller]
        ((header, value),) = voice.headers.items()
        if caller == "pia":
            head, claims, signature = value.removeprefix("Bearer ").split(".")
            said = b64url_decode(claims).decode()
            moved = said.replace(atlas, borea).replace(world.providers["Atlas"], world.providers["Borea"])
            forged = f"Bearer {head}.{b64url(moved.encode())}.{signature}"
        else:
            forged = value.replace(atlas, borea)
        assert forged != value
        for bent, wanted in ((value, 200), (forged, UNAUTHENTICATED)):
            answer = await world.call(replace(voice, headers={header: bent}), "GET", "/v1/me")
            assert told(answer) == wanted
