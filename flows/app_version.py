"""The program's version."""

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_TOP = Path(__file__).resolve().parents[1]


@cache
def app_version() -> str:
    """Return the program's version: the checkout's, else the installed package's."""
    project = _TOP / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    try:
        return version("setup-scout")
    except PackageNotFoundError:
        return "unknown"
