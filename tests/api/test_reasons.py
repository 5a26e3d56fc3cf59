"""What a refused field is told: at the same pointer, in the language of the request."""

from typing import Any

from tests.support.cast import Cast

NEW = {"name": "Tilleul", "profession": "dentist"}
SPACE, THIN = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


def table(cast: Cast) -> list[tuple[str, str, Any, str, str, str]]:
    """Return method, path, body, pointer, English and French of bad inputs: the validator's reasons, and each kind of ours."""
    practices, cedar = "/v1/practices", f"/v1/practices/{cast.cedar}"
    hours = {"territory": "metropolitan", "weekly": {"monday": [{"from": "09:00", "to": "08:00"}]}}
    window = {"practice_id": cast.cedar, "reason": "travaux"}
    return [
        ("POST", practices, {"profession": "dentist"}, "/body/name", "Field required", "Ce champ est requis."),
        (
            "POST",
            practices,
            NEW | {"name": ""},
            "/body/name",
            "String should have at least 1",
            "Ce champ ne peut pas être",
        ),
        ("POST", practices, NEW | {"colour": "red"}, "/body/colour", "Extra inputs", "Ce champ n'est pas connu ici."),
        (
            "POST",
            practices,
            NEW | {"profession": "plumber"},
            "/body/profession",
            "Input should be",
            "Une de ces valeurs",
        ),
        (
            "POST",
            practices,
            NEW | {"siret": "12345678901234"},
            "/body/siret",
            "not a SIRET",
            "Ce n'est pas un numéro SIRET",
        ),
        ("POST", practices, NEW | {"time_zone": "Mars"}, "/body/time_zone", "not a time zone", "Ce fuseau horaire"),
        ("POST", practices, [], "/body", "Input should be", "Un objet est attendu."),
        ("PATCH", cedar, {"name": None}, "/body", "name cannot be null", f"Ne peut pas être vide{SPACE}: name."),
        (
            "PUT",
            f"{cedar}/opening-hours",
            hours,
            "/body/weekly/monday",
            "a span must begin",
            "Une plage commence avant",
        ),
        ("POST", "/v1/maintenance-windows", window, "/body", "either starts_at", "Soit un début et une fin"),
        ("GET", f"{practices}?limit=0", None, "/query/limit", "Input should be greater", "Au moins 1."),
        ("GET", f"{practices}?colour=red", None, "/query/colour", "unknown parameter", "Ce paramètre n'existe pas."),
        ("GET", f"{practices}?control=ANS-99", None, "/query/control", "no control", "Ce point de contrôle n'existe"),
        (
            "GET",
            f"{practices}/cedar",
            None,
            "/path/practice_id",
            "Input should be a valid UUID",
            "Un identifiant (UUID)",
        ),
        (
            *(
                "PUT",
                "/v1/policies",
                {"practice_id": None, "thresholds": {"patch": {"colour": 1}}},
                "/body/thresholds/patch/colour",
            ),
            *("no such threshold", "Ce seuil n'existe pas"),
        ),
    ]


async def test_each_reason_is_told_in_the_language_of_the_request(cast: Cast) -> None:
    ana = await cast.ana()
    for method, path, body, pointer, english, french in table(cast):
        sent = {} if body is None else {"json": body}
        for language, reason in (("en", english), ("fr", french.replace("'", "’"))):  # noqa: RUF001 - as French is set
            answer = await ana.call(method, path, headers={"Accept-Language": language}, **sent)
            assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid"), (path, answer.text)
            told = answer.json()["errors"][0]
            assert told["pointer"] == pointer, (path, told)
            assert told["reason"].startswith(reason), (path, told)
    created = await ana.call("POST", "/v1/practices", json=NEW, headers={"Accept-Language": "fr"})
    assert created.status_code == 201


async def test_the_detail_of_a_refusal_is_told_in_both_languages(cast: Cast) -> None:
    ana, ivo = await cast.ana(), await cast.ivo()
    tried = [
        (ivo, "/v1/practices", NEW, "auth.insufficient_scope", "needs practices:write", "Droit nécessaire"),
        (
            *(ana, "/v1/exceptions"),
            {
                "practice_id": cast.cedar,
                "control": "ANS-2.1",
                "reason": "le scanner l'exige",
                "starts_at": "2020-01-01T00:00:00Z",
                "ends_at": "2020-02-01T00:00:00Z",
            },
            *("exception.period", "an exception cannot begin", "Une dérogation ne commence pas dans le passé."),
        ),
        (
            *(ana, "/v1/maintenance-windows"),
            {
                "practice_id": cast.cedar,
                "reason": "travaux",
                "starts_at": "2020-01-01T00:00:00Z",
                "ends_at": "2020-01-02T00:00:00Z",
            },
            *("maintenance_window.period", "a window ends after", "Une fenêtre finit après son début"),
        ),
    ]
    for who, path, body, code, english, french in tried:
        for language, detail in (("en", english), ("fr", french)):
            answer = await who.call("POST", path, json=body, headers={"Accept-Language": language})
            assert answer.json()["code"] == code, answer.text
            assert answer.json()["detail"].startswith(detail), answer.text
