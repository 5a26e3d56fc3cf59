"""Why a field was refused, in both languages: the validator's stable error types, each with a French sentence of ours. Pure.

The English is the validator's own. What was sent is in neither: it may be a secret or speak of a person.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vigie.core.sentences import BadValueError, Sentence

_MOST: Final = 20
_OBJECT, _LIST = "Un objet est attendu.", "Une liste est attendue."
_WHOLE, _NUMBER = "Un nombre entier est attendu.", "Un nombre est attendu."
_DATE: Final = "Une date est attendue, comme 2026-11-22."
_INSTANT: Final = "Une date avec son heure est attendue, comme 2026-11-22T08:30:00Z."
_TIME, _LENGTH = "Une heure est attendue, comme 08:30.", "Une durée est attendue."
_UUID, _URL = "Un identifiant (UUID) est attendu.", "Une adresse web est attendue, comme https://exemple.fr."
_TEXT, _BYTES, _YES_NO = "Un texte est attendu.", "Des octets sont attendus.", "Oui ou non (true ou false) est attendu."
OTHERWISE: Final = "Cette valeur n'est pas acceptée."

FRENCH: Final[Mapping[str, str]] = {
    "missing": "Ce champ est requis.",
    "extra_forbidden": "Ce champ n'est pas connu ici.",
    "none_required": "Ce champ doit rester vide (null).",
    "json_type": "Du JSON dans un texte est attendu.",
    "invalid_key": "Les noms des champs sont des textes.",
    "recursion_loop": "Cet objet se contient lui-même.",
    "recursion_depth_exceeded": "Trop d'objets l'un dans l'autre.",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "too_short": "Au moins {min_length} éléments.",
    "too_long": "Au plus {max_length} éléments.",
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "string_unicode": "Un texte en Unicode valide est attendu.",
    "string_not_ascii": "Des caractères sans accent sont attendus.",
    "string_too_short": "Au moins {min_length} caractères.",
    "string_too_long": "Au plus {max_length} caractères.",
    "string_pattern_mismatch": "Ce texte n'a pas la forme attendue.",
    "bytes_type": _BYTES,
    "bytes_too_short": "Au moins {min_length} octets.",
    "bytes_too_long": "Au plus {max_length} octets.",
    "bytes_invalid_encoding": _BYTES,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "Ce nombre est trop grand.",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_max_digits": "Au plus {max_digits} chiffres.",
    "decimal_max_places": "Au plus {decimal_places} décimales.",
    "decimal_whole_digits": "Au plus {whole_digits} chiffres avant la virgule.",
    "greater_than": "Plus de {gt}.",
    "greater_than_equal": "Au moins {ge}.",
    "less_than": "Moins de {lt}.",
    "less_than_equal": "Au plus {le}.",
    "multiple_of": "Un multiple de {multiple_of} est attendu.",
    "enum": "Une de ces valeurs est attendue : {expected}.",
    "literal_error": "Une de ces valeurs est attendue : {expected}.",
    "union_tag_invalid": "« {discriminator} » vaut l'une de ces valeurs : {expected_tags}.",
    "union_tag_not_found": "{discriminator} manque, et dit de quel genre d'objet il s'agit.",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": "Une date sans heure est attendue, comme 2026-11-22.",
    "date_past": "Une date passée est attendue.",
    "date_future": "Une date à venir est attendue.",
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "datetime_past": "Un instant passé est attendu.",
    "datetime_future": "Un instant à venir est attendu.",
    "timezone_naive": "Une heure sans fuseau est attendue.",
    "timezone_aware": "Le fuseau manque : 2026-11-22T08:30:00Z, par exemple.",
    "timezone_offset": "Ce n'est pas le fuseau attendu.",
    "time_type": _TIME,
    "time_parsing": _TIME,
    "time_delta_type": _LENGTH,
    "time_delta_parsing": _LENGTH,
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": "Un UUID de version {expected_version} est attendu.",
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_too_long": "Au plus {max_length} caractères.",
    "url_scheme": "Une adresse qui commence par {expected_schemes} est attendue.",
}
"""The French of each type that JSON or a query can be refused with; anything else is said as `OTHERWISE`."""

_ENGLISH: Final[Mapping[str, str]] = {
    # The validator's own sentence repeats what was sent.
    "union_tag_invalid": "{discriminator} should be one of {expected_tags}",
}
_ONE: Final[Mapping[str, str]] = {
    "too_short": "Au moins un élément est attendu.",
    "too_long": "Au plus un élément.",
    "string_too_short": "Ce champ ne peut pas être vide.",
    "string_too_long": "Au plus un caractère.",
}


def reason_of(error: Mapping[str, Any]) -> Sentence:
    """Return why a validator refused, from one entry of its `errors()` with its context."""
    kind, context = error["type"], error.get("ctx") or {}
    cause = context.get("error")
    if isinstance(cause, BadValueError):
        return cause.sentence
    english = _ENGLISH[kind].format_map(context) if kind in _ENGLISH else error["msg"]
    return Sentence(str(cause) if kind == "value_error" else english, _french(kind, context))


def faults_of(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the first entries of a validator's `errors()` as a problem document tells them: pointer and reason."""
    return [{"pointer": "/" + "/".join(map(str, each["loc"])), "reason": reason_of(each)} for each in errors[:_MOST]]


def _french(kind: str, context: Mapping[str, Any]) -> str:
    if kind in _ONE and 1 in {context.get("min_length"), context.get("max_length")}:
        return _ONE[kind]
    values = {name: _listed(value) if isinstance(value, str) else value for name, value in context.items()}
    return FRENCH.get(kind, OTHERWISE).format_map(values)


def _listed(names: str) -> str:
    """Return in French a list as the validator writes it: `'a', 'b' or 'c'`."""
    return names.replace("' or '", "' ou '").replace("'", "")
