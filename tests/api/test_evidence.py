"""Evidence: what may be kept, how it is taken, who gets it back, and how."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from vigie.checklist import evidence
from vigie.checklist.errors import EvidenceTooLargeError, EvidenceTypeError
from vigie.checklist.evidence import MAX_BYTES, clean_name, take_upload
from vigie.core.ids import uuid7

PDF, PNG, JPEG = b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"
TYPES = {"application/pdf": PDF, "image/png": PNG, "image/jpeg": JPEG}


async def upload(
    person: Any, practice: str, content: Any = PDF, media_type: str = "application/pdf", **headers: str
) -> Any:
    return await person.call(
        "POST",
        f"/v1/practices/{practice}/evidence",
        content=content,
        headers={"Content-Type": media_type, **headers},
    )


@pytest.mark.parametrize("media_type", TYPES)
async def test_a_file_comes_back_as_it_was_and_only_to_be_saved(cast: Cast, media_type: str) -> None:
    zoe, content = await cast.zoe(), TYPES[media_type] + b"what follows"
    added = await upload(zoe, cast.cedar, content, media_type, **{"X-File-Name": "contrat%20sign%C3%A9"})
    assert added.status_code == 201, added.text
    kept = added.json()
    assert (kept["size"], kept["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (kept["side"], kept["member_id"], kept["author_name"]) == ("practice", zoe.member_id, "Zoe")
    assert kept["name"].startswith("contrat signé.")
    answer = await zoe.call("GET", f"/v1/evidence/{kept['id']}")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''contrat%20sign%C3%A9.")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/html", PDF),
        ("image/svg+xml", b"<svg/>"),
        ("application/octet-stream", PDF),
        ("", PDF),
        ("application/pdf", PNG),
        ("image/png", JPEG),
        ("image/jpeg", b"<html>"),
        ("application/pdf", b""),
        ("application/pdf", b"%PD"),
    ],
)
async def test_what_is_not_what_it_says_is_refused(cast: Cast, media_type: str, content: bytes) -> None:
    ana = await cast.ana()
    assert refusal(await upload(ana, cast.cedar, content, media_type)) == (415, "evidence.type")
    assert (await upload(ana, cast.cedar)).status_code == 201


async def test_two_mebibytes_and_not_a_byte_more(cast: Cast) -> None:
    ana = await cast.ana()
    most = PDF + b"\x00" * (MAX_BYTES - len(PDF))
    assert (await upload(ana, cast.cedar, most)).status_code == 201
    refused = await upload(ana, cast.cedar, most + b"\x00")
    assert refusal(refused) == (413, "evidence.too_large")
    assert refused.json()["limit"] == MAX_BYTES


async def test_what_does_not_say_how_long_it_is_is_read_no_further_than_it_may_be() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield PDF
        while True:
            read += 65536
            yield b"\x00" * 65536

    with pytest.raises(EvidenceTooLargeError):
        await take_upload("application/pdf", None, None, endless())
    assert read <= MAX_BYTES + 65536


async def test_a_wrong_type_or_a_declared_length_is_refused_before_anything_is_read() -> None:
    read = []

    async def noted() -> AsyncIterator[bytes]:
        read.append(True)
        yield PDF

    with pytest.raises(EvidenceTypeError):
        await take_upload("text/plain", None, None, noted())
    with pytest.raises(EvidenceTooLargeError):
        await take_upload("image/png", None, str(MAX_BYTES + 1), noted())
    assert read == []


@pytest.mark.parametrize(
    ("name", "media_type", "wanted"),
    [
        ("contrat.pdf", "application/pdf", "contrat.pdf"),
        ("Photo.JPEG", "image/jpeg", "Photo.jpg"),
        ("photo", "image/png", "photo.png"),
        ("facture.pdf.exe", "application/pdf", "facture.pdf.exe.pdf"),
        ("../../etc/passwd", "application/pdf", "passwd.pdf"),
        ("C:\\Users\\zoe\\bail.pdf", "application/pdf", "bail.pdf"),
        ("a%0d%0aSet-Cookie:%20x", "application/pdf", "a Set-Cookie x.pdf"),
        ("rapport%E2%80%AEfdp.exe", "application/pdf", "rapport fdp.exe.pdf"),
        ('"<b>".pdf', "application/pdf", "b.pdf"),
        ("..", "application/pdf", "evidence.pdf"),
        (".pdf", "application/pdf", "evidence.pdf"),
        (None, "image/png", "evidence.png"),
        ("%ff%fe", "image/png", "\ufffd\ufffd.png"),
        ("e\u0301te\u0301", "image/png", "été.png"),
        ("a" * 500, "image/png", "a" * 116 + ".png"),
    ],
)
def test_a_name_is_made_safe_to_write_down(name: str | None, media_type: str, wanted: str) -> None:
    assert clean_name(name, media_type) == wanted


@pytest.mark.parametrize(("who", "status"), [("ana", 201), ("tom", 201), ("paz", 201), ("zoe", 201), ("ivo", 403)])
async def test_who_answers_uploads(cast: Cast, who: str, status: int) -> None:
    assert (await upload(await getattr(cast, who)(), cast.cedar)).status_code == status


async def test_nobody_else_s_file_is_seen(cast: Cast) -> None:
    ana, paz, tom = await cast.ana(), await cast.paz(), await cast.tom()
    there = (await upload(ana, cast.elm)).json()["id"]
    for stranger in (paz, tom, await cast.bea()):
        assert refusal(await stranger.call("GET", f"/v1/evidence/{there}")) == (404, "not_found")
        assert refusal(await stranger.call("GET", f"/v1/practices/{cast.elm}/evidence")) == (404, "not_found")
        assert refusal(await upload(stranger, cast.elm)) == (404, "not_found")
    assert (await ana.call("GET", f"/v1/evidence/{there}")).status_code == 200
    assert refusal(await upload(cast.pia, cast.cedar)) == (403, "auth.insufficient_scope")


async def test_a_file_backs_answers_of_its_own_practice(cast: Cast) -> None:
    ana = await cast.ana()
    here, there = [(await upload(ana, practice)).json()["id"] for practice in (cast.cedar, cast.elm)]
    path = f"/v1/practices/{cast.cedar}/checklist/ANS-1.6"
    for files in ([there], [here, there], [str(uuid7())]):
        refused = await ana.call("PUT", path, json={"answer": "yes", "evidence": files})
        assert refusal(refused) == (422, "checklist.unknown_evidence")
    given = await ana.call("PUT", path, json={"answer": "yes", "evidence": [here, here]})
    assert given.json()["evidence"] == [here]
    assert (await ana.get(f"{path}/answers"))["items"][0]["evidence"] == [here]
    without = await ana.call("PUT", path, json={"answer": "yes"})
    assert without.json()["id"] != given.json()["id"]


async def test_the_list_is_newest_first_and_holds_no_bytes(cast: Cast) -> None:
    ana = await cast.ana()
    made = [(await upload(ana, cast.cedar, PDF + bytes([n]))).json() for n in range(3)]
    page = await ana.get(f"/v1/practices/{cast.cedar}/evidence", params={"limit": 2})
    assert page["items"] == [made[2], made[1]]
    rest = await ana.get(f"/v1/practices/{cast.cedar}/evidence", params={"limit": 2, "cursor": page["next_cursor"]})
    assert rest == {"items": [made[0]], "next_cursor": None}


@pytest.mark.parametrize("bound", ["MOST_FILES", "MOST_BYTES"])
async def test_a_practice_keeps_so_many_files_and_so_many_bytes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    ana = await cast.ana()
    monkeypatch.setattr(evidence, bound, 2 if bound == "MOST_FILES" else 2 * len(PDF))
    for _ in range(2):
        assert (await upload(ana, cast.cedar)).status_code == 201
    refused = await upload(ana, cast.cedar)
    assert refusal(refused) == (409, "evidence.quota")
    assert (refused.json()["files"], refused.json()["bytes"]) == (2, 2 * len(PDF))
    assert (await upload(ana, cast.elm)).status_code == 201


async def test_an_archived_practice_takes_no_files_and_gives_those_it_has(cast: Cast) -> None:
    ana = await cast.ana()
    kept = (await upload(ana, cast.cedar)).json()["id"]
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    assert refusal(await upload(ana, cast.cedar)) == (409, "practice.archived")
    assert (await ana.call("GET", f"/v1/evidence/{kept}")).status_code == 200


async def test_an_upload_that_came_twice_under_one_key_is_kept_once(cast: Cast) -> None:
    ana, key = await cast.ana(), {"Idempotency-Key": str(uuid7())}
    first = await upload(ana, cast.cedar, **key)
    again = await upload(ana, cast.cedar, **key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert len((await ana.get(f"/v1/practices/{cast.cedar}/evidence"))["items"]) == 1
    assert refusal(await upload(ana, cast.cedar, PDF + b"2", **key)) == (409, "request.idempotency_conflict")


async def audited(ana: Person) -> list[tuple[str, str, Any]]:
    return [(entry["action"], entry["outcome"], entry["code"]) for entry in (await ana.get("/v1/audit"))["items"]]


async def test_who_uploads_and_who_downloads_is_on_record(cast: Cast) -> None:
    ana, zoe = await cast.ana(), await cast.zoe()
    kept = (await upload(zoe, cast.cedar)).json()["id"]
    await zoe.call("GET", f"/v1/evidence/{kept}")
    await upload(zoe, cast.cedar, b"<html>")
    found = await audited(ana)
    assert found[:3] == [
        ("evidence.add", "refused", "evidence.type"),
        ("evidence.read", "done", None),
        ("evidence.add", "done", None),
    ]
