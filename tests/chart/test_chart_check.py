"""The chart's check finds faults: each is planted into a chart that passes, alone, and named in the complaint."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Manifest = dict[str, Any]
Change = Callable[[dict[str, Manifest]], object]
VALUES = Path(__file__).parent / "values"


def pod(manifests: dict[str, Manifest], name: str = "Deployment/vigie-api") -> dict[str, Any]:
    """Return the pod specification of a workload."""
    spec: dict[str, Any] = manifests[name]["spec"]["template"]["spec"]
    return spec


def box(manifests: dict[str, Manifest], name: str = "Deployment/vigie-api") -> dict[str, Any]:
    """Return the first container of a workload."""
    container: dict[str, Any] = pod(manifests, name)["containers"][0]
    return container


def variable(name: str, value: str) -> Change:
    """Plant a variable that is written out."""
    return lambda m: box(m)["env"].append({"name": name, "value": value})


def annotation(manifests: dict[str, Manifest], name: str) -> dict[str, Any]:
    """Return the annotations of an object."""
    found: dict[str, Any] = manifests[name]["metadata"]["annotations"]
    return found


def rules(manifests: dict[str, Manifest]) -> list[dict[str, Any]]:
    """Return the alert rules."""
    found: list[dict[str, Any]] = manifests["PrometheusRule/sentinel"]["spec"]["groups"][0]["rules"]
    return found


JOB, API, WORKER = "Job/vigie-migrate", "Deployment/vigie-api", "Deployment/vigie-worker"
FAULTS: list[tuple[str, Change]] = [
    ("Deployment/vigie-api: not valid in Kubernetes 1.30: spec: ", lambda m: m[API]["spec"].update(replica=3)),
    (
        "Deployment/vigie-api: not valid in Kubernetes 1.30: spec.replicas",
        lambda m: m[API]["spec"].update(replicas="x"),
    ),
    ("Service/vigie-api: unknown in Kubernetes 1.30", lambda m: m["Service/vigie-api"].update(apiVersion="v9")),
    ("api: the pod may run as root", lambda m: pod(m)["securityContext"].pop("runAsNonRoot")),
    ("api: the pod may run as root", lambda m: pod(m)["securityContext"].update(runAsUser=0)),
    ("migrate: the pod may run as root", lambda m: pod(m, JOB)["securityContext"].pop("runAsUser")),
    ("runs as root", lambda m: box(m)["securityContext"].update(runAsUser=0)),
    ("no seccomp profile", lambda m: pod(m)["securityContext"].update(seccompProfile={"type": "Unconfined"})),
    ("mounts a service account token", lambda m: pod(m).pop("automountServiceAccountToken")),
    ("service links are on", lambda m: pod(m).pop("enableServiceLinks")),
    ("hostNetwork", lambda m: pod(m).update(hostNetwork=True)),
    (
        "volume host is a directory of the node",
        lambda m: pod(m)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
    ),
    ("root file system is writable", lambda m: box(m, WORKER)["securityContext"].pop("readOnlyRootFilesystem")),
    ("privileges may be gained", lambda m: box(m)["securityContext"].update(privileged=True)),
    ("capabilities are not all dropped", lambda m: box(m)["securityContext"]["capabilities"].update(add=["NET_RAW"])),
    ("resources.limits.memory is missing", lambda m: box(m)["resources"]["limits"].pop("memory")),
    ("resources.requests.cpu is missing", lambda m: box(m, JOB)["resources"]["requests"].pop("cpu")),
    ("pinned by neither tag nor digest", lambda m: box(m).update(image="registry.example:5000/vigie")),
    ("pinned by neither tag nor digest", lambda m: box(m).update(image="registry.example/vigie:latest")),
    ("variable VIGIE_MAIL_PASSWORD carries a secret", variable("VIGIE_MAIL_PASSWORD", "x")),
    ("variable VIGIE_APP_DATABASE_URL carries a secret", variable("VIGIE_APP_DATABASE_URL", "x")),
    ("variable VIGIE_MAIL carries a secret", variable("VIGIE_MAIL", "smtp://me:pass@mail.example")),
    ("VIGIE_MAIL carries a secret", lambda m: m["ConfigMap/vigie"]["data"].update(VIGIE_MAIL="smtp://a:b@c")),
    ("startupProbe is missing", lambda m: box(m, WORKER).pop("startupProbe")),
    ("livenessProbe is missing", lambda m: box(m, WORKER).pop("livenessProbe")),
    ("readinessProbe is missing", lambda m: box(m).pop("readinessProbe")),
    ("ask the same question", lambda m: box(m)["livenessProbe"]["httpGet"].update(path="/readyz")),
    ("no preStop pause", lambda m: box(m).pop("lifecycle")),
    ("less than 30 s to drain", lambda m: pod(m).update(terminationGracePeriodSeconds=39)),
    ("would not roll the pods", lambda m: m[API]["spec"]["template"]["metadata"]["annotations"].pop("checksum/config")),
    ("does not match its own pods", lambda m: m[API]["spec"]["selector"]["matchLabels"].update(extra="x")),
    ("not a pre-install and pre-upgrade hook", lambda m: annotation(m, JOB).update({"helm.sh/hook": "pre-upgrade"})),
    ("expected one migration job, found 0", lambda m: box(m, JOB).update(args=["serve"])),
    ("is not before the migration's", lambda m: annotation(m, JOB).update({"helm.sh/hook-weight": "-10"})),
    ("does not exist yet when hooks run", lambda m: m["ServiceAccount/vigie-migrate"]["metadata"].pop("annotations")),
    (
        "reads a ConfigMap that does not exist yet",
        lambda m: box(m, JOB).update(envFrom=[{"configMapRef": {"name": "vigie"}}]),
    ),
    (
        "Deployment/vigie-worker: has the migration login",
        lambda m: box(m, WORKER)["env"].append({"name": "VIGIE_DATABASE_URL", "valueFrom": {}}),
    ),
    ("Service/vigie-api: selects no pod", lambda m: m["Service/vigie-api"]["spec"]["selector"].update(extra="x")),
    (
        "PodDisruptionBudget/vigie-worker: selects no pod",
        lambda m: m["PodDisruptionBudget/vigie-worker"]["spec"]["selector"]["matchLabels"].update(extra="x"),
    ),
    (
        "reads a ConfigMap that the chart does not make",
        lambda m: box(m).update(envFrom=[{"configMapRef": {"name": "other"}}]),
    ),
    ("ServiceAccount/vigie: rendered twice", lambda m: m.update(twin=copy.deepcopy(m["ServiceAccount/vigie"]))),
    (
        "Secret/mine: the chart makes a Secret",
        lambda m: m.update(mine={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}}),
    ),
]
FAULTS_OF_THE_FULL_CHART: list[tuple[str, Change]] = [
    (
        "/metrics leads to a service or port that does not exist",
        lambda m: m["Service/sentinel-closed"]["spec"]["ports"][0].update(name="other"),
    ),
    (
        "scales a deployment that does not exist",
        lambda m: m["HorizontalPodAutoscaler/sentinel-api"]["spec"]["scaleTargetRef"].update(name="other"),
    ),
    (
        "NetworkPolicy/sentinel-migrate: selects no pod",
        lambda m: m["NetworkPolicy/sentinel-migrate"]["spec"]["podSelector"]["matchLabels"].update(extra="x"),
    ),
    (
        "NetworkPolicy/sentinel-migrate: hook weight 5 is not before",
        lambda m: annotation(m, "NetworkPolicy/sentinel-migrate").update({"helm.sh/hook-weight": "5"}),
    ),
    (
        "each endpoint needs port, path and interval",
        lambda m: m["ServiceMonitor/sentinel"]["spec"]["endpoints"][0].pop("port"),
    ),
    ("needs a selector and endpoints", lambda m: m["ServiceMonitor/sentinel"]["spec"].update(endpoints=[])),
    ("is not monitoring.coreos.com/v1", lambda m: m["ServiceMonitor/sentinel"].update(apiVersion="v1")),
    ("unknown or missing keys", lambda m: rules(m)[0].update(expression="x")),
    ("severity, summary and description are needed", lambda m: rules(m)[0].update(labels={})),
    ("a PrometheusRule without rules", lambda m: m["PrometheusRule/sentinel"]["spec"].update(groups=[])),
]


@pytest.fixture(scope="module")
def rendered(chart_check: ModuleType, chart: Path) -> dict[str, list[Manifest]]:
    found = {name: chart_check.render(chart, [VALUES / f"{name}.yaml"], "1.30.0") for name in ("minimal", "full")}
    for manifests in found.values():
        assert chart_check.check_manifests(manifests, "1.30") == []
    return found


def assert_found(chart_check: ModuleType, manifests: list[Manifest], complaint: str, plant: Change) -> None:
    """Show that manifests which pass do not pass any more with the fault planted, and that the complaint says why."""
    named = {chart_check.name_of(m): m for m in copy.deepcopy(manifests)}
    plant(named)
    found = chart_check.check_manifests(list(named.values()), "1.30")
    assert any(complaint in text for text in found), found


@pytest.mark.parametrize(("complaint", "plant"), FAULTS, ids=[f"{i}-{fault[0]}" for i, fault in enumerate(FAULTS)])
def test_a_planted_fault_is_found(
    chart_check: ModuleType, rendered: dict[str, list[Manifest]], complaint: str, plant: Change
) -> None:
    assert_found(chart_check, rendered["minimal"], complaint, plant)


@pytest.mark.parametrize(
    ("complaint", "plant"), FAULTS_OF_THE_FULL_CHART, ids=[fault[0] for fault in FAULTS_OF_THE_FULL_CHART]
)
def test_a_planted_fault_in_an_optional_object_is_found(
    chart_check: ModuleType, rendered: dict[str, list[Manifest]], complaint: str, plant: Change
) -> None:
    assert_found(chart_check, rendered["full"], complaint, plant)


@pytest.mark.parametrize(
    ("file", "text", "broken", "complaint"),
    [
        (
            "templates/api.yaml",
            "revisionHistoryLimit:",
            "revisionHistory:",
            "Deployment/vigie-api: not valid in Kubernetes",
        ),
        ("templates/api.yaml", "      containers:", "      - containers:", "templates/api.yaml"),
        ("templates/_pod.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "is writable"),
        ("values.yaml", "replicas: 2", "replicas: two", "replicas"),
        ("values.yaml", "pullPolicy: IfNotPresent", "pullPolcy: IfNotPresent", "pullPolcy"),
    ],
)
def test_a_broken_chart_ends_the_program_with_a_readable_message(  # noqa: PLR0917
    chart_check: ModuleType,
    chart: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    text: str,
    broken: str,
    complaint: str,
) -> None:
    damaged = tmp_path / "vigie"
    shutil.copytree(chart, damaged)
    values = tmp_path / "values"
    values.mkdir()
    shutil.copy(VALUES / "minimal.yaml", values)
    arguments = ["--chart", str(damaged), "--values", str(values), "--kubernetes", "1.30"]
    assert chart_check.main(arguments) == 0
    original = (damaged / file).read_text()
    assert text in original
    (damaged / file).write_text(original.replace(text, broken))
    assert chart_check.main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("FAULT minimal.yaml: ")
    assert complaint in errors


def test_nothing_to_render_is_a_fault_and_not_a_pass(
    chart_check: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chart_check.main(["--values", str(tmp_path)]) == 1
    assert "no values to render with" in capsys.readouterr().err
