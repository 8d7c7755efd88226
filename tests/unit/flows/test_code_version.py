"""A flow's version: it changes with the code that the flow is made of, and with no other."""

import shutil
import time

import pytest

from flows.code_version import TOP, Code
from flows.deployed_flows import FLOWS


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    top = tmp_path_factory.mktemp("code")
    for floor in ("flows", "storage", "pipeline"):
        shutil.copytree(
            TOP / floor, top / floor, ignore=shutil.ignore_patterns("__pycache__", "*.yaml")
        )
    return top


def versions(top):
    code = Code(top)
    return {name: code.version(flow.modules) for name, flow in FLOWS.items()}


def changed_by(top, file):
    before = versions(top)
    path = top / file
    kept = path.read_bytes()
    path.write_bytes(kept + b"\n# another word\n")
    try:
        after = versions(top)
    finally:
        path.write_bytes(kept)
    assert versions(top) == before
    return {name for name in FLOWS if before[name] != after[name]}


def test_each_flow_has_a_version_of_ten_digits_and_the_same_twice(copied):
    found = versions(copied)
    assert found == versions(TOP)
    assert all(len(one) == 10 for one in found.values())
    assert found["backtest_flow"] != found["train_model_flow"]


def test_a_flow_s_own_file_changes_it_alone(copied):
    assert changed_by(copied, "flows/train_model_flow.py") == {"train_model_flow"}
    assert changed_by(copied, "flows/train_model.py") == {"train_model_flow"}
    assert "live_scan_flow" not in changed_by(copied, "flows/backtest.py")


def test_what_is_reached_through_others_counts(copied):
    assert {"backtest_flow", "sweep_flow"} <= changed_by(copied, "pipeline/backtest/fills.py")
    assert changed_by(copied, "flows/live_scan.py") == {"live_scan_flow", "replay_flow"}


def test_what_all_share_changes_all(copied):
    assert changed_by(copied, "flows/tasks.py") >= set(FLOWS) - {"live_scan_flow"}


def test_what_nobody_imports_changes_none(copied):
    assert changed_by(copied, "flows/cli_runs.py") == set()


def test_imports_inside_functions_and_brackets_are_followed(tmp_path):
    files = {
        "flows/a.py": "def f():\n    from flows.b import (\n        c,  # one\n        d,\n    )\n",
        "flows/b/__init__.py": "", "flows/b/c.py": "import pipeline.x\n", "flows/b/d.py": "",
        "flows/e.py": "", "pipeline/x.py": "from flows import e\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert Code(tmp_path).reached(["flows.a"]) == {
        "flows.a", "flows.b", "flows.b.c", "flows.b.d", "pipeline.x", "flows.e",
    }  # fmt: skip


def test_all_versions_are_found_quickly():
    begun = time.perf_counter()
    versions(TOP)
    assert time.perf_counter() - begun < 5  # 0.1 s; the machine may be busy
