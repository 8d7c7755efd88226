"""docker-compose.yml and the Dockerfile: valid, locked down, nothing left open that need not be."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from flows.settings import Settings, setting_names
from tests.kit.compose_file import (
    ROOT,
    build_app,
    env_file,
    image_environment,
    instructions,
    read_compose,
    seconds,
    sent_to_builder,
    size,
    variables_used,
)

# The Compose Specification's own schema, as it stands (Apache License 2.0, compose-spec/compose-spec).
SCHEMA = json.loads((ROOT / "tests/kit/compose_spec.json").read_text(encoding="utf-8"))
EXAMPLE = env_file((ROOT / ".env.example").read_text(encoding="utf-8"))
FILE = read_compose(EXAMPLE)
SERVICES = FILE["services"]
OURS = sorted(n for n, s in SERVICES.items() if s["image"].startswith("setup-scout:"))
each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_is_as_the_specification_says():
    validator = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(FILE)] == []
    broken = {**FILE, "services": {"bot": {**SERVICES["bot"], "heathcheck": {}}}}
    assert not validator.is_valid(broken)


def test_the_set_is_whole_and_each_profile_starts_something():
    assert {
        "bot",
        "scanner",
        "worker-local",
        "worker-training",
        "prefect",
        "postgres",
        "valkey",
    } <= {*SERVICES}
    assert all(SERVICES[name]["profiles"] == ["core"] for name in OURS)
    assert EXAMPLE["COMPOSE_PROFILES"] == "core"
    assert variables_used() - {*EXAMPLE} == {"GIT_COMMIT"} - {*EXAMPLE}


@each_service
def test_locked_down(name):
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0 and int(group) > 0
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & {*service}
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@each_service
def test_pinned_limited_watched_and_restarted(name):
    service = SERVICES[name]
    tag = service["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+", tag), f"{service['image']} is no full version"
    limits = service["deploy"]["resources"]["limits"]
    assert (
        size(limits["memory"]) >= 64 * 2**20 and float(limits["cpus"]) > 0 and limits["pids"] > 0
    )
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    check = service["healthcheck"]
    if name == "prepare":  # it runs to its end
        assert check == {"disable": True} and service["restart"] == "on-failure:3"
        return
    assert service["restart"] == "unless-stopped"
    assert check["test"][0] in ("CMD", "CMD-SHELL") and len(check["test"]) > 1
    assert seconds(check["timeout"]) < seconds(check["interval"]) <= 30
    assert seconds(service["stop_grace_period"]) >= 10


@each_service
def test_ports_are_for_this_machine_alone_and_databases_have_none(name):
    ports = SERVICES[name].get("ports", [])
    assert all(str(port).startswith("127.0.0.1:") for port in ports)
    if SERVICES[name]["networks"] == ["inside"]:
        assert not ports
    if name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["inside"] and FILE["networks"]["inside"]["internal"]


@each_service
def test_secrets_are_files_and_never_variables(name):
    service = SERVICES[name]
    environment = service.get("environment", {})
    for secret in service.get("secrets", []):
        assert FILE["secrets"][secret]["file"] == f"./secrets/{secret}"
    files = [v for k, v in environment.items() if k.endswith("_FILE") and k != "SCOUT_READY_FILE"]
    assert all(f.removeprefix("/run/secrets/") in service["secrets"] for f in files)
    if name in OURS:  # what an .env might hold is blanked
        secret = [
            n.upper() for n, f in Settings.model_fields.items() if "SecretStr" in str(f.annotation)
        ]
        assert {environment.get(n) for n in secret} == {""}


def test_each_part_gets_the_secrets_it_needs_and_no_more():
    holders = {
        s: {n for n in SERVICES if s in SERVICES[n].get("secrets", [])} for s in FILE["secrets"]
    }
    assert holders["telegram_bot_token"] == {"bot"}
    assert holders["mt5_bridge_token"] == {"scanner"}
    assert holders["database_owner_url"] == {"prepare"}
    assert holders["prefect_database_url"] == {"prefect", "worker-local"}
    assert holders["postgres_password"] == {"postgres"}
    assert all(holders.values())


def test_dependencies_wait_for_health():
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed == "prepare" else "service_healthy"
            assert how == {"condition": wanted}
            assert {*service["profiles"]} <= {*SERVICES[needed]["profiles"]}
    assert "prefect" not in SERVICES["scanner"]["depends_on"], "alerts wait for no bookkeeping"


@each_service
def test_what_is_mounted_is_there(name):
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists() and mount.endswith(":ro"), mount
        else:
            assert source in FILE["volumes"]


def test_our_parts_know_their_places():
    known = {*setting_names(), *(f"{n}_FILE" for n in setting_names())}
    for name in OURS:
        said = {
            n
            for n in SERVICES[name]["environment"]
            if not n.startswith(("PREFECT_UI", "SCOUT_READY"))
        }
        assert said <= known, name


def test_prometheus_asks_each_part_that_has_figures():
    (job, _) = yaml.safe_load((ROOT / "monitoring/prometheus/containers.yml").read_text("utf-8"))[
        "scrape_configs"
    ]
    with_figures = {n for n in OURS if "METRICS_ADDRESS" in SERVICES[n]["environment"]} - {
        "prepare"
    }
    port = SERVICES["bot"]["environment"]["METRICS_ADDRESS"].rpartition(":")[2]
    (asked,) = job["static_configs"]
    assert {*asked["targets"]} == {f"{name}:{port}" for name in with_figures}


def test_the_dockerfile_is_clean():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_image_runs_as_nobody_special_from_pinned_layers():
    froms = [rest for word, rest in instructions() if word == "FROM"]
    assert len(froms) == 2 and all(
        re.match(r"python:3\.11\.\d+-slim-\w+( AS build)?$", f) for f in froms
    )
    assert [rest for word, rest in instructions() if word == "USER"] == ["10001:10001"]
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    assert "--no-deps --require-hashes -r requirements/run.lock" in runs
    assert not any(
        "secret" in rest.lower() or "token" in rest.lower() for _, rest in instructions()
    )
    assert image_environment()["SCOUT_HOME"] == "/var/lib/scout"


def test_nothing_but_the_product_is_sent_to_the_builder():
    sent = {name for name in ("bot/app.py", "storage/migrations/env.py", "requirements/run.lock")
            if sent_to_builder(ROOT / name)}  # fmt: skip
    assert len(sent) == 3
    for name in (".env", "bot/.env", "secrets/postgres_password", ".git/config", "tests/conftest.py",
                 ".scout/scout.db", "flows/__pycache__/worker.cpython-311.pyc", ".venv/bin/python"):  # fmt: skip
        assert not sent_to_builder(ROOT / name), name


def test_what_the_image_copies_is_enough(tmp_path):
    """Every module of the copied product can be found from it alone, with its data."""
    build_app(tmp_path)
    for folder in ("bot", "flows", "pipeline", "storage"):
        here = {
            p.relative_to(ROOT)
            for p in (ROOT / folder).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        }
        assert {path for path in here if not (tmp_path / path).exists()} == set()
    shutil.rmtree(tmp_path / "requirements")
    words = "import flows.healthcheck, flows.settings, storage.database; print(flows.__file__)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", words],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path))
