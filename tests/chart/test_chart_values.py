"""Wrong values are refused with a sentence; the same values with one thing put right are accepted."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

Render = Callable[..., list[dict[str, Any]]]
OPEN = {
    "enabled": True,
    "apiFrom": [{"cidr": "10.0.0.0/8"}],
    "databaseTo": [{"cidr": "10.1.0.0/16"}],
    "metricsFrom": [{"cidr": "10.2.0.0/16"}],
}
# (what is wrong, a part of the sentence, the same with one thing put right)
ARGUMENTS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"image": {"repository": ""}}, "image.repository is empty", {"image": {"repository": "registry.example/v"}}),
    ({"image": {"tag": "latest"}}, "names a different image tomorrow", {"image": {"tag": "1.2.3"}}),
    ({"config": {"publicUrl": ""}}, "config.publicUrl is empty", {"config": {"publicUrl": "https://v.example"}}),
    (
        {"config": {"publicUrl": "http://v.example"}},
        '"http://v.example" is not of the form https://host',
        {"config": {"publicUrl": "https://v.example"}},
    ),
    (
        {"config": {"agentUrls": ["https://v.example/"]}},
        '"https://v.example/" is not of the form https://host',
        {"config": {"agentUrls": ["https://v.example"]}},
    ),
    (
        {"database": {"existingSecret": ""}},
        "database.existingSecret is empty. Create a Secret with the PostgreSQL URLs",
        {"database": {"existingSecret": "other"}},
    ),
    (
        {"tokenKey": {"existingSecret": ""}},
        "tokenKey.existingSecret is empty. Create a Secret with the RSA key",
        {"tokenKey": {"existingSecret": "other"}},
    ),
    (
        {"config": {"extra": {"VIGIE_LOG_LEVEL": "DEBUG"}}},
        "config.extra.VIGIE_LOG_LEVEL would contradict",
        {"config": {"extra": {"VIGIE_OTHER_LEVEL": "DEBUG"}}},
    ),
    (
        {"config": {"extra": {"VIGIE_MAIL_PASSWORD": "x"}}},
        "config.extra.VIGIE_MAIL_PASSWORD looks like a secret",
        {"config": {"extra": {"VIGIE_MAIL_PASSWORD_FILE": "x"}}},
    ),
    (
        {"config": {"extra": {"VIGIE_MAIL": "smtp://me:secret@mail.example"}}},
        "config.extra.VIGIE_MAIL looks like a secret",
        {"config": {"extra": {"VIGIE_MAIL": "smtp://mail.example"}}},
    ),
    (
        {"secretEnv": [{"name": "VIGIE_DATABASE_URL", "secret": "s", "key": "k"}]},
        "secretEnv sets VIGIE_DATABASE_URL",
        {"secretEnv": [{"name": "VIGIE_OTHER_URL", "secret": "s", "key": "k"}]},
    ),
    (
        {"database": {"tls": {"mode": "verify-full"}}},
        "there is nothing to verify the server against",
        {"database": {"tls": {"mode": "verify-full", "caSecret": "ca"}}},
    ),
    (
        {"database": {"tls": {"mode": "require", "caSecret": "ca"}}},
        "which does not verify",
        {"database": {"tls": {"mode": "verify-ca", "caSecret": "ca"}}},
    ),
    (
        {"api": {"autoscaling": {"enabled": True, "minReplicas": 9}}},
        "minReplicas (9) is above maxReplicas (6)",
        {"api": {"autoscaling": {"enabled": True, "minReplicas": 6}}},
    ),
    (
        {"ingress": {"enabled": True}},
        "ingress is enabled without TLS",
        {"ingress": {"enabled": True, "tls": {"existingSecret": "certificate"}}},
    ),
    (
        {"ingress": {"enabled": True, "tls": {"existingSecret": "c", "terminatedElsewhere": True}}},
        "TLS ends in one place",
        {"ingress": {"enabled": True, "tls": {"terminatedElsewhere": True}}},
    ),
    ({"networkPolicy": {**OPEN, "apiFrom": []}}, "networkPolicy.apiFrom is empty", {"networkPolicy": OPEN}),
    ({"networkPolicy": {**OPEN, "databaseTo": []}}, "networkPolicy.databaseTo is empty", {"networkPolicy": OPEN}),
    (
        {"networkPolicy": {**OPEN, "metricsFrom": []}, "monitoring": {"serviceMonitor": {"enabled": True}}},
        "Prometheus would be refused",
        {"networkPolicy": OPEN, "monitoring": {"serviceMonitor": {"enabled": True}}},
    ),
    (
        {"serviceAccount": {"create": False}},
        "Name the account that the pods shall use",
        {"serviceAccount": {"create": False, "name": "mine"}},
    ),
    (
        {"serviceAccount": {"name": "mine"}},
        "the chart chooses the name",
        {"serviceAccount": {"name": ""}},
    ),
]


@pytest.mark.parametrize(("wrong", "sentence", "right"), ARGUMENTS, ids=[case[1] for case in ARGUMENTS])
def test_what_cannot_work_is_refused_with_a_sentence(
    render: Render, chart_check: ModuleType, wrong: dict[str, Any], sentence: str, right: dict[str, Any]
) -> None:
    with pytest.raises(chart_check.ChartRefusedError) as refused:
        render(wrong)
    assert sentence in str(refused.value)
    assert render(right)


def test_all_missing_values_are_named_at_once(chart_check: ModuleType, chart: Path) -> None:
    with pytest.raises(chart_check.ChartRefusedError) as refused:
        chart_check.render(chart, [], "1.30.0")
    for value in ("image.repository", "config.publicUrl", "database.existingSecret", "tokenKey.existingSecret"):
        assert f"- {value} is empty" in str(refused.value)


@pytest.mark.parametrize(
    ("typo", "right"),
    [
        ({"databse": {}}, {"database": {}}),
        ({"api": {"replica": 3}}, {"api": {"replicas": 3}}),
        ({"api": {"resources": {"limits": {"mem": "1Gi"}}}}, {"api": {"resources": {"limits": {"memory": "1Gi"}}}}),
        ({"config": {"loglevel": "INFO"}}, {"config": {"logLevel": "INFO"}}),
        ({"config": {"logLevel": "info"}}, {"config": {"logLevel": "INFO"}}),
        ({"config": {"extra": {"LOG": "x"}}}, {"config": {"extra": {"VIGIE_LOG": "x"}}}),
        ({"api": {"drainSeconds": 5}}, {"api": {"drainSeconds": 30}}),
        (
            {"networkPolicy": {"apiFrom": [{"cdir": "10.0.0.0/8"}]}},
            {"networkPolicy": {"apiFrom": [{"cidr": "10.0.0.0/8"}]}},
        ),
        ({"image": {"digest": "sha256:12"}}, {"image": {"digest": "sha256:" + "1" * 64}}),
    ],
)
def test_a_typo_in_the_values_is_refused_by_the_schema(
    render: Render, chart_check: ModuleType, typo: dict[str, Any], right: dict[str, Any]
) -> None:
    with pytest.raises(chart_check.ChartRefusedError, match="don't meet the specifications of the schema"):
        render(typo)
    assert render(right)


def objects_of(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk all object schemas."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, value in schema.items():
            yield from objects_of(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from objects_of(value, f"{path}/{index}")


def test_no_object_of_the_schema_accepts_unknown_names(chart: Path) -> None:
    found = list(objects_of(json.loads((chart / "values.schema.json").read_text())))
    assert len(found) > 20
    # A map of free names (labels, settings) says what its values are; everything else is closed.
    loose = [path for path, schema in found if schema.get("additionalProperties") not in (False, {"type": "string"})]
    assert not loose
    assert not [path for path, schema in found if schema["additionalProperties"] and "properties" in schema]


def leaves(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """List the dotted names of the values an operator sets; resources and maps of free names count as one."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and key != "resources":
            yield from leaves(value, f"{name}.")
        else:
            yield name


def test_the_readme_lists_every_value_and_no_other(chart: Path) -> None:
    table = re.findall(r"^\| (`[^|]*`) \|", (chart / "README.md").read_text().split("## Values")[1], re.MULTILINE)
    documented = [name for cell in table for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(documented) == sorted(leaves(yaml.safe_load((chart / "values.yaml").read_text())))


def test_no_value_has_a_secret_as_default(chart: Path) -> None:
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert values["database"]["existingSecret"] == values["tokenKey"]["existingSecret"] == ""
    assert values["secretEnv"] == []
    assert "://" not in re.sub(r"#.*", "", (chart / "values.yaml").read_text())
