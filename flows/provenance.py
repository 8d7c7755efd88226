"""What makes a run repeatable: data, rules, settings, code and libraries, by fingerprints."""

import hashlib
import json
import platform
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.app_version import app_version
from flows.backtest_steps import Ingested, Job, fill_job
from flows.weighing import tried_of
from pipeline.backtest.trials import variant_of
from pipeline.domain.trade import Trade
from pipeline.setups.rules import SetupSpec

_TOP = Path(__file__).resolve().parents[1]
_LIBRARIES = ("numpy", "pandas", "numba", "pydantic", "matplotlib", "pyarrow", "prefect")
_SHA1 = 40
_NO_TRADE = ("render", "catalogue", "commands", "command_words", "periods", "research_commands")
"""Parts of the pipeline that can't change a trade."""
_FLOWS = ("backtest_compute", "backtest_steps", "costs", "loading", "news")
"""Steps outside the pipeline that can."""
_NOT_FIGURES = {"title", "aliases", "source"}


def provenance(job: Job, ingested: Ingested, now: datetime) -> dict[str, Any]:
    """Return the record of contract section 7, and all else that decides a run's trades.

    Notes
    -----
    `execution` has what the fills were given, after options, instrument and settings were
    weighed; `instrument` its figures; `seeds` those of the draws in the report. `code_hash` is
    the fingerprint of the sources that can change a trade: it tells what a commit can't, that
    they were edited.
    """
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
        "rule_hash": rule_hash(job.spec),
        "execution": execution(job),
        "instrument": job.instrument.model_dump(mode="json", exclude=_NOT_FIGURES),
        "seeds": {"robustness": variant_of(tried_of(job, ingested))},
        "app_version": app_version(),
        "code_hash": code_hash(),
        "git_commit": job.services.settings.git_commit or git_commit(),
        "env": {"python": platform.python_version(), "libs": libraries()},
        "timestamp": now.isoformat().replace("+00:00", "Z"),
    }


def rule_hash(spec: SetupSpec) -> str:
    """Return the fingerprint of the rules; words left at their default don't count.

    So a later version of the program, with more words, reads unchanged rules as unchanged.
    """
    aside = {"author", "reason", "status", "title", "description", "expected"}
    kept = spec.model_dump_json(exclude_defaults=True, exclude=aside)
    return hashlib.sha256(kept.encode()).hexdigest()


def execution(job: Job) -> dict[str, Any]:
    """Return what the fills were given, under the names of the options."""
    given = fill_job(job)
    costs = given.costs.model_dump(mode="json")
    return {
        "spread": costs["spread_points"],
        "slippage": costs["slippage_points"],
        "commission": costs["commission"],
        "swap": costs["swap"],
        "fill": given.mode.value,
        "lots": given.lots,
        "risk": given.risk,
        "parallel": given.parallel,
        "max_trades": given.max_trades,
        "rr_target": job.request.options.rr_target,
    }


def with_trades(origin: dict[str, Any], trades: Sequence[Trade]) -> dict[str, Any]:
    """Return the record with the number of trades and their fingerprint, ids included."""
    kept = json.dumps([trade.model_dump(mode="json") for trade in trades], sort_keys=True)
    digest = hashlib.sha256(kept.encode()).hexdigest()
    return {**origin, "trades": len(trades), "trades_hash": digest}


@cache
def code_hash(top: Path = _TOP) -> str:
    """Return the fingerprint of the sources that can change a trade, 16 hex digits."""
    digest = hashlib.sha256()
    for path in shaping_sources(top):
        digest.update(path.relative_to(top).as_posix().encode())
        digest.update(path.read_text(encoding="utf-8").encode())  # whatever the line ends
    return digest.hexdigest()[:16]


def shaping_sources(top: Path = _TOP) -> list[Path]:
    """Return the files whose change may change a trade, sorted."""
    pure = top / "pipeline"
    found = [
        p
        for p in pure.rglob("*.py")
        if p.relative_to(pure).with_suffix("").parts[0] not in _NO_TRADE
    ]
    return sorted([*found, *(top / "flows" / f"{name}.py" for name in _FLOWS)])


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
