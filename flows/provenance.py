"""What makes a run repeatable: data, rules, code and libraries, each by its fingerprint."""

import hashlib
import platform
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.backtest_steps import Ingested, Job

_LIBRARIES = ("numpy", "pandas", "numba", "pydantic", "matplotlib", "pyarrow", "prefect")
_SHA1 = 40


def provenance(job: Job, ingested: Ingested, now: datetime) -> dict[str, Any]:
    """Return the record of contract section 7, with the rules' and M1 bars' hashes added."""
    return {
        "run_id": job.run.run_id,
        "flow_type": job.run.flow_type,
        "symbol": job.request.symbol,
        "timeframe": job.request.timeframe.value,
        "data_range": [ingested.period_start.isoformat(), ingested.period_end.isoformat()],
        "data_hash": ingested.data_hash,
        "m1_hash": ingested.m1_hash,
        "news_hash": ingested.news_hash,
        "rule_id": job.spec.setup_id,
        "rule_version": job.spec.rule_version,
        "rule_hash": hashlib.sha256(job.spec.model_dump_json().encode()).hexdigest(),
        "git_commit": job.services.settings.git_commit or git_commit(),
        "env": {"python": platform.python_version(), "libs": libraries()},
        "timestamp": now.isoformat().replace("+00:00", "Z"),
    }


_WORDS = {
    "data_hash": "the bars",
    "m1_hash": "the M1 bars",
    "news_hash": "the news calendar",
    "rule_hash": "the rules",
    "git_commit": "the program",
    "env": "the libraries",
}


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return in words what of a result's foundations has changed since; empty: nothing."""
    return [word for key, word in _WORDS.items() if before.get(key) != now.get(key)]


@cache
def libraries() -> dict[str, str]:
    """Return the versions of the libraries that shape results."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def git_commit(start: Path | None = None) -> str:
    """Return the commit of the checkout this code lies in, "unknown" outside of one."""
    for folder in (start or Path(__file__).resolve()).parents:
        git = folder / ".git"
        if git.is_dir():
            return _head(git) or "unknown"
    return "unknown"


def _head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head if len(head) == _SHA1 else None
        name = head.removeprefix("ref: ")
        loose = git / name
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        for line in (git / "packed-refs").read_text(encoding="ascii").splitlines():
            if line.endswith(f" {name}"):
                return line.split(" ", 1)[0]
    except (OSError, UnicodeDecodeError):
        pass
    return None
