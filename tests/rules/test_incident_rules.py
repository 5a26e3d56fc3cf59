"""The pure parts of incident mode: clocks, the span of the evidence, the steps, the drafts, the sealed archive."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import yaml

from vigie.auth.signing_keys import SigningKeys, load_signing_key
from vigie.auth.tokens import UnsignedDocumentError, sign_document, signed_document
from vigie.incidents.bundle import MANIFEST, README, SIGNATURE, About, Part, examine, seal
from vigie.incidents.card import Card, Contact, Copy, last_offline_copy, on_paper
from vigie.incidents.catalogue import load_steps, read_editions
from vigie.incidents.drafts import Known, Line, write_drafts
from vigie.incidents.models import KINDS
from vigie.incidents.rules import Outcome, deadline_of, may_have_been, read_clock, window_of
from vigie.incidents.wording import KINDS as KIND_WORDS
from vigie.incidents.wording import french_instant
from vigie.posture.catalogue.documents import CatalogueError

PARIS = ZoneInfo("Europe/Paris")
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
T0 = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("known_at", "deadline"),
    [
        (T0, "2026-11-24T07:42:00+00:00"),
        (datetime(2026, 3, 27, 18, 0, tzinfo=PARIS), "2026-03-30T17:00:00+00:00"),  # one hour less that week-end
        (datetime(2026, 10, 23, 18, 0, tzinfo=PARIS), "2026-10-26T16:00:00+00:00"),  # one hour more
        (datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=0), "2026-10-28T00:30:00+00:00"),
        (datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=1), "2026-10-28T01:30:00+00:00"),  # the same hour again
        (datetime(2028, 2, 28, 12, 0, tzinfo=UTC), "2028-03-02T12:00:00+00:00"),  # a leap year
        (datetime(2026, 12, 30, 23, 59, tzinfo=UTC), "2027-01-02T23:59:00+00:00"),
    ],
)
def test_seventy_two_hours_elapse_whatever_the_clock_on_the_wall_says(known_at: datetime, deadline: str) -> None:
    assert deadline_of(known_at).isoformat() == deadline
    assert deadline_of(known_at) - known_at.astimezone(UTC) == 72 * HOUR


@pytest.mark.parametrize(
    ("after", "outcome", "done_after", "state", "left"),
    [
        (0 * HOUR, None, None, "running", 72 * HOUR),
        (48 * HOUR - SECOND, None, None, "running", 24 * HOUR + SECOND),
        (48 * HOUR, None, None, "urgent", 24 * HOUR),
        (72 * HOUR, None, None, "urgent", 0 * HOUR),
        (72 * HOUR + SECOND, None, None, "overdue", -SECOND),
        (100 * HOUR, "done", 72 * HOUR, "done", None),
        (100 * HOUR, "done", 72 * HOUR + SECOND, "done_late", None),
        (100 * HOUR, "not_required", 99 * HOUR, "not_required", None),
        (0 * HOUR, "done", 0 * HOUR, "done", None),
    ],
)
def test_a_clock_reads(
    after: timedelta, outcome: Outcome | None, done_after: timedelta | None, state: str, left: timedelta | None
) -> None:
    reading = read_clock(T0, T0 + after, outcome, None if done_after is None else T0 + done_after)
    assert (reading.state, reading.remaining, reading.deadline) == (state, left, T0 + 72 * HOUR)


def test_what_is_told_is_not_of_the_future_and_evidence_covers_thirty_days_on_both_sides() -> None:
    assert [may_have_been(T0 + by, T0) for by in (SECOND, 0 * SECOND, -366 * DAY, -366 * DAY - SECOND)] == [
        False,
        True,
        True,
        False,
    ]
    assert window_of(T0, T0 + HOUR) == (T0 - 30 * DAY, T0 + HOUR)
    assert window_of(T0, T0 + 40 * DAY) == (T0 - 30 * DAY, T0 + 30 * DAY)


def test_the_steps_are_whole_and_a_broken_edition_is_refused(tmp_path: Path) -> None:
    edition = load_steps().get()
    assert [step.id for step in edition.steps][:4] == ["disconnect", "keep_running", "call_provider", "do_not_pay"]
    order = list(edition.by_id)
    assert order.index("complaint") < order.index("rebuild")  # the complaint comes before any reinstallation
    assert {step.clock for step in edition.steps} == {None, "complaint", "cnil"}
    assert KIND_WORDS.keys() == set(KINDS)
    written = {**edition.model_dump(mode="json"), "as_of": edition.as_of}
    steps = written["steps"]
    for broken, why in (
        ({**written, "steps": [*steps, steps[0]]}, "stands twice"),
        ({**written, "steps": [{**step, "clock": None} for step in steps]}, "each clock"),
        ({**written, "sources": {**written["sources"], "none": "Nobody"}}, "sources"),
        ({**written, "version": "2030.1.1"}, "says that it is"),
        ({**written, "mood": "calm"}, "mood"),
    ):
        (tmp_path / "2026.11.1.yaml").write_text(yaml.safe_dump(broken))
        with pytest.raises(CatalogueError, match=why):
            read_editions(tmp_path)
    (tmp_path / "2026.11.1.yaml").write_text(yaml.safe_dump(written))
    assert read_editions(tmp_path).get() == edition
    (tmp_path / "2026.11.1.yaml").unlink()
    with pytest.raises(CatalogueError):
        read_editions(tmp_path)


KNOWN = Known(
    practice="Cabinet du Cèdre",
    city="Lyon",
    siret="73282932000074",
    finess=None,
    provider="Atlas",
    provider_phone="01 23 45 67 89",
    zone="Europe/Paris",
    kind="ransomware",
    description="Fichiers illisibles sur le serveur",
    known_at=T0,
    declared_by="Dr Paz",
    machines=9,
    insurer="Mutuelle du Rhône",
    policy_number="CY-77",
    complaint=None,
    cnil=None,
    frozen=None,
    story=(Line(T0 + HOUR, "Serveur débranché [par Zoe]"),),
)


def test_drafts_say_what_is_known_and_mark_what_is_not() -> None:
    complaint, insurer, cnil = write_drafts(KNOWN)
    assert [draft.kind for draft in (complaint, insurer, cnil)] == ["complaint", "insurer", "cnil"]
    for draft in (complaint, insurer, cnil):
        assert "Cabinet du Cèdre" in draft.text
        assert "samedi 21 novembre 2026 à 08:42" in draft.text
        assert "Serveur débranché (par Zoe)" in draft.text  # square brackets are ours: what is left to fill in
        assert draft.blanks == draft.text.count("[") > 2
        assert " :" not in draft.text  # a no-break space stands there
        assert "'" not in draft.text
    assert "CY-77" in insurer.text
    assert "CY-77" in insurer.address
    assert "mardi 24 novembre 2026 à 08:42" in insurer.text
    filed = write_drafts(replace(KNOWN, complaint=(T0 + 2 * HOUR, "2026/4471"), frozen="ab" * 32))
    assert "numéro 2026/4471" in filed[1].text
    assert "ab" * 32 in filed[0].text
    assert filed[1].blanks == insurer.blanks - 1
    unknown = replace(KNOWN, city=None, siret=None, description=None, insurer=None, policy_number=None, machines=None)
    assert all(bare.blanks > told.blanks for bare, told in zip(write_drafts(unknown), write_drafts(KNOWN), strict=True))
    for kind in KINDS:
        assert all(draft.text for draft in write_drafts(replace(KNOWN, kind=kind)))
    assert french_instant(datetime(2026, 5, 1, 22, 5, tzinfo=UTC), "Europe/Paris") == "samedi 2 mai 2026 à 00:05"
    assert french_instant(datetime(2026, 5, 1, 8, 0, tzinfo=UTC), "Europe/Paris").startswith("vendredi 1er mai")


CARD = Card(
    practice="Cèdre",
    city=None,
    provider="Atlas",
    emergency_phone=None,
    zone="Europe/Paris",
    as_of=T0,
    contacts=[],
    missing=["it_provider", "insurer"],
    confirmed_at=None,
    copies=[],
    steps=[],
    edition="x",
)
CLOUD, USB, NAS = (
    Copy("srv", "cloud", immutable=True, succeeded_at=T0 - HOUR),
    Copy("srv", "usb", immutable=False, succeeded_at=T0 - DAY),
    Copy("srv", "nas", immutable=False, succeeded_at=T0),  # an attacker reaches it as the server does
)


@pytest.mark.parametrize(
    ("copies", "told"),
    [
        ([], "Vigie n'en voit aucune"),
        ([NAS], "Vigie n'en voit aucune"),
        ([USB, NAS], "Disque USB, hors ligne s'il est débranché, faite le vendredi 20 novembre 2026 à 08:42"),
        ([USB, CLOUD, NAS], "Copie distante, non modifiable, faite le samedi 21 novembre 2026 à 07:42"),
    ],
)
def test_the_last_copy_that_an_attacker_could_not_reach(copies: list[Copy], told: str) -> None:
    assert last_offline_copy(replace(CARD, copies=copies))[0].startswith(told)


def test_the_card_names_the_provider_first_and_keeps_every_text_to_its_place() -> None:
    assert on_paper(CARD)["helper"] == {"name": "Atlas", "phone": ""}
    assert on_paper(replace(CARD, emergency_phone="01 99"))["helper"]["phone"] == "01 99"
    by_mail = Contact("it_provider", "Mail", None, "a@b.example", None)
    called = Contact("it_provider", "Urgences", "01 23", None, None)
    insurer = Contact("insurer", "M" * 90, "0800", None, "CY-77")
    found = on_paper(replace(CARD, contacts=[insurer, by_mail, called]))
    assert found["helper"] == {"name": "Urgences", "phone": "01 23"}
    assert [each["role"] for each in found["contacts"]] == ["Prestataire informatique", "Assureur"]
    assert found["contacts"][1] == {
        "role": "Assureur",
        "name": f"{'M' * 59}…",
        "reach": "0800",
        "more": "contrat CY-77",
    }
    assert found["missing"] == ["Assureur"]
    assert on_paper(replace(CARD, contacts=[insurer] * 9))["others"] == 2


@pytest.fixture(scope="module")
def keys(key_file: Path) -> SigningKeys:
    """The keys of a service."""
    return SigningKeys.of(load_signing_key(key_file))


ABOUT = About(
    provider_id=UUID(int=1),
    practice_id=UUID(int=2),
    incident_id=UUID(int=3),
    kind="ransomware",
    known_at=T0,
    from_at=T0 - 30 * DAY,
    until_at=T0 + HOUR,
    frozen_at=T0 + HOUR,
)
PARTS = (Part("events.jsonl", [b'{"number":1}', b'{"number":2}']), Part("alerts.jsonl", [], complete=False))


def test_an_archive_holds_only_as_it_was_sealed(keys: SigningKeys) -> None:
    def sign(document: bytes) -> str:
        return sign_document(keys, "vigie-evidence", document)

    def read_signed(text: str) -> bytes:
        return signed_document(keys, "vigie-evidence", text)

    sealed = seal(ABOUT, PARTS, sign)
    assert seal(ABOUT, PARTS, sign) == sealed  # the same content is the same bytes
    good = examine(sealed)
    assert examine(sealed, good.sha256, read_signed).faults == ()
    grouped = ":".join(good.sha256[at : at + 8] for at in range(0, 64, 8))
    assert examine(sealed, grouped, read_signed).holds
    assert good.manifest["left_out_for_size"] == ["alerts.jsonl"]
    assert good.manifest["files"]["events.jsonl"]["lines"] == 2
    for place in range(0, len(sealed), 7):
        altered = bytearray(sealed)
        altered[place] ^= 1
        assert not examine(bytes(altered), good.sha256).holds, place
    assert not examine(b"", good.sha256).holds
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files.keys() == {MANIFEST, SIGNATURE, README, "events.jsonl", "alerts.jsonl"}
    assert examine(packed(files)).holds  # packed anew it agrees with itself…
    assert not examine(packed(files), good.sha256).holds  # …and is not what the audit remembers
    assert examine(packed({**files, "events.jsonl": b'{"number":3}\n'})).faults == ("events.jsonl was changed",)
    assert examine(packed({**files, "more.txt": b""})).faults == ("more.txt is not in the manifest",)
    del files["alerts.jsonl"]
    assert examine(packed(files)).faults == ("alerts.jsonl is missing",)


def packed(files: dict[str, bytes]) -> bytes:
    """Return files as a zip that somebody else made."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_a_manifest_written_anew_is_not_signed_by_us(keys: SigningKeys) -> None:
    sealed = seal(ABOUT, PARTS, lambda document: sign_document(keys, "vigie-evidence", document))
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    forged = {**json.loads(files[MANIFEST]), "known_at": "2026-11-22T07:42:00Z"}
    files[MANIFEST] = json.dumps(forged).encode()
    found = examine(packed(files), None, lambda text: signed_document(keys, "vigie-evidence", text))
    assert found.faults == ("the signature is over another manifest",)
    for kind, signed in (
        ("other", sign_document(keys, "vigie-evidence", b"x")),
        ("vigie-evidence", sign_document(keys, "vigie-evidence", b"x")[:-8] + "AAAAAAAA"),
        ("vigie-evidence", "nothing"),
    ):
        with pytest.raises(UnsignedDocumentError):
            signed_document(keys, kind, signed)
    assert signed_document(keys, "vigie-evidence", sign_document(keys, "vigie-evidence", b"x")) == b"x"
