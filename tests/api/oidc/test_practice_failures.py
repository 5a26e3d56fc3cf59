"""What went wrong in other integrations of Pro Santé Connect, row by row."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.bad_idp import CLIENT_ID, CLIENT_SECRET, PAZ, STAFF, psc, staff
from tests.support.sign_in import NOW, Scene
from vigie.auth.oidc import errors
from vigie.auth.oidc.errors import SignInError
from vigie.auth.oidc.profiles import pro_sante_connect
from vigie.core.outbound import ClientCertificate

AT = int(NOW.timestamp())


def query_of(address: str) -> dict[str, str]:
    """Parameters of an address, each of them once."""
    pairs = parse_qsl(urlsplit(address).query, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


@pytest.mark.parametrize(
    ("environment", "host"), [("sandbox", "bas.psc.esante.gouv.fr"), ("production", "esw.esante.gouv.fr")]
)
async def test_well_known_path_hosts_and_issuer_are_pinned(environment: Any, host: str) -> None:
    idp = pro_sante_connect(environment=environment, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert idp.issuer == f"https://auth.{host}/auth/realms/esante-wallet"
    assert idp.discovery_url == f"{idp.issuer}/.well-known/wallet-openid-configuration"
    assert idp.hosts == {f"auth.{host}", f"wallet.{host}"}
    scene = Scene(idp)
    departure = await scene.depart()
    assert departure.url.startswith(f"https://wallet.{host}/auth?")
    assert scene.far.asked == ["discovery"]


async def test_the_issuer_on_the_wallet_s_host_is_another_issuer() -> None:
    with pytest.raises(errors.ProviderMetadataError):
        await Scene(discovery={"issuer": "https://wallet.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"}).depart()


async def test_state_and_nonce_are_sent_and_fresh_each_time() -> None:
    scene = Scene()
    first, second = query_of((await scene.depart()).url), query_of((await scene.depart()).url)
    assert set(first) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "acr_values"),
        *("code_challenge", "code_challenge_method"),
    }
    assert first["redirect_uri"] == "https://vigie.test/auth/callback/psc"
    assert (first["scope"], first["acr_values"]) == ("openid scope_all", "eidas1")
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert len({first["state"], first["nonce"], first["code_challenge"]}) == 3


async def test_the_nonce_is_held_against_the_id_token() -> None:
    scene = Scene(id_claims={"nonce": "of another attempt"})
    with pytest.raises(errors.TokenNonceError):
        await scene.sign_in()


async def test_the_state_is_bound_to_the_browser() -> None:
    scene = Scene()
    answer = scene.far.authorize((await scene.depart()).url)
    with pytest.raises(errors.AttemptUnknownError):
        await scene.arrive(answer, cookies={})
    await scene.arrive(answer)


async def test_every_exercise_and_every_place_is_read() -> None:
    other = {"codeProfession": "10", "codeCategorieProfessionnelle": "C", "activities": []}
    reference = {"exercices": [*PAZ["SubjectRefPro"]["exercices"], other]}
    roles = [*PAZ["SubjectRole"], "10^1.2.250.1.213.1.1.5.5"]
    scene = Scene(user_info={"SubjectRefPro": reference, "SubjectRole": roles})
    professional = (await scene.sign_in()).identity.professional
    assert professional is not None
    assert professional.professions == {"40", "10"}
    assert [len(exercise.activities) for exercise in professional.exercises] == [2, 0]


@pytest.mark.parametrize("verified", [None, False, "true", 1])
async def test_no_address_is_invented_and_none_is_taken_unverified(verified: object) -> None:
    assert (await Scene().sign_in()).identity.email is None
    claims = {"email": "paz@cedar.test", "email_verified": verified}
    assert (await Scene(user_info=claims).sign_in()).identity.email is None
    assert (await Scene(user_info={**claims, "email_verified": True}).sign_in()).identity.email == "paz@cedar.test"


# leeway → seconds by which the provider's clock is ahead, and what that meets
SKEWS: list[tuple[int, int, type[SignInError] | None]] = [
    (60, 60, None),
    (60, 61, errors.TokenTooNewError),
    (90, 90, None),
    (90, 91, errors.TokenTooNewError),
    (120, 120, None),
    (120, 121, errors.TokenTooNewError),
    (90, -90, None),
    (90, -91, errors.TokenTooOldError),
    (120, -211, errors.TokenTooOldError),
]


@pytest.mark.parametrize(("leeway", "ahead", "refusal"), SKEWS)
async def test_clocks_may_differ_by_the_leeway(leeway: int, ahead: int, refusal: type[SignInError] | None) -> None:
    scene = Scene(psc(leeway_s=leeway), id_claims={"iat": AT + ahead, "exp": AT + ahead + 300, "auth_time": AT + ahead})
    if refusal is None:
        await scene.sign_in()
        return
    with pytest.raises(refusal) as refused:
        await scene.sign_in()
    assert "horloge" in refused.value.title_fr


async def test_the_user_info_is_read_at_once_and_nothing_is_refreshed() -> None:
    scene = Scene()
    await scene.sign_in()
    assert scene.far.asked == ["discovery", "token_endpoint", "jwks_uri", "userinfo_endpoint"]


@pytest.mark.parametrize("status", [401, 403])
async def test_an_access_token_that_is_not_taken_is_told_apart(status: int) -> None:
    with pytest.raises(errors.UserInfoRefusedError):
        await Scene(statuses={"userinfo_endpoint": status}).sign_in()


# endpoint and what it does → whether that is the network's fault or a refusal
AWAY = errors.ProviderAwayError
FAILURES: dict[str, tuple[dict[str, Any], type[SignInError]]] = {
    "discovery away": ({"away": {"discovery"}}, AWAY),
    "keys away": ({"away": {"jwks_uri"}}, AWAY),
    "token endpoint away": ({"away": {"token_endpoint"}}, AWAY),
    "user info away": ({"away": {"userinfo_endpoint"}}, AWAY),
    "discovery 503": ({"statuses": {"discovery": 503}}, AWAY),
    "token endpoint 502": ({"statuses": {"token_endpoint": 502}}, AWAY),
    "token endpoint 429": ({"statuses": {"token_endpoint": 429}}, AWAY),
    "user info 500": ({"statuses": {"userinfo_endpoint": 500}}, AWAY),
    "answer temporarily_unavailable": ({"error": "temporarily_unavailable"}, AWAY),
    "answer server_error": ({"error": "server_error"}, AWAY),
    "answer access_denied": ({"error": "access_denied"}, errors.CancelledError),
    "answer login_required": ({"error": "login_required"}, errors.ProviderRefusedError),
    "answer nobody knows": ({"error": "<script>"}, errors.ProviderRefusedError),
    "answer invalid_scope": ({"error": "invalid_scope"}, errors.ClientRefusedError),
    "discovery 404": ({"statuses": {"discovery": 404}}, errors.ProviderMetadataError),
    "discovery moved": (
        {"statuses": {"discovery": 302}, "headers": {"discovery": {"Location": "https://elsewhere.test"}}},
        errors.ProviderMetadataError,
    ),
    "discovery a list": ({"bodies": {"discovery": b"[]"}}, errors.ProviderMetadataError),
    "discovery no JSON": ({"bodies": {"discovery": b"<html>"}}, errors.ProviderMetadataError),
    "discovery endless": ({"bodies": {"discovery": b" " * 262_145}}, AWAY),
    "keys 404": ({"statuses": {"jwks_uri": 404}}, errors.ProviderKeysError),
    "keys no JSON": ({"bodies": {"jwks_uri": b"<html>"}}, errors.ProviderKeysError),
    "keys no list": ({"bodies": {"jwks_uri": b'{"keys": {}}'}}, errors.ProviderKeysError),
    "keys too many": ({"keys": [{"kty": "RSA"}] * 51}, errors.ProviderKeysError),
    "tokens no JSON": ({"bodies": {"token_endpoint": b"<html>"}}, errors.TokenResponseError),
    "tokens a list": ({"bodies": {"token_endpoint": b"[]"}}, errors.TokenResponseError),
    "token endpoint 400 without reason": (
        {"statuses": {"token_endpoint": 400}, "bodies": {"token_endpoint": b"{}"}},
        errors.TokenResponseError,
    ),
    "token endpoint 401 without reason": (
        {"statuses": {"token_endpoint": 401}, "bodies": {"token_endpoint": b"{}"}},
        errors.ClientRefusedError,
    ),
    "token endpoint moved": ({"statuses": {"token_endpoint": 302}}, errors.TokenResponseError),
    "token endpoint invalid_grant": (
        {"statuses": {"token_endpoint": 400}, "bodies": {"token_endpoint": b'{"error": "invalid_grant"}'}},
        errors.CodeRefusedError,
    ),
    "access token with a line break": (
        {"token_response": {"access_token": "access-1\r\nX: y"}},
        errors.TokenResponseError,
    ),
    "user info 404": ({"statuses": {"userinfo_endpoint": 404}}, errors.UserInfoUnreadableError),
    "user info a page": ({"user_info_type": "text/html"}, errors.UserInfoUnreadableError),
    "user info a list": ({"bodies": {"userinfo_endpoint": b"[]"}}, errors.UserInfoUnreadableError),
    "user info no JSON": ({"bodies": {"userinfo_endpoint": b"{"}}, errors.UserInfoUnreadableError),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_of_the_network_is_no_refusal_and_the_other_way_round(name: str) -> None:
    bent, expected = FAILURES[name]
    with pytest.raises(SignInError) as failed:
        await Scene(**bent).sign_in()
    assert type(failed.value) is expected
    assert "script" not in str(failed.value) + str(failed.value.members)


async def test_a_code_is_exchanged_once_by_the_provider_too() -> None:
    scene = Scene()
    answer = scene.far.authorize((await scene.depart()).url)
    scene.far.grants.clear()
    with pytest.raises(errors.CodeRefusedError):
        await scene.arrive(answer)


async def test_the_attempt_survives_the_switch_to_the_e_cps_app_for_ten_minutes() -> None:
    scene = Scene()
    departure = await scene.depart()
    assert departure.cookie.max_age_s == 600
    scene.pass_time(minutes=9, seconds=59)
    await scene.arrive(scene.far.authorize(departure.url))
    late = await scene.depart()
    scene.pass_time(minutes=10)
    with pytest.raises(errors.AttemptExpiredError):
        await scene.arrive(scene.far.authorize(late.url))


async def test_with_a_certificate_no_secret_is_sent(tmp_path: Path) -> None:
    certificate = ClientCertificate(tmp_path / "client.pem", tmp_path / "client.key")
    scene = Scene(psc(certificate=certificate))
    await scene.sign_in()
    assert scene.idp.token_auth == "tls_client_auth"
    assert scene.far.certificate == certificate
    assert scene.far.last_token_request["client_id"] == CLIENT_ID
    assert "client_secret" not in scene.far.last_token_request


async def test_with_a_certificate_the_provider_s_addresses_for_it_are_used(tmp_path: Path) -> None:
    aliases = {"token_endpoint": "https://auth.bas.psc.esante.gouv.fr/mtls/token"}
    certificate = ClientCertificate(tmp_path / "client.pem", tmp_path / "client.key")
    with_secret = Scene(discovery={"mtls_endpoint_aliases": aliases})
    await with_secret.sign_in()
    with_certificate = Scene(psc(certificate=certificate), discovery={"mtls_endpoint_aliases": aliases})
    with pytest.raises(errors.TokenResponseError):  # nothing answers there
        await with_certificate.sign_in()
    assert with_certificate.far.asked == ["discovery", "nothing"]
    browsers = {"authorization_endpoint": "https://auth.bas.psc.esante.gouv.fr/mtls/auth"}
    with_browsers = Scene(psc(certificate=certificate), discovery={"mtls_endpoint_aliases": browsers})
    await with_browsers.sign_in()  # a browser has no certificate of ours
    elsewhere = {"token_endpoint": "https://elsewhere.test/token"}
    with pytest.raises(errors.ProviderMetadataError):
        await Scene(psc(certificate=certificate), discovery={"mtls_endpoint_aliases": elsewhere}).sign_in()


@pytest.mark.parametrize(
    ("claims", "admitted"),
    [
        ({"tid": "directory-1"}, True),
        ({"tid": "directory-2"}, False),
        ({"tid": None}, False),
        ({"tid": ["directory-1"]}, False),
    ],
)
async def test_only_the_configured_directory_is_let_in(claims: dict[str, Any], admitted: bool) -> None:  # noqa: FBT001
    idp = staff(required_claims={"tid": frozenset({"directory-1"})})
    scene = Scene(idp, person=STAFF, id_claims=claims)
    if admitted:
        await scene.sign_in()
        return
    with pytest.raises(errors.DirectoryRefusedError):
        await scene.sign_in()


async def test_the_directory_is_read_from_the_signed_token_and_not_from_the_user_info() -> None:
    idp = staff(required_claims={"hd": frozenset({"atlas.test"})})
    await Scene(idp, person=STAFF, id_claims={"hd": "atlas.test"}).sign_in()
    with pytest.raises(errors.DirectoryRefusedError):
        await Scene(idp, person=STAFF, user_info={"hd": "atlas.test"}).sign_in()


# seconds since the person identified themselves → with which question it passes
@pytest.mark.parametrize(
    ("options", "idp", "auth_time", "admitted"),
    [
        ({}, {}, AT - 86_400, True),
        ({}, {}, None, True),
        ({}, {"max_age_s": 3600}, AT - 3690, True),
        ({}, {"max_age_s": 3600}, AT - 3691, False),
        ({}, {"max_age_s": 3600}, None, False),
        ({"reauthenticate": True}, {}, AT - 90, True),
        ({"reauthenticate": True}, {}, AT - 91, False),
        ({"reauthenticate": True}, {}, None, False),
        ({"reauthenticate": True}, {}, AT + 0.75, True),
    ],
    ids=[
        *("yesterday, not asked", "never said, not asked"),
        *("an hour and the leeway before", "longer than an hour before", "never said, an hour asked"),
        *(
            "reauthenticated 90 s before",
            "reauthenticated 91 s before",
            "reauthenticated, never said",
            "with a fraction",
        ),
    ],
)
async def test_a_fresh_identification_is_asked_for_and_checked(
    options: dict[str, Any],
    idp: dict[str, Any],
    auth_time: float | None,
    admitted: bool,  # noqa: FBT001
) -> None:
    scene = Scene(psc(**idp), id_claims={"auth_time": auth_time})
    departure = await scene.depart(**options)
    asked = query_of(departure.url)
    expected = "0" if options else str(idp["max_age_s"]) if idp else None
    assert asked.get("max_age") == expected
    assert asked.get("prompt") == ("login" if options else None)
    answer = scene.far.authorize(departure.url)
    if admitted:
        await scene.arrive(answer)
        return
    with pytest.raises(errors.AuthenticationTooOldError):
        await scene.arrive(answer)
