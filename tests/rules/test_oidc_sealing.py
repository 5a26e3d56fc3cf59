"""Sealed blobs open for their purpose, with one of the keys, unaltered; and for nothing else."""

from pathlib import Path

import pytest

from vigie.core.sealing import SealBrokenError, Sealer, SealingKeyError, load_sealing_keys, new_sealing_key

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PLAIN = b"what only we can read"


def test_what_was_sealed_opens_and_is_not_to_be_read_before() -> None:
    sealed = Sealer(KEY).seal("cookie", PLAIN)
    assert PLAIN not in sealed
    assert Sealer(KEY).open("cookie", sealed) == PLAIN
    assert Sealer(KEY).open("cookie", Sealer(KEY).seal("cookie", b"")) == b""


def test_two_seals_of_the_same_differ() -> None:
    assert Sealer(KEY).seal("cookie", PLAIN) != Sealer(KEY).seal("cookie", PLAIN)


def test_a_seal_is_for_one_purpose() -> None:
    sealed = Sealer(KEY).seal("cookie", PLAIN)
    for purpose in ("", "cookies", "token"):
        with pytest.raises(SealBrokenError):
            Sealer(KEY).open(purpose, sealed)
    assert Sealer(KEY).open("cookie", sealed) == PLAIN


def test_every_byte_of_a_seal_counts() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal("cookie", PLAIN)
    for place in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            sealer.open("cookie", sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
    for broken in (b"", sealed[:-1], sealed + b"\0", sealed[:20], b"\x01"):
        with pytest.raises(SealBrokenError):
            sealer.open("cookie", broken)
    assert sealer.open("cookie", sealed) == PLAIN


def test_a_key_is_replaced_without_losing_what_was_sealed() -> None:
    old, rotated, new = Sealer(KEY), Sealer(OTHER, [KEY]), Sealer(OTHER)
    assert rotated.open("cookie", old.seal("cookie", PLAIN)) == PLAIN
    assert new.open("cookie", rotated.seal("cookie", PLAIN)) == PLAIN
    with pytest.raises(SealBrokenError):
        new.open("cookie", old.seal("cookie", PLAIN))


def test_a_key_file_holds_one_key_per_line_the_newest_first(tmp_path: Path) -> None:
    file = tmp_path / "sealing-keys"
    first, second = new_sealing_key(), new_sealing_key()
    file.write_bytes(first)
    (only,) = load_sealing_keys(file)
    file.write_bytes(second + first)
    newest, before = load_sealing_keys(file)
    assert (before, len(newest)) == (only, 32)
    assert newest != only
    assert Sealer(newest, [before]).open("x", Sealer(only).seal("x", PLAIN)) == PLAIN


@pytest.mark.parametrize("content", [b"", b"\n", b"not base64!", b"c2hvcnQ=\n", b"A" * 44])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "sealing-keys"
    file.write_bytes(content)
    with pytest.raises(SealingKeyError, match="sealing-keys"):
        load_sealing_keys(file)


def test_no_file_and_no_setting_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SealingKeyError, match="VIGIE_SEALING_KEY_FILE"):
        load_sealing_keys(None)
    with pytest.raises(SealingKeyError, match="absent"):
        load_sealing_keys(tmp_path / "absent")


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"\0", KEY[:16]])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(SealingKeyError):
        Sealer(key)
    with pytest.raises(SealingKeyError):
        Sealer(KEY, [key])
