"""The settings file: what it may hold, and that an error names the line and the key."""

from pathlib import Path

import pytest

from vigie_agent import config

GOOD = """\
url = "https://vigie.example/"
alias = "serveur"
proxy = "http://proxy:3128"
disabled = ["health_card"]

[[backup]]
job = "nas-nightly"
tool = "restic"
repository = "/srv/restic"
password_file = "/etc/vigie-agent/pw"
target = "nas"

[[backup]]
job = "loin"
tool = "borg"
repository = "ssh://backup@host/./repo"
offsite = "yes"
period_hours = 48
"""


def load(tmp_path: Path, content: str) -> config.Config:
    path = tmp_path / "agent.toml"
    path.write_text(content)
    return config.load(path)


def test_everything_that_may_be_set(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert (settings.url, settings.alias, settings.disabled) == (
        "https://vigie.example",
        "serveur",
        frozenset({"health_card"}),
    )
    assert [(item.job, item.tool, item.offsite, item.period_hours) for item in settings.backups] == [
        ("nas-nightly", "restic", "unknown", 24),
        ("loin", "borg", "yes", 48),
    ]


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    assert config.load(tmp_path / "nothing.toml") == config.Config()


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ('url = "https', 'url = "http', 1, "url"),
        ('alias = "serveur"', 'alias = "Serveur Dupont"', 2, "alias"),
        ("proxy =", "proxi =", 3, "proxi"),
        ('"health_card"', '"patients"', 4, "disabled"),
        ('"nas-nightly"', '"NAS"', 7, "job"),
        ('"restic"', '"zip"', 8, "tool"),
        ('target = "nas"', 'target = "attic"', 11, "target"),
        ('job = "loin"', 'job = "nas-nightly"', 14, "job"),
        ("period_hours = 48", "period_hours = 0", 18, "period_hours"),
        ("period_hours = 48", "passord = 1", 18, "passord"),
        ('alias = "serveur"', "alias = 5", 2, "alias"),
    ],
)
def test_an_error_names_line_and_key(tmp_path: Path, old: str, new: str, line: int, key: str) -> None:
    assert old in GOOD
    with pytest.raises(config.ConfigError, match=rf"agent\.toml:{line}: {key} "):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="line 2"):
        load(tmp_path, 'url = "https://a.example"\nalias = \n')


def test_two_ways_to_a_password_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="password_file exclude"):
        load(tmp_path, GOOD.replace('target = "nas"', 'passcommand = "cat pw"'))
