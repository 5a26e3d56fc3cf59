"""The operator's page about signing in shows a file that loads, every setting, and codes that exist."""

import re
from pathlib import Path

from vigie.auth.oidc import errors as protocol
from vigie.auth.oidc.profiles_file import _SETTINGS, load_identity_providers
from vigie.core.errors import AppError
from vigie.people import errors as people

PAGE = Path(__file__).parents[2] / "docs" / "operators" / "sign-in.md"
SHOWN_APART = {"profile", "environment", "label", "issuer", "client_id", "client_secret_file"}  # in the example
FOR_TESTS_ONLY = {"allow_loopback_http", "discovery_path"}


def test_the_example_loads(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "providers.toml").write_text(example)
    for secret in ("psc-secret", "staff-secret"):
        (tmp_path / secret).write_text("a secret\n")
    psc, staff = load_identity_providers(tmp_path / "providers.toml")
    assert (psc.id, psc.profile, staff.id, staff.profile) == ("psc", "pro_sante_connect", "staff", "generic")
    assert psc.client_secret == "a secret"
    assert psc.token_auth == "client_secret_post"
    assert staff.required_claims == {"tid": {"6f1c…"}}


def test_every_setting_is_told() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", PAGE.read_text(), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert told >= set(_SETTINGS) - SHOWN_APART - FOR_TESTS_ONLY
    assert set(re.findall(r"^(\w+) =", PAGE.read_text(), re.MULTILINE)) >= SHOWN_APART


def test_every_code_exists() -> None:
    known = {
        found.code
        for module in (protocol, people)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, AppError) and hasattr(found, "code")
    }
    told = set(re.findall(r"`(sign_in\.[a-z_]+)`", PAGE.read_text()))
    assert len(told) > 10
    assert told <= known
