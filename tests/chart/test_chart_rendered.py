"""What the chart renders does what the operator's page says, and speaks of settings and metrics that exist."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from vigie.core import metrics
from vigie.settings import Settings

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]
VALUES = Path(__file__).parent / "values"
# Settings come from the environment, not from arguments.
read_settings: Callable[..., Settings] = Settings


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the only manifest of a kind and name."""
    (found,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def container(manifest: Manifest) -> dict[str, Any]:
    """Return the only container of a workload."""
    (only,) = manifest["spec"]["template"]["spec"]["containers"]
    return dict(only)


def test_the_chart_passes_its_own_check(chart_check: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert chart_check.main([]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    for name in ("minimal", "full", "existing-account"):
        for version in (chart_check.OLDEST_KUBERNETES, chart_check.newest_kubernetes()):
            assert re.search(
                rf"^{name}.yaml: \d+ manifests looked at for Kubernetes {version}$", output.out, re.MULTILINE
            )


def test_each_process_is_the_command_the_program_knows(render: Render) -> None:
    manifests = render()
    assert container(one(manifests, "Deployment", "vigie-api"))["args"] == [
        "serve",
        "--host",
        "0.0.0.0",  # noqa: S104 (inside a pod every interface is the pod's own)
        "--port",
        "8080",
    ]
    assert container(one(manifests, "Deployment", "vigie-worker"))["args"] == ["worker", "--health-port", "8081"]
    assert container(one(manifests, "Job", "vigie-migrate"))["args"] == ["migrate"]


def test_each_process_sees_only_its_own_logins(render: Render) -> None:
    manifests = render({"database": {"migrationSecret": "vigie-migration"}})

    def secrets(manifest: Manifest) -> dict[str, tuple[str, str]]:
        references = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in container(manifest)["env"] if "valueFrom" in e}
        return {name: (reference["name"], reference["key"]) for name, reference in references.items()}

    assert secrets(one(manifests, "Job", "vigie-migrate")) == {
        "VIGIE_DATABASE_URL": ("vigie-migration", "migration-url")
    }
    assert secrets(one(manifests, "Deployment", "vigie-worker")) == {
        "VIGIE_WORKER_DATABASE_URL": ("vigie-database", "worker-url")
    }
    assert secrets(one(manifests, "Deployment", "vigie-api")) == {
        "VIGIE_APP_DATABASE_URL": ("vigie-database", "app-url"),
        "VIGIE_INTAKE_DATABASE_URL": ("vigie-database", "intake-url"),
        "VIGIE_SIGNIN_DATABASE_URL": ("vigie-database", "signin-url"),
    }


def test_the_token_key_is_a_read_only_file_at_the_path_the_setting_names(render: Render) -> None:
    api = one(render({"tokenKey": {"key": "signing.pem"}}), "Deployment", "vigie-api")
    (path,) = [e["value"] for e in container(api)["env"] if e["name"] == "VIGIE_TOKEN_KEY_FILE"]
    (volume,) = [v["secret"] for v in api["spec"]["template"]["spec"]["volumes"] if v["name"] == "token-key"]
    (mount,) = [m for m in container(api)["volumeMounts"] if m["name"] == "token-key"]
    assert volume["items"] == [{"key": "signing.pem", "path": Path(path).name}]
    assert (mount["mountPath"], mount["readOnly"]) == (str(Path(path).parent), True)
    # Readable by the group of the pod, by nobody else: the file belongs to root.
    assert volume["defaultMode"] == 0o440
    assert api["spec"]["template"]["spec"]["securityContext"]["fsGroup"] == 10001


def test_keys_that_only_verify_are_files_beside_the_one_that_signs(render: Render) -> None:
    def kept(values: dict[str, object]) -> tuple[list[str], list[dict[str, str]]]:
        api = one(render({"tokenKey": values}), "Deployment", "vigie-api")
        (volume,) = [v["secret"] for v in api["spec"]["template"]["spec"]["volumes"] if v["name"] == "token-key"]
        named = [e["value"] for e in container(api)["env"] if e["name"] == "VIGIE_TOKEN_KEY_PREVIOUS_FILES"]
        return named, volume["items"]

    named, items = kept({"key": "new.pem", "previousKeys": ["old.pem", "older.pem"]})
    assert kept({"key": "new.pem"}) == ([], [{"key": "new.pem", "path": "token-key.pem"}])
    assert json.loads(named[0]) == ["/etc/vigie/token/previous-0.pem", "/etc/vigie/token/previous-1.pem"]
    assert items[1:] == [{"key": "old.pem", "path": "previous-0.pem"}, {"key": "older.pem", "path": "previous-1.pem"}]


def test_a_quota_of_token_requests_is_no_secret(render: Render) -> None:
    found = one(render({"config": {"extra": {"VIGIE_LIMIT_TOKEN_CLIENT": "10/second"}}}), "ConfigMap", "vigie")
    assert found["data"]["VIGIE_LIMIT_TOKEN_CLIENT"] == "10/second"


def test_the_files_of_the_sign_in_are_mounted_where_its_settings_say(render: Render) -> None:
    api = one(
        render({"signIn": {"existingSecret": "people", "identityProviders": "issuers.toml"}}), "Deployment", "vigie-api"
    )
    named = {
        e["name"]: Path(e["value"])
        for e in container(api)["env"]
        if e.get("value", "").startswith("/etc/vigie/sign-in")
    }
    assert {name: path.name for name, path in named.items()} == {
        "VIGIE_SEALING_KEY_FILE": "sealing-key",
        "VIGIE_IDENTITY_PROVIDERS_FILE": "issuers.toml",
    }
    (volume,) = [v["secret"] for v in api["spec"]["template"]["spec"]["volumes"] if v["name"] == "sign-in"]
    (mount,) = [m for m in container(api)["volumeMounts"] if m["name"] == "sign-in"]
    assert volume == {"secretName": "people", "defaultMode": 0o440}  # every key: the providers' file names further ones
    assert (mount["readOnly"], {str(path.parent) for path in named.values()}) == (True, {mount["mountPath"]})
    without = one(render(), "Deployment", "vigie-api")
    assert "sign-in" not in str(without)


def test_the_worker_is_given_the_sealing_key_and_nothing_else_of_the_sign_in(render: Render) -> None:
    worker = one(render({"signIn": {"existingSecret": "people", "sealingKey": "seal"}}), "Deployment", "vigie-worker")
    (path,) = [e["value"] for e in container(worker)["env"] if e["name"] == "VIGIE_SEALING_KEY_FILE"]
    (volume,) = [v["secret"] for v in worker["spec"]["template"]["spec"]["volumes"] if v["name"] == "sealing"]
    (mount,) = [m for m in container(worker)["volumeMounts"] if m["name"] == "sealing"]
    assert volume == {"secretName": "people", "defaultMode": 0o440, "items": [{"key": "seal", "path": "seal"}]}
    assert (path, mount["readOnly"]) == (f"{mount['mountPath']}/seal", True)
    assert "sealing" not in str(one(render(), "Deployment", "vigie-worker")).lower()


@pytest.mark.parametrize("name", ["minimal", "full", "existing-account"])
def test_the_settings_are_read_back_by_the_program(render: Render, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = yaml.safe_load((VALUES / f"{name}.yaml").read_text())
    manifests = render(files=[VALUES / f"{name}.yaml"])
    (config,) = [m["data"] for m in manifests if m["kind"] == "ConfigMap"]
    for key, value in config.items():
        monkeypatch.setenv(key, value)
    settings = read_settings()
    assert settings.public_url == values["config"]["publicUrl"]
    assert list(settings.agent_urls) == values["config"].get("agentUrls", [])
    assert list(map(str, settings.trusted_proxies)) == values["config"].get("trustedProxies", [])
    assert settings.intake_queue == values["config"].get("intakeQueue", 2048)
    ours = {key for key in config if key.startswith("VIGIE_")} - set(values["config"].get("extra", {}))
    assert ours <= {f"VIGIE_{field.upper()}" for field in Settings.model_fields}
    # The job runs before the ConfigMap exists and must still see the same settings.
    (job,) = [m for m in manifests if m["kind"] == "Job"]
    assert {e["name"]: e["value"] for e in container(job)["env"] if "value" in e} == config


def test_the_chart_s_defaults_are_the_program_s(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = [m["data"] for m in render() if m["kind"] == "ConfigMap"]
    for key in [f"VIGIE_{field.upper()}" for field in Settings.model_fields]:
        monkeypatch.delenv(key, raising=False)
    defaults = read_settings()
    for key in set(config) - {"VIGIE_PUBLIC_URL", "VIGIE_AGENT_URLS", "VIGIE_TRUSTED_PROXIES"}:
        assert config[key] == str(getattr(defaults, key.removeprefix("VIGIE_").lower())), key


def test_a_changed_setting_rolls_the_pods_and_nothing_else_does(render: Render) -> None:
    def checksums(change: dict[str, Any]) -> list[str]:
        return [
            m["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            for m in render(change)
            if m["kind"] == "Deployment"
        ]

    before = checksums({})
    assert len(before) == 2
    assert checksums({"service": {"port": 81}}) == before
    assert not set(checksums({"config": {"logLevel": "DEBUG"}})) & set(before)


def test_the_grace_period_holds_pause_and_drain(render: Render) -> None:
    api = one(render({"api": {"preStopSeconds": 20, "drainSeconds": 90}}), "Deployment", "vigie-api")
    assert container(api)["lifecycle"]["preStop"] == {"sleep": {"seconds": 20}}
    assert api["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 115


def test_autoscaling_takes_the_number_of_pods_into_its_own_hands(render: Render) -> None:
    assert one(render(), "Deployment", "vigie-api")["spec"]["replicas"] == 2
    scaled = render({"api": {"autoscaling": {"enabled": True}}})
    assert "replicas" not in one(scaled, "Deployment", "vigie-api")["spec"]
    assert one(scaled, "HorizontalPodAutoscaler", "vigie-api")["spec"]["maxReplicas"] == 6


def test_the_ingress_hides_operational_paths_on_every_host(render: Render) -> None:
    ingress = {"enabled": True, "tls": {"terminatedElsewhere": True}}
    config = {"publicUrl": "https://a.example:8443", "agentUrls": ["https://b.example", "https://a.example"]}

    def ways(hide: bool) -> dict[str, dict[str, str]]:  # noqa: FBT001
        manifests = render({"config": config, "ingress": {**ingress, "hideOperationalPaths": hide}})
        rules = one(manifests, "Ingress", "vigie")["spec"]["rules"]
        return {r["host"]: {p["path"]: p["backend"]["service"]["name"] for p in r["http"]["paths"]} for r in rules}

    closed = dict.fromkeys(("/metrics", "/livez", "/readyz"), "vigie-closed")
    everything = {**closed, "/": "vigie-api"}
    assert ways(hide=True) == {"a.example": everything, "b.example": everything}
    assert ways(hide=False) == {"a.example": {"/": "vigie-api"}, "b.example": {"/": "vigie-api"}}
    (nobody,) = [m for m in render({"config": config, "ingress": ingress}) if m["metadata"]["name"] == "vigie-closed"]
    assert "selector" not in nobody["spec"]


def test_large_numbers_are_written_out(render: Render) -> None:
    job = one(render({"migrate": {"ttlSecondsAfterFinished": 2592000}}), "Job", "vigie-migrate")
    assert job["spec"]["ttlSecondsAfterFinished"] == 2592000
    assert isinstance(job["spec"]["ttlSecondsAfterFinished"], int)


def test_the_network_policies_leave_no_door_unnamed(render: Render) -> None:
    manifests = render(files=[VALUES / "existing-account.yaml"])
    policies = {m["metadata"]["name"]: m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"}
    assert set(policies) == {"vigie-api", "vigie-worker", "vigie-migrate"}
    assert policies["vigie-worker"]["ingress"] == policies["vigie-migrate"]["ingress"] == []
    (door,) = policies["vigie-api"]["ingress"]
    assert door["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    for spec in policies.values():
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        names, database = spec["egress"]
        assert {port["port"] for port in names["ports"]} == {53}
        assert database["to"] == [
            {
                "namespaceSelector": {"matchLabels": {"team": "data"}},
                "podSelector": {"matchLabels": {"app": "postgresql"}},
            }
        ]


def test_the_alert_rules_speak_of_metrics_and_labels_that_exist(render: Render) -> None:
    (rule,) = [m for m in render(files=[VALUES / "full.yaml"]) if m["kind"] == "PrometheusRule"]
    rules = {r["alert"]: r["expr"] for group in rule["spec"]["groups"] for r in group["rules"]}
    exposed = metrics.exposition()[0].decode()
    known = set(re.findall(r"^# TYPE (\S+)", exposed, re.MULTILINE))
    used = {name for expr in rules.values() for name in re.findall(r"\bvigie_[a-z_]+", expr)}
    assert (
        {
            "vigie_intake_queue_depth",
            "vigie_job_oldest_due_seconds",
            "vigie_job_failures_total",
            "vigie_http_requests_total",
        }
        <= used
        <= known
    )
    assert "> 3276" in rules["VigieIntakeQueueFilling"]  # 80 % of the queue of these values, 4096
    assert 'status=~"5.."' in rules["VigieServerErrors"]
    assert "status" in metrics.HTTP_REQUESTS._labelnames
    assert metrics.JOB_OLDEST_DUE._labelnames == metrics.JOB_FAILURES._labelnames == ("job",)


def test_the_notes_count_the_connections_and_name_the_commands(
    chart_check: ModuleType, chart: Path, tmp_path: Path
) -> None:
    # `helm template` evaluates the notes but does not print them: show them through a manifest of a copied chart.
    copy = tmp_path / "vigie"
    shutil.copytree(chart, copy)
    shutil.move(copy / "templates" / "NOTES.txt", copy / "notes.txt")
    shown = '\n---\nkind: ConfigMap\nmetadata: {name: notes}\ndata:\n  notes: {{ tpl (.Files.Get "notes.txt") . | quote }}\n'
    (copy / "templates" / "notes.yaml").write_text(shown)
    notes = one(chart_check.render(copy, [VALUES / "minimal.yaml"], "1.30.0"), "ConfigMap", "notes")["data"]["notes"]
    assert "PostgreSQL must allow 89 connections at worst: 18 per API pod, 11 per worker pod" in notes
    assert "kubectl --namespace health logs job/vigie-migrate" in notes
    assert "https://vigie.example" in notes
    page = (chart.parents[1] / "docs" / "operators" / "kubernetes.md").read_text()
    assert "18 and 11, together 89" in page
