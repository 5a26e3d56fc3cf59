"""Why a field was refused, in French and in English: every type of the validator's, and our own sentences."""

from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema
from pydantic_core._pydantic_core import list_all_errors
from typing_extensions import TypedDict

from vigie.core.reasons import FRENCH, OTHERWISE, faults_of, reason_of
from vigie.core.sentences import BadValueError, Sentence, said

# What a document or a query cannot be refused with: these speak of Python values, calls and programming faults, or have a code
# of their own (`json_invalid`) or a sentence of ours (`value_error`).
NEVER = {
    *("arguments_type", "missing_argument", "unexpected_keyword_argument", "missing_keyword_only_argument"),
    *("unexpected_positional_argument", "missing_positional_only_argument", "multiple_argument_values"),
    *("no_such_attribute", "get_attribute_error", "needs_python_object", "frozen_field", "frozen_instance"),
    *("dataclass_exact_type", "named_tuple_type", "default_factory_not_called", "iteration_error", "counter_type"),
    *("frozen_dict_type", "ordered_dict_type", "deque_type", "set_item_not_hashable", "is_instance_of"),
    *("is_subclass_of", "callable_type", "missing_sentinel_error", "ellipsis_error", "assertion_error", "value_error"),
    *("json_invalid", "fraction_type", "fraction_parsing", "complex_type", "complex_str_parsing"),
}


def test_every_type_a_document_can_be_refused_with_has_french() -> None:
    known = set(get_args(core_schema.ErrorType))
    assert known - NEVER - set(FRENCH) == set()
    assert set(FRENCH) - known <= {"string_sub_type"}  # a type that older validators have
    for each in list_all_errors():
        told = reason_of({"type": each["type"], "msg": "English", "ctx": each["example_context"]})
        assert "{" not in told.french, each["type"]
        assert told.french.endswith("."), each["type"]
        assert (told.french == OTHERWISE) is (each["type"] in NEVER), each["type"]


class _Cat(TypedDict):
    kind: Literal["cat"]


class _Dog(TypedDict):
    kind: Literal["dog"]


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise BadValueError("an odd number", "Un nombre impair est attendu : pas deux !")
    return number


class _Body(BaseModel, extra="forbid"):
    text: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    word: Annotated[str, Field(min_length=1, pattern="^[a-z]+$")] = "a"
    some: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    choice: Literal["a", "b", "c or d"] = "a"
    share: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    odd: Annotated[int, AfterValidator(_odd)] = 1
    pet: Annotated[_Cat | _Dog, Field(discriminator="kind")] = {"kind": "cat"}


@pytest.mark.parametrize(
    ("body", "pointer", "english", "french"),
    [
        ({"text": "a"}, "/text", "String should have at least 2 characters", "Au moins 2 caractères."),
        ({"text": "abcd"}, "/text", "String should have at most 3 characters", "Au plus 3 caractères."),
        ({"text": 1}, "/text", "Input should be a valid string", "Un texte est attendu."),
        ({"word": ""}, "/word", "String should have at least 1 character", "Ce champ ne peut pas être vide."),
        ({"word": "A"}, "/word", "String should match pattern '^[a-z]+$'", "Ce texte n’a pas la forme attendue."),  # noqa: RUF001
        ({"some": []}, "/some", None, "Au moins un élément est attendu."),
        ({"some": [1, 1, 1]}, "/some", None, "Au plus 2 éléments."),
        ({"some": ["x"]}, "/some/0", None, "Un nombre entier est attendu."),
        (
            {"choice": "d"},
            "/choice",
            "Input should be 'a', 'b' or 'c or d'",
            "Une de ces valeurs est attendue\xa0: a, b ou c or d.",
        ),
        ({"share": -1}, "/share", "Input should be greater than or equal to 0", "Au moins 0."),
        ({"share": 1}, "/share", "Input should be less than 1", "Moins de 1."),
        ({"more": 1}, "/more", "Extra inputs are not permitted", "Ce champ n’est pas connu ici."),  # noqa: RUF001
        ({"odd": 2}, "/odd", "an odd number", "Un nombre impair est attendu\xa0: pas deux\u202f!"),
        ({"pet": {"kind": "snake"}}, "/pet", "'kind' should be one of 'cat', 'dog'", None),
        ({"pet": {}}, "/pet", None, None),
    ],
)
def test_a_fault_is_told_in_both_languages_and_repeats_nothing(
    body: dict[str, Any], pointer: str, english: str | None, french: str | None
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(_Body).validate_python(body)
    (one,) = faults_of(refused.value.errors())
    told = {language: said([one], language)[0] for language in ("en", "fr")}
    assert told["en"]["pointer"] == told["fr"]["pointer"] == pointer
    assert told["en"]["reason"] == (english or told["en"]["reason"])
    assert told["fr"]["reason"] == (french or told["fr"]["reason"])
    assert told["fr"]["reason"] != told["en"]["reason"]
    assert "snake" not in str(told)


def test_what_has_no_french_is_told_in_plain_french_and_members_are_told_whole() -> None:
    unknown = reason_of({"type": "is_instance_of", "msg": "Input should be an instance of X", "ctx": {"class": "X"}})
    assert unknown.said("fr") == "Cette valeur n’est pas acceptée."  # noqa: RUF001
    plain = reason_of({"type": "value_error", "msg": "Value error, no", "ctx": {"error": ValueError("no")}})
    assert (plain.said("en"), plain.french) == ("no", OTHERWISE)
    members = {"list": [{"deep": (Sentence("yes", "oui"), 1)}], "id": None}
    assert said(members, "fr") == {"list": [{"deep": ["oui", 1]}], "id": None}
