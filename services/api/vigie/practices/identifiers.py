"""FINESS, SIRET and RPPS numbers: public registers of establishments and professionals, each checked by its key. Pure."""

_FINESS = 9
_SIRET = 14
_RPPS = 11
_LA_POSTE = "356000000"  # its SIRETs follow another rule: the digits add up to a multiple of five


def luhn_valid(digits: str) -> bool:
    """Whether a string of digits satisfies the Luhn formula (ISO/IEC 7812-1)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - two digits add up to value - 9
    return total % 10 == 0


def is_siret(text: str) -> bool:
    """Whether a text is a SIRET: 14 digits whose Luhn sum holds (INSEE; La Poste's own exception included)."""
    if len(text) != _SIRET or not text.isascii() or not text.isdigit():
        return False
    if text.startswith(_LA_POSTE) and sum(map(int, text)) % 5 == 0:
        return True
    return luhn_valid(text)


def is_finess(text: str) -> bool:
    """Whether a text is a FINESS number: nine characters, a département first (2A and 2B in Corsica), Luhn key last."""
    if len(text) != _FINESS or not text.isascii():
        return False
    if text[:2] in {"2A", "2B"}:
        digits = {"2A": "19", "2B": "18"}[text[:2]] + text[2:]
        return digits.isdigit()  # the key of Corsican numbers is not published: the form is all that can be checked
    return text.isdigit() and luhn_valid(text)


def is_rpps(text: str) -> bool:
    """Whether a text is an RPPS number as one types it: eleven digits whose Luhn sum holds (ANS, directory of professionals)."""
    return len(text) == _RPPS and text.isascii() and text.isdigit() and luhn_valid(text)
