"""The steps of a retraining: bars, rows, trees, a version, and whether it comes into use."""

from dataclasses import dataclass

import pandas as pd

from flows import retraining_compute as compute
from flows.backtest_compute import Frozen
from flows.exchange_bars import Collected
from flows.model_use import Made, Versioned, champion_of, keep_version, put_in_use
from flows.retraining_compute import Learnt, Order, Prepared
from flows.services import Services
from pipeline.domain.bars import fingerprint
from pipeline.domain.errors import BadBarsError, ModelRefusedError
from pipeline.domain.exchange import RETRAIN_TIMEFRAME, direction_model
from pipeline.domain.model import ModelMetrics, ModelStanding
from pipeline.domain.request import Run
from storage.model_ports import StoredModel

SECONDS = 1800.0
"""Longest that a training may compute."""


class Validated(Frozen):
    """Output of validation: which bars are learnt from, by their SHA-256."""

    bars: int
    fingerprint: str


class Trained(Frozen):
    """Output of model_training. `refused`: why the model in use could not be judged against."""

    learnt: Learnt
    standing: ModelStanding
    refused: str = ""


class Evaluated(Frozen):
    """Output of evaluation: figures on rows that the model has not seen."""

    metrics: dict[str, float | None]
    worth: str


class Compared(Frozen):
    """Output of comparison: whether it is better, and the conditions that do not hold."""

    better: bool
    against: str
    failed: tuple[str, ...]


class Activated(Frozen):
    """Output of activation."""

    activated: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retraining:
    """A retraining's bars, record and services."""

    collected: Collected
    run: Run
    services: Services

    @property
    def order(self) -> Order:
        """Which model is to be made."""
        market = self.collected.market
        return Order(
            model_id=direction_model(market.symbol),
            run_id=self.run.run_id,
            symbol=self.collected.stored_as,
            fee=market.taker_fee,
            now=self.collected.end,
        )

    def made(self, trained: Trained) -> Made:
        """Return what was made, to be kept and maybe put in use."""
        learnt = trained.learnt
        return Made(
            run_id=self.run.run_id,
            model=StoredModel(learnt.manifest, learnt.trees),
            verdict=learnt.verdict,
            standing=trained.standing,
            refused=trained.refused,
        )

    async def bars(self, wanted: str = "") -> pd.DataFrame:
        """Return the bars of the period; BadBarsError if they are not those of `wanted`."""
        held = await self.services.bars.read(
            self.collected.stored_as, RETRAIN_TIMEFRAME, self.collected.start, self.collected.end
        )
        if wanted and fingerprint(held) != wanted:
            raise BadBarsError("The bars changed while they were learnt from; train again.")
        return held


async def validate(job: Retraining) -> Validated:
    """Read back what is held; other bars later on end the run."""
    held = await job.bars()
    if len(held) < job.collected.bars:
        raise BadBarsError("The bars that were collected are not all held any more; train again.")
    return Validated(bars=len(held), fingerprint=fingerprint(held))


async def prepare(job: Retraining, valid: Validated) -> Prepared:
    """Count what can be learnt from."""
    bars = await job.bars(valid.fingerprint)
    return await job.services.cpu.run_aside(SECONDS, compute.prepare_rows, bars, job.order)


async def learn(job: Retraining, valid: Validated) -> Trained:
    """Grow the trees and judge them against the model in use now, or chance."""
    standing = await job.services.models.standing(job.order.model_id)
    champion, refused = await champion_of(standing, job.services)
    bars = await job.bars(valid.fingerprint)
    try:
        learnt = await job.services.cpu.run_aside(
            SECONDS, compute.learn, bars, job.order, champion
        )
    except ModelRefusedError as error:
        refused = error.user_text
        learnt = await job.services.cpu.run_aside(SECONDS, compute.learn, bars, job.order, None)
    return Trained(learnt=learnt, standing=standing, refused=refused)


async def save(job: Retraining, trained: Trained) -> Versioned:
    """Keep the model as a version; a run makes one version only."""
    return await keep_version(job.made(trained), job.services)


async def evaluate(job: Retraining, trained: Trained, prepared: Prepared) -> Evaluated:
    """Say in figures and one sentence what the score is worth."""
    found = trained.learnt.verdict.challenger
    return Evaluated(
        metrics=figures(found),
        worth=worth_of(found, prepared.cost, job.collected.market.taker_fee),
    )


async def compare(trained: Trained) -> Compared:
    """Say whether it is better than what is in use, by every condition of the gate."""
    verdict = trained.learnt.verdict
    words = tuple(condition.words for condition in verdict.failed)
    return Compared(better=verdict.promoted, against=verdict.against, failed=words)


async def activate(job: Retraining, trained: Trained, saved: Versioned) -> Activated:
    """Put the version in use if the gate says so and its rival is still the one it beat.

    Of the market's versions MODELS_KEPT stay, besides all that ever were in use.
    """
    activated = await _activated(job, trained, saved)
    registry, settings = job.services.models, job.services.settings
    model_id = job.made(trained).standing.model_id
    await registry.keep_last(model_id, settings.models_kept, job.services.clock())
    return activated


async def _activated(job: Retraining, trained: Trained, saved: Versioned) -> Activated:
    if not trained.learnt.verdict.promoted:
        return Activated(activated=False)
    if await put_in_use(job.made(trained), saved.version, job.services) is None:
        return Activated(activated=True)
    note = "Another model came into use while this one was trained; it was not judged against it."
    return Activated(activated=False, notes=(note,))


def figures(metrics: ModelMetrics) -> dict[str, float | None]:
    """Return the metrics as plain figures."""
    names = ("roc_auc", "log_loss", "brier", "accuracy", "precision", "recall")
    found = {name: getattr(metrics, name) for name in names}
    return {name: None if one is None else one.value for name, one in found.items()}


def worth_of(metrics: ModelMetrics, cost: float, fee: float) -> str:
    """Return in words whether the score tells direction, and from which score on fees are paid.

    Parameters
    ----------
    cost
        What fees take of a trade, in distances from entry to stop.
    fee
        Share of the value paid on each side.
    """
    auc, needed = metrics.roc_auc, (1 + cost) / 2
    if auc is None:
        told = "Its later rows have one outcome only: nothing can be said of it"
    else:
        how = "better than chance" if auc.low > 0.5 else "no better than chance"  # noqa: PLR2004
        told = f"On {metrics.rows} later rows its AUC is {auc.value:.3f} "
        told += f"({auc.low:.3f} to {auc.high:.3f}): {how}"
    paid = f"with fees of {fee:.2%} a side a trade to these barriers earns "
    if needed >= 1:
        return f"{told}; {paid}nothing at any score: the fees take {cost:.1f} times the risk."
    return f"{told}; {paid}something from a score of {needed:.2f} on."
