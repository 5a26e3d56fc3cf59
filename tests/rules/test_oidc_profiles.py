"""The configuration of identity providers: what is pinned, what may be chosen, what is refused with a clear word."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.bad_idp import CLIENT_SECRET, psc, staff
from vigie.auth.oidc.profiles import IdentityProvider, ProfileError, generic, pro_sante_connect
from vigie.auth.oidc.profiles_file import load_identity_providers
from vigie.core.crypto import b64url
from vigie.core.outbound import ClientCertificate, Reach

ATLAS = UUID("0191d2a0-0000-7000-8000-000000000001")
CERTIFICATE = ClientCertificate(Path("client.pem"), Path("client.key"))
Make = Callable[..., IdentityProvider]


def tenant(**changed: Any) -> IdentityProvider:
    """An issuer that Atlas configured for its own staff."""
    own = f"vip_{b64url(ATLAS.bytes)}_a1b2c3d4"
    return staff(**{"id": own, "provider_id": ATLAS, **changed})


def simulated(**changed: Any) -> IdentityProvider:
    """A stand-in for Pro Santé Connect on this machine."""
    chosen = {"issuer": "http://127.0.0.1:8090/auth/realms/esante-wallet", "hosts": {"localhost:8090"}, **changed}
    return pro_sante_connect(
        environment="simulated", client_id="x", client_secret="y", **{"reach": Reach.LOOPBACK, **chosen}
    )


def test_pro_sante_connect_is_pinned() -> None:
    idp = psc()
    assert (idp.algorithms, idp.scopes, idp.acr_values) == (("RS256",), ("openid", "scope_all"), ("eidas1",))
    assert idp.accepted_acr == {"eidas1", "eidas2", "eidas3"}
    assert (idp.idle_s, idp.absolute_s, idp.reach, idp.provider_id) == (1800, 14_400, Reach.PUBLIC, None)
    assert idp.token_auth == "client_secret_basic"
    assert CLIENT_SECRET not in repr(idp)


@pytest.mark.parametrize(
    ("issuer", "further"),
    [
        ("https://accounts.google.com", "openidconnect.googleapis.com"),
        ("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "graph.microsoft.com"),
    ],
)
def test_the_other_hosts_of_known_issuers_are_known(issuer: str, further: str) -> None:
    assert further in staff(issuer=issuer).hosts
    assert further not in staff().hosts


def test_a_tenant_s_issuer_is_the_tenant_s() -> None:
    assert (tenant().provider_id, tenant().reach) == (ATLAS, Reach.PUBLIC)


# what is asked for → who is asked, and what the refusal speaks of; without the change each of them is made
REFUSED: list[tuple[Make, dict[str, Any], str]] = [
    (psc, {"algorithms": ("RS256",)}, "algorithms"),
    (psc, {"issuer": "https://elsewhere.test"}, "issuer"),
    (psc, {"hosts": frozenset({"elsewhere.test"})}, "hosts"),
    (psc, {"reach": Reach.PRIVATE}, "reach"),
    (psc, {"discovery_path": "/.well-known/openid-configuration"}, "discovery_path"),
    (psc, {"required_claims": {"tid": frozenset({"x"})}}, "required_claims"),
    (psc, {"provider_id": ATLAS}, "provider_id"),
    (psc, {"accepted_acr": frozenset()}, "accepted_acr"),
    (psc, {"idle_s": 1801}, "idle"),
    (psc, {"absolute_s": 14_401}, "idle"),
    (psc, {"leeway_s": 59}, "leeway_s"),
    (psc, {"leeway_s": 121}, "leeway_s"),
    (psc, {"max_age_s": -1}, "max_age_s"),
    (psc, {"idle_s": 0}, "idle_s"),
    (psc, {"scopes": ("scope_all",)}, "openid"),
    (psc, {"scopes": ("openid scope_all",)}, "scopes"),
    (psc, {"acr_values": ("eidas1 eidas2",)}, "acr"),
    (psc, {"client_id": ""}, "client_id"),
    (psc, {"client_secret": ""}, "secret"),
    (psc, {"client_secret": "x", "certificate": CERTIFICATE}, "certificate alone"),
    (psc, {"token_auth": "tls_client_auth"}, "certificate"),
    (psc, {"token_auth": "private_key_jwt"}, "token_auth"),
    (psc, {"certificate": CERTIFICATE, "token_auth": "client_secret_post"}, "secret alone"),
    (psc, {"id": "PSC"}, "lower-case"),
    (psc, {"id": "../psc"}, "lower-case"),
    (psc, {"label": " "}, "label"),
    (psc, {"label": "a\nb"}, "label"),
    (psc, {"colour": "blue"}, "unknown"),
    (simulated, {"reach": Reach.PUBLIC}, "https"),
    (simulated, {"issuer": "http://user@127.0.0.1/x"}, "credentials"),
    (simulated, {"issuer": ""}, "https"),
    (staff, {"issuer": "http://login.staff.test"}, "https"),
    (staff, {"issuer": "https://login.staff.test?x=1"}, "query"),
    (staff, {"issuer": "https://login.staff.test#x"}, "fragment"),
    (staff, {"issuer": "https://a:b@login.staff.test"}, "credentials"),
    (staff, {"issuer": "https://login.staff.test:99999"}, "address"),
    (staff, {"issuer": "https://login.microsoftonline.com/common/v2.0"}, "directory"),
    (staff, {"issuer": "https://login.microsoftonline.com/organizations/v2.0"}, "directory"),
    (staff, {"hosts": frozenset({"https://login.staff.test"})}, "host:port"),
    (staff, {"hosts": frozenset({"*.staff.test"})}, "host:port"),
    (staff, {"algorithms": ("HS256",)}, "algorithms"),
    (staff, {"algorithms": ("none",)}, "algorithms"),
    (staff, {"algorithms": ()}, "algorithms"),
    (staff, {"required_claims": {"groups": frozenset({"x"})}}, "required_claims"),
    (staff, {"required_claims": {"hd": frozenset()}}, "required_claims"),
    (staff, {"profile": "pro_sante_connect"}, "profile"),
    (staff, {"absolute_s": 86_401}, "absolute_s"),
    (staff, {"idle_s": 40_000}, "idle_s"),
    (staff, {"discovery_path": "x"}, "discovery_path"),
    (tenant, {"reach": Reach.PRIVATE}, "reach"),
    (tenant, {"certificate": CERTIFICATE, "client_secret": None}, "certificate"),
    (tenant, {"id": "atlas"}, "carry"),
    (tenant, {"provider_id": UUID(int=7)}, "carry"),
    (tenant, {"provider_id": None}, "lower-case"),
]


@pytest.mark.parametrize(
    ("make", "changed", "says"), REFUSED, ids=[f"{make.__name__} {changed}" for make, changed, _ in REFUSED]
)
def test_what_cannot_be_is_refused_with_a_clear_word(make: Make, changed: dict[str, Any], says: str) -> None:
    assert make().issuer
    with pytest.raises(ProfileError, match=says) as refused:
        make(**changed)
    assert CLIENT_SECRET not in str(refused.value)


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(ProfileError, match="environment"):
        pro_sante_connect(environment="test", client_id="x", client_secret="y")  # type: ignore[arg-type]


FILE = """
[psc]
profile = "pro_sante_connect"
environment = "production"
client_id = "vigie"
certificate_file = "client.pem"
key_file = "client.key"
acr_values = ["eidas2"]
accepted_acr = ["eidas2", "eidas3"]

[atlas-staff]
profile = "generic"
label = "Atlas"
issuer = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
client_id = "vigie"
client_secret_file = "secret"
token_auth = "client_secret_post"
scopes = ["openid", "profile"]
algorithms = ["RS256"]
leeway_s = 60
max_age_s = 28800
required_claims = { tid = ["11111111-2222-3333-4444-555555555555"] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an operator's file and the files beside it."""
    for name, content in (("secret", " s3cret\n"), ("client.pem", "c"), ("client.key", "k"), ("idps.toml", FILE)):
        (tmp_path / name).write_text(content)
    return tmp_path


def test_the_operator_s_file_is_read(folder: Path) -> None:
    connect, microsoft = load_identity_providers(folder / "idps.toml")
    assert (connect.id, connect.profile, connect.label) == ("psc", "pro_sante_connect", "Pro Santé Connect")
    assert connect.certificate == ClientCertificate(folder / "client.pem", folder / "client.key")
    assert (connect.token_auth, connect.acr_values) == ("tls_client_auth", ("eidas2",))
    assert (microsoft.client_secret, microsoft.token_auth) == ("s3cret", "client_secret_post")
    assert microsoft.required_claims == {"tid": {"11111111-2222-3333-4444-555555555555"}}
    assert (microsoft.leeway_s, microsoft.max_age_s, microsoft.scopes) == (60, 28_800, ("openid", "profile"))


def test_without_a_file_there_are_none() -> None:
    assert load_identity_providers(None) == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('client_id = "vigie"', 'client_idd = "vigie"', "client_idd"),
        ('client_id = "vigie"', "", "client_id"),
        ('client_secret_file = "secret"', 'client_secret = "s3cret"', "client_secret"),
        ('client_secret_file = "secret"', 'client_secret_file = "absent"', "client_secret_file"),
        ('client_secret_file = "secret"', 'client_secret_file = "empty"', "client_secret_file"),
        ('key_file = "client.key"', "", "belong together"),
        ('key_file = "client.key"', 'key_file = "absent"', "key_file"),
        ('profile = "generic"', 'profile = "google"', "profile"),
        ('profile = "generic"', "", "profile"),
        ('environment = "production"', "", "environment"),
        ('environment = "production"', 'environment = "prod"', "environment"),
        ("leeway_s = 60", "leeway_s = true", "whole number"),
        ("leeway_s = 60", 'leeway_s = "60"', "whole number"),
        ('scopes = ["openid", "profile"]', 'scopes = "openid profile"', "list of texts"),
        ('label = "Atlas"', "label = 7", "text"),
        ('label = "Atlas"', 'allow_loopback_http = "yes"', "true or false"),
        ('label = "Atlas"', 'label = "A"\nallow_loopback_http = true\nallow_private_addresses = true', "choose"),
        ('label = "Atlas"', 'label = "A"\nprovider_id = "x"', "provider_id"),
        ("{ tid = [", "{ tid = [7, ", "table of lists"),
        ("[atlas-staff]", "[Atlas]", "lower-case"),
        ("[psc]", 'psc2 = "x"\n[psc]', r"\[psc2\]"),
        ("[psc]", "[psc", "TOML"),
    ],
)
def test_a_slip_in_the_file_is_refused_by_its_place(folder: Path, old: str, new: str, says: str) -> None:
    (folder / "empty").write_text("\n")
    file = folder / "idps.toml"
    assert len(load_identity_providers(file)) == 2
    head, _, tail = FILE.rpartition(old)
    assert old in FILE
    file.write_text(head + new + tail)
    with pytest.raises(ProfileError, match=says) as refused:
        load_identity_providers(file)
    assert "s3cret" not in str(refused.value)


def test_one_issuer_stands_in_one_table(folder: Path) -> None:
    file = folder / "idps.toml"
    file.write_text(FILE + FILE.partition("[atlas-staff]")[2].join(["\n[twice]", ""]))
    with pytest.raises(ProfileError, match="same issuer"):
        load_identity_providers(file)


@pytest.mark.parametrize(
    ("switch", "reach"), [("allow_private_addresses", Reach.PRIVATE), ("allow_loopback_http", Reach.LOOPBACK)]
)
def test_an_operator_may_widen_what_is_called(folder: Path, switch: str, reach: Reach) -> None:
    file = folder / "idps.toml"
    file.write_text(FILE.replace('label = "Atlas"', f'label = "Atlas"\n{switch} = true'))
    assert [idp.reach for idp in load_identity_providers(file)] == [Reach.PUBLIC, reach]


def test_generic_and_pro_sante_connect_are_told_apart_by_profile() -> None:
    assert generic(id="a", label="A", issuer="https://a.test", client_id="c", client_secret="s").profile == "generic"
    assert simulated().profile == "pro_sante_connect"
