"""A list of practices is read as it was meant, and every row that is not right is told."""

import pytest

from vigie.practices.importing import MOST_ROWS, Format, read_sheet

CSV, LINES = "text/csv", "application/x-ndjson"
FRENCH = (
    "\ufeffCabinet;Métier;Ville;Référence\r\nLes Tilleuls;Chirurgien-dentiste;Lyon;C-1\r\n;;;\r\nLe Port;MÉDECIN;;\r\n"
)
ENGLISH = 'name,profession,siret,finess\n"Ash, Elm & sons",nurse,732 829 320 00074,690000013\n'
TABBED = "nom\tprofession\tfuseau horaire\nDu Phare\tSage-femme\tIndian/Reunion\n"
JSON = '{"name": "Ash", "profession": "kiné", "city": null}\n\n{"name": "Elm", "profession": "other", "external_ref": "7"}\n'


@pytest.mark.parametrize(
    ("text", "kind", "rows"),
    [
        (FRENCH, CSV, [(2, "Les Tilleuls", "dentist", "Lyon", "C-1"), (4, "Le Port", "physician", None, None)]),
        (ENGLISH, CSV, [(2, "Ash, Elm & sons", "nurse", None, None)]),
        (TABBED, CSV, [(2, "Du Phare", "midwife", None, None)]),
        (JSON, LINES, [(1, "Ash", "physiotherapist", None, None), (3, "Elm", "other", None, "7")]),
    ],
)
def test_a_list_is_read_as_it_was_meant(text: str, kind: Format, rows: list[tuple[object, ...]]) -> None:
    sheet = read_sheet(text.encode(), kind)
    assert sheet.faults == []
    assert [
        (each.row, each.new.name, each.new.profession, each.new.city, each.new.external_ref) for each in sheet.practices
    ] == rows


def test_numbers_of_establishments_may_be_written_in_groups_and_zones_are_kept() -> None:
    made, zoned = (read_sheet(text.encode(), "text/csv").practices[0].new for text in (ENGLISH, TABBED))
    assert (made.siret, made.finess, made.time_zone) == ("73282932000074", "690000013", "Europe/Paris")
    assert zoned.time_zone == "Indian/Reunion"


HEAD = b"name,profession,city,siret,external_ref\n"
RIGHT = b"Ash,nurse,Lyon,,R1\n"


@pytest.mark.parametrize(
    ("content", "kind", "faults"),
    [
        (b"", CSV, [(1, "name"), (1, "profession")]),
        (HEAD, CSV, [(1, None)]),
        (b"name,profession\n\xff,nurse\n", CSV, [(1, None)]),
        (b'name,profession\n"Ash,nurse\n', CSV, [(2, None)]),
        (b"name,profession\nA\x00sh,nurse\n", CSV, [(2, "name")]),
        (b"name,colour\nAsh,red\n", CSV, [(1, "colour")]),
        (b"name,profession,nom\nAsh,nurse,x\n", CSV, [(1, "name")]),
        (HEAD + RIGHT + b",plumber,,123,\n", CSV, [(3, "name"), (3, "profession"), (3, "siret")]),
        (HEAD + b"Ash,nurse,,,,x\n" + RIGHT, CSV, [(2, None)]),
        (HEAD + RIGHT + RIGHT, CSV, [(3, "external_ref")]),
        (HEAD + b"x,nurse,,,\n" * (MOST_ROWS + 1), CSV, [(MOST_ROWS + 2, None)]),
        (b'{"name": "Ash"}\n[]\n{"name": "x", "profession": "nurse", "colour": 1}\nx\n', LINES, None),
    ],
    ids=map(str, range(12)),  # a thousand rows are no name
)
def test_every_row_that_is_not_right_is_told(
    content: bytes, kind: Format, faults: list[tuple[int, str | None]] | None
) -> None:
    told = read_sheet(content, kind).faults
    wanted = [(1, "profession"), (2, None), (3, "colour"), (4, None)] if faults is None else faults
    assert [(each.row, each.column) for each in told] == wanted
    assert all(words.strip() for each in told for words in (each.reason.english, each.reason.french))


def test_rows_that_are_right_are_kept_beside_those_that_are_not() -> None:
    sheet = read_sheet(HEAD + RIGHT + b",nurse,,,\n", "text/csv")
    assert [each.row for each in sheet.practices] == [2]
