"""What a rule profile computes, as functions that run in a computing process."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from flows.kept_results import read_kept
from pipeline.domain.comparison import RunFacts
from pipeline.domain.errors import AppError
from pipeline.domain.market import Timeframe
from pipeline.domain.request import BacktestOptions
from pipeline.domain.trial import Trial
from pipeline.research.grid import Grid
from pipeline.research.profile import MIN_SUGGESTED, Best, Effect, GroundProfile, Panel, Suggestion
from pipeline.research.template import Template
from pipeline.research.values import value_text

if TYPE_CHECKING:
    from pipeline.research.profiling import Variation

MOST_BEST = 3
RR, RR_PATH = "rr", "targets.0.tp"


@dataclass(frozen=True)
class KeptRun:
    """One finished run of a setup; `trades` is None where only its summary is kept."""

    run_id: str
    report: Mapping[str, Any]
    template: Template
    trades: bytes | None

    @property
    def options(self) -> BacktestOptions:
        """The options it was tested with."""
        return BacktestOptions.model_validate(self.report["request"].get("options", {}))

    @property
    def rr_in_rules(self) -> bool:
        """Whether a target asked for is the same as another `rr` in the rules."""
        return self.options.rr_target is not None and len(self.template.plain.targets) == 1


Key = tuple[str, str, str, str, str, str, bool]


@dataclass(frozen=True)
class Profiled:
    """All grounds and what was looked at."""

    grounds: tuple[GroundProfile, ...]
    comparisons: int


class _Ground:
    """Runs of one key in the making."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.found: dict[str, Variation] = {}
        self.summaries = 0
        self.paths: dict[str, str] = {}
        self.template: Template | None = None


def profiled(
    runs: Sequence[KeptRun], trials: Sequence[Trial], in_use: str, draws: int
) -> Profiled:
    """Profile runs of one setup; real and SYNTHETIC ones are families of their own.

    Parameters
    ----------
    trials
        The ledger's, of all symbols in `runs`.
    in_use
        The version that suggestions would change.
    """
    grounds = _grounds(runs)
    keys = sorted(grounds)
    effects: dict[Key, list[Effect]] = {}
    comparisons = 0
    for synthetic in (False, True):
        mine = [k for k in keys if k[-1] is synthetic]
        found, count = _effects([(k, grounds[k]) for k in mine], in_use, draws)
        effects |= dict(zip(mine, found, strict=True))
        comparisons += count
    made = [_told(k, grounds[k], effects[k], trials, in_use, draws) for k in keys]
    order = sorted(made, key=lambda g: (g.synthetic, not g.effects, -g.variants))
    return Profiled(tuple(order), comparisons)


def _grounds(runs: Sequence[KeptRun]) -> dict[Key, "_Ground"]:
    grounds: dict[Key, _Ground] = defaultdict(_Ground)
    for run in sorted(runs, key=lambda r: r.run_id):
        ground = grounds[_key(run)]
        ground.template = run.template
        ground.runs.append(run.run_id)
        if run.trades is None:
            ground.summaries += int(run.report.get("variants", 1))
        ground.paths |= _paths(run)
    for run in sorted(runs, key=lambda r: r.run_id):
        ground = grounds[_key(run)]
        for one in _variations(run, ground.paths):
            ground.found[one.fingerprint] = one
    return dict(grounds)


def _key(run: KeptRun) -> Key:
    report, options = run.report, run.options
    left_out = {"lots", "risk", "analyze_with_llm", "dry_run"}
    left_out |= {"rr_target"} if run.rr_in_rules else set()
    kept = options.model_dump(mode="json", exclude_defaults=True, exclude=left_out)
    return (
        str(report["symbol"]), str(report["timeframe"]), str(report["period_start"]),
        str(report["period_end"]), str(report["rule_version"]), json.dumps(kept, sort_keys=True),
        bool(report.get("synthetic", False)),
    )  # fmt: skip


def _paths(run: KeptRun) -> dict[str, str]:
    if "grid" in run.report:
        return {d["name"]: d["path"] for d in run.report["grid"]["dimensions"]}
    return {RR: RR_PATH} if run.rr_in_rules else {}


def own_values(template: Template, paths: Mapping[str, str]) -> dict[str, str]:
    """Return what a setup's file gives each parameter, as it is typed."""
    given = {w.path: w.given for w in template.words}
    plain = template.plain.model_dump(mode="json")
    return {
        name: value_text(_reach(plain, path) if given.get(path) is None else given[path])
        for name, path in paths.items()
    }


def _reach(document: Any, path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    for part in path.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document if isinstance(document, str | int | float | bool) else None


def _variations(run: KeptRun, paths: Mapping[str, str]) -> list["Variation"]:
    if run.trades is None:
        return []
    own = own_values(run.template, paths)
    return _of_grid(run, own) if "grid" in run.report else _of_backtest(run, own)


def _of_grid(run: KeptRun, own: Mapping[str, str]) -> list["Variation"]:
    from flows.kept_variants import read_variant_trades  # noqa: PLC0415
    from pipeline.research.profiling import Variation  # noqa: PLC0415  (see backtest_compute)

    assert run.trades is not None  # noqa: S101  (asked before)
    grid, table = Grid.model_validate(run.report["grid"]), read_variant_trades(run.trades)
    days = table.known.astype("datetime64[us]").astype("datetime64[D]")
    bounds = np.searchsorted(table.variant, np.arange(grid.size + 1))
    found = []
    for index in range(grid.size):
        rows = slice(bounds[index], bounds[index + 1])
        try:
            spec = grid.spec(run.template, index)
        except AppError:  # its values can't be together: it was not tested
            continue
        values = {n: value_text(v) for n, v in grid.values(index).items()}
        mark = _fingerprint(run, spec)
        found.append(Variation(mark, {**own, **values}, days[rows], table.rr[rows]))
    return found


def _of_backtest(run: KeptRun, own: Mapping[str, str]) -> list["Variation"]:
    from pipeline.research.profiling import Variation  # noqa: PLC0415

    assert run.trades is not None  # noqa: S101  (asked before)
    report = run.report
    facts = RunFacts(
        run_id=run.run_id, setup_id=report["setup_id"], rule_version=report["rule_version"],
        symbol=report["symbol"], timeframe=report["timeframe"], start=report["period_start"],
        end=report["period_end"],
    )  # fmt: skip
    kept = read_kept(facts, run.trades)
    moments = [kept.known[t.signal_id][1].replace(tzinfo=None) for t in kept.trades]
    days = np.array(moments, dtype="datetime64[us]").astype("datetime64[D]")
    rr = np.array([t.rr for t in kept.trades], dtype=float)
    values = {RR: value_text(run.options.rr_target)} if run.rr_in_rules else {}
    return [Variation(_fingerprint(run, run.template.plain), {**own, **values}, days, rr)]


def _fingerprint(run: KeptRun, spec: Any) -> str:
    from pipeline.backtest.trials import Tried, variant_of  # noqa: PLC0415

    report = run.report
    first, last = (date.fromisoformat(str(report[f"period_{w}"])) for w in ("start", "end"))
    return variant_of(
        Tried(spec, report["symbol"], Timeframe(report["timeframe"]), run.options, first, last,
              bool(report.get("synthetic", False)))
    )  # fmt: skip


def _own(key: Key, ground: "_Ground", in_use: str) -> dict[str, str] | None:
    assert ground.template is not None  # noqa: S101  (a ground has a run)
    return own_values(ground.template, ground.paths) if key[4] == in_use else None


def _rng(keys: Sequence[str]) -> np.random.Generator:
    """Return draws that hang on what is compared alone: the order of runs changes nothing."""
    mark = hashlib.sha256("|".join(sorted(keys)).encode()).digest()
    return np.random.default_rng(int.from_bytes(mark[:8], "big"))


def _effects(
    grounds: Sequence[tuple[Key, "_Ground"]], in_use: str, draws: int
) -> tuple[list[list[Effect]], int]:
    from pipeline.research.profiling import compare_all  # noqa: PLC0415

    every = [mark for _, ground in grounds for mark in ground.found]
    asked = [(list(g.found.values()), _own(k, g, in_use)) for k, g in grounds]
    return compare_all(asked, _rng(every), draws)


def _told(
    key: Key, ground: "_Ground", effects: Sequence[Effect], trials: Sequence[Trial], in_use: str,
    draws: int,
) -> GroundProfile:  # fmt: skip
    from pipeline.research.profile_points import points_of  # noqa: PLC0415

    own, variants = _own(key, ground, in_use), list(ground.found.values())
    panels = []
    for name in sorted(ground.paths):
        if len({v.values[name] for v in variants}) > 1:
            points = points_of(variants, name, own, _rng([*ground.found, name]), draws)
            panels.append(Panel(parameter=name, own=own and own[name], points=tuple(points)))
    return GroundProfile(
        symbol=key[0], timeframe=key[1], start=date.fromisoformat(key[2]),
        end=date.fromisoformat(key[3]), rule_version=key[4], options=json.loads(key[5]),
        synthetic=key[6], runs=tuple(ground.runs), variants=len(variants),
        summaries=ground.summaries, paths=ground.paths, panels=tuple(panels),
        effects=tuple(effects), best=_best(key, variants, trials),
        suggestions=suggestions_of(effects, ground.paths),
    )  # fmt: skip


def _best(key: Key, variants: Sequence["Variation"], trials: Sequence[Trial]) -> tuple[Best, ...]:
    from pipeline.backtest.trials import standing  # noqa: PLC0415

    mine = [t for t in trials if t.symbol == key[0] and t.synthetic is key[6]]
    known = {t.variant: t for t in mine}
    usable = [v for v in variants if len(v.rr) > MIN_SUGGESTED and v.fingerprint in known]
    best = sorted(usable, key=lambda v: (-float(v.rr.mean()), v.fingerprint))[:MOST_BEST]
    return tuple(
        Best(values=dict(v.values), trades=len(v.rr), mean_r=float(v.rr.mean()),
             win_rate=float((v.rr > 0).mean()), standing=standing(mine, known[v.fingerprint]))
        for v in best
    )  # fmt: skip


def suggestions_of(effects: Sequence[Effect], paths: Mapping[str, str]) -> tuple[Suggestion, ...]:
    """Return one change for each parameter whose corrected interval lies above zero, surest first.

    More than 50 trades before and after are asked for.
    """
    sure: dict[str, Suggestion] = {}
    for e in effects:
        enough = min(e.trades, e.trades_before) > MIN_SUGGESTED
        if not (e.own and e.measure == "expectancy" and e.corrected and enough):
            continue
        if e.corrected.low <= 0:
            continue
        held = sure.get(e.parameter)
        if held is None or e.corrected.low > held.improvement.low:
            sure[e.parameter] = _suggestion(e, paths[e.parameter])
    return tuple(sorted(sure.values(), key=lambda s: -s.improvement.low))


def _suggestion(e: Effect, path: str) -> Suggestion:
    assert e.corrected is not None  # noqa: S101  (asked before)
    i = e.corrected
    reason = (
        f"profiler: {e.parameter} {e.old} → {e.new}, {i.value:+.2f} R "
        f"({i.low:.2f} to {i.high:.2f}), {e.trades} trades"
    )
    return Suggestion(parameter=e.parameter, path=path, old=e.old, new=e.new, improvement=i,
                      trades=e.trades, reason=reason)  # fmt: skip
