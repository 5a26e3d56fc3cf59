"""The questionnaires as data: four of them, whole, in both languages, in editions that never change."""

from pathlib import Path

import pytest

from vigie.posture.catalogue import CatalogueError, load_catalogue
from vigie.posture.catalogue.questionnaires import FOLDER, Question, load_questionnaires, read_editions

# The digest of every edition that is out. An edition may have been signed: mend its wording in a new file, not here.
PUBLISHED = {
    "2026.11.1": (
        "ebd539a938225e8bea85c166085d68a107703670ed2657733485a73a31fde2c7",
        "b5a4fd4eada911d129536936f1b0ed5db7b79740616a7043c4d895ee4e7bd203",
        "8e8f28d74e31f8aeb66c2dd691cbf317aae0c2f1b1c66a2f807a436dff4562ad",
        "42fa7512cd9f64e06e1433e62d94f1ed871e541494c2ae62134a041afde7bc9b",
    ),
}
SOURCE = Path(__file__).parents[2] / "services" / "api" / "vigie" / "posture" / "catalogue" / FOLDER
TEXT = (SOURCE / "2026.11.1.yaml").read_text()
CURRENT = [load_questionnaires().get(kind) for kind in (1, 2, 3, 4)]
QUESTIONS = [question for template in CURRENT for question in template.questionnaire.questions]


def test_there_are_four_with_their_questions() -> None:
    assert [len(template.questionnaire.questions) for template in CURRENT] == [14, 13, 11, 12]
    assert [template.questionnaire.control for template in CURRENT] == ["ANS-9.2", "ANS-9.3", "ANS-9.4", "ANS-9.5"]


def test_no_edition_that_is_out_was_edited() -> None:
    found = {
        version: tuple(edition[kind].digest for kind in (1, 2, 3, 4))
        for version, edition in load_questionnaires().editions.items()
    }
    assert found == PUBLISHED


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_is_asked_in_both_languages(question: Question) -> None:
    texts = [question.text, question.evidence, *filter(None, [question.detail])]
    for text in texts:
        assert text.fr != text.en
        assert not text.fr.endswith(".")
    assert question.text.fr.endswith("?")
    assert question.text.en.endswith("?")


def test_controls_answer_half_of_the_questions_and_never_the_signing_itself() -> None:
    named = {name for question in QUESTIONS for name in (*question.answered_by, *question.denied_by)}
    assert named <= load_catalogue().controls.keys()
    assert not named & {"ANS-9.2", "ANS-9.3", "ANS-9.4", "ANS-9.5"}  # signing must not answer what is signed
    assert sum(bool(question.answered_by) for question in QUESTIONS) == 24


def test_a_comment_is_due_where_somebody_says_anything_but_yes() -> None:
    assert {template.comment_on for template in CURRENT} == {frozenset({"no", "not_applicable"})}


def test_several_editions_live_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "2026.11.1.yaml").write_text(TEXT)
    reworded = TEXT.replace("2026.11.1", "2026.12.10").replace("Are restores tried out?", "Do you try restores?")
    (tmp_path / "2026.12.10.yaml").write_text(reworded)
    (tmp_path / "2026.12.9.yaml").write_text(TEXT.replace("2026.11.1", "2026.12.9"))
    found = read_editions(tmp_path)
    assert found.current == "2026.12.10"  # ten comes after nine
    assert found.get(2).questionnaire.by_id["Q2.9"].text.en == "Do you try restores?"
    assert found.get(2, "2026.11.1").questionnaire.by_id["Q2.9"].text.en == "Are restores tried out?"
    assert found.get(2, "2026.11.1").digest == CURRENT[1].digest
    assert found.get(2).digest != CURRENT[1].digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: Q2.9", "id: Q2.14", "numbered"),
        ("kind: 3\n    control: ANS-9.4", "kind: 3\n    control: ANS-9.5", "feeds"),
        ("kind: 3\n", "kind: 2\n", "1 to 4"),
        ("[ANS-5.7]", "[ANS-5.99]", "ANS-5.99"),
        ("[ANS-5.7]", "[ANS-5.7, ANS-5.7]", "twice"),
        ("parts: [yes_no, document]", "parts: [yes_no, picture]", "parts"),
        ("parts: [yes_no, document]", "parts: [yes_no]", "detail"),
        (
            'parts: [text]\n        evidence: {fr: "Liste des outils"',
            'parts: [text]\n        answered_by: [ANS-9.7]\n        evidence: {fr: "Liste des outils"',
            "yes or no",
        ),
        ('comment_on: ["no"', 'comment_on: ["maybe"', "comment_on"),
        ('version: "2026.11.1"', 'version: "2026.11.2"', "version 2026.11.2"),
        ("grade: C", "grade: D", "grade"),
        ("questionnaires:", "questionaires:", "questionaires"),
    ],
)
def test_a_broken_edition_stops_the_program(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    (tmp_path / "2026.11.1.yaml").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(CatalogueError, match=said):
        read_editions(tmp_path)


def test_no_edition_at_all_stops_the_program(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no edition"):
        read_editions(tmp_path)
