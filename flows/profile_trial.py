"""Both versions of a tried suggestion, tested and compared in a computing process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flows.compared import compare_kept_runs
from flows.research_compute import Frames, VariantsJob, evaluator_of
from pipeline.domain.comparison import RunFacts
from pipeline.domain.report import Interval, Verdict
from pipeline.domain.trade import Trade
from pipeline.domain.trial import Trial
from pipeline.setups.rules import SetupSpec, difference


@dataclass(frozen=True)
class Sides:
    """The setup as it is and as it is drafted."""

    present: SetupSpec
    draft: SetupSpec
    theme: str


@dataclass(frozen=True)
class Outcomes:
    """What both gave on the same days, the present setup first."""

    trades: tuple[int, int]
    means: tuple[float | None, float | None]
    change: Interval | None
    verdict: Verdict
    first: date
    last: date
    synthetic: bool
    png: bytes
    trials: tuple[Trial, ...]


def tested(frames: Frames, job: VariantsJob, sides: Sides) -> Outcomes:
    """Test both versions and compare them, day by day."""
    import numpy as np  # noqa: PLC0415  (see backtest_compute)

    from pipeline.backtest.comparison import Kept  # noqa: PLC0415
    from pipeline.backtest.robustness import verdict  # noqa: PLC0415
    from pipeline.backtest.trials import Tried, trial_of  # noqa: PLC0415

    evaluator, kept, trials = evaluator_of(frames, job), [], []
    for name, spec in (("now", sides.present), ("draft", sides.draft)):
        outcome = evaluator.run(spec)
        known = {p.signal_id: (p.side.sign, p.known_at) for p in outcome.plans}
        missed = {m.signal_id: str(m.reason) for m in outcome.missed}
        kept.append(Kept(_facts(name, spec, job), outcome.trades, known, missed))
        tried = Tried(spec, job.symbol, job.trigger, job.options, job.first, job.last,
                      job.synthetic)  # fmt: skip
        rr = np.array([t.rr for t in outcome.trades], dtype=float)
        trials.append(trial_of(tried, rr, run_id=job.run_id, at=job.at))
    compared = compare_kept_runs(
        (kept[0], kept[1]), difference(sides.present, sides.draft), theme=sides.theme
    )
    figures = {f.name: f for f in compared.found.figures}
    change = figures["expectancy_r"].difference
    return Outcomes(
        trades=(len(kept[0].trades), len(kept[1].trades)),
        means=(_mean(kept[0].trades), _mean(kept[1].trades)),
        change=change, verdict=verdict(change), first=job.first, last=job.last,
        synthetic=job.synthetic, png=compared.png, trials=tuple(trials),
    )  # fmt: skip


def _mean(trades: Sequence[Trade]) -> float | None:
    return sum(t.rr for t in trades) / len(trades) if trades else None


def _facts(name: str, spec: SetupSpec, job: VariantsJob) -> RunFacts:
    return RunFacts(
        run_id=name, setup_id=spec.setup_id, rule_version=spec.rule_version, symbol=job.symbol,
        timeframe=job.trigger.value, start=job.first, end=job.last, synthetic=job.synthetic,
        options=job.options.model_dump(mode="json", exclude_defaults=True),
    )  # fmt: skip
