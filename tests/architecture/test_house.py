"""The house's measurable rules: sizes, names, floors, locks."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("bot", "flows", "storage", "pipeline")
FILES = sorted(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py"))
THEIRS = {"process_bind_param", "process_result_value"}  # names that a library asks for
BANNED = {"helper", "helpers", "utils", "util", "common", "misc", "manager", "info"}


def test_there_is_something_to_measure():
    assert len(FILES) > 60


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 300, "files have at most 300 lines"
    assert path.stem not in BANNED
    if path.name != "__init__.py" or text.strip():
        assert ast.get_docstring(tree), "a module opens with one sentence saying what it owns"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"
            ours = node.name not in THEIRS
            assert not (ours and re.match(r"(process|do)_", node.name)), node.name


def test_functions_are_short_on_the_whole():
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_imports_only_go_down():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("name", ["run", "test", "bench"])
def test_locks_hold_versions_and_hashes_and_no_addresses(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert "://" not in text.replace("sys_platform", "")
    packages = re.findall(r"^[a-zA-Z0-9][\w.\-\[\]]*==", text, re.MULTILINE)
    assert len(packages) > 10
    assert "--hash=sha256:" in text


def test_the_pins_that_keep_the_scheduler_alive():
    lock = (ROOT / "requirements" / "run.lock").read_text()
    held = dict(re.findall(r"^([\w.\-]+)==([\w.]+)", lock, re.MULTILINE))
    assert held["prefect"] == "3.8.8"
    assert (0, 139) <= tuple(map(int, held["fastapi"].split(".")[:2])) < (0, 150)
    assert tuple(map(int, held["sqlalchemy"].split(".")[:2])) < (2, 1)
    assert held["aiogram"].startswith("3.")


def test_the_project_speaks_of_itself_alone():
    named = subprocess.run(
        ["git", "grep", "-nIE", r"(/work/|/root/|pypi\.org|pythonhosted|/opt/pypi)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert [line for line in named.splitlines() if "test_house.py" not in line] == []
