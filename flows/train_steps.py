"""The tasks of a training before its model is kept: rows, dataset, windows, trees, figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from flows import train_compute as compute
from flows.backtest_compute import Frozen
from flows.model_use import champion_of
from flows.services import Services
from flows.train_compute import Grown, Judged, Prepared, Rows, Windows
from pipeline.domain.errors import ModelRefusedError
from pipeline.domain.label import Label
from pipeline.domain.model import ModelStanding
from pipeline.domain.request import Run
from pipeline.domain.training import TrainRequest
from storage.telemetry import get_logger

log = get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
THRESHOLD = 0.6
"""The score from which a signal passes; accuracy, precision and recall are taken at it."""


class Collected(Frozen):
    """Output of data_collection: the labelled rows, as they were when the run first began.

    `total` counts the labelled rows of all setups.
    """

    rows: tuple[Label, ...]
    total: int


class Evaluated(Frozen):
    """Output of evaluation.

    `standing` says what was in use; `refused` why its champion could not be judged against
    ("": it could, or there is none).
    """

    judged: Judged
    standing: ModelStanding
    refused: str = ""


@dataclass(frozen=True)
class Training:
    """A training's request, record and services."""

    request: TrainRequest
    run: Run
    services: Services

    async def apart(
        self, fn: Callable[Concatenate[Rows, P], T], rows: Rows, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Compute on the rows at low priority."""
        seconds = self.services.settings.train_timeout
        return await self.services.cpu.run_aside(seconds, fn, rows, *args, **kwargs)


async def collect(job: Training) -> Collected:
    """Read the labelled rows that are wanted."""
    rows = await job.services.labels.select(job.request.training_data)
    total = sum((await job.services.labels.count()).values())
    return Collected(rows=tuple(rows), total=total)


async def prepare(job: Training, rows: Rows) -> Prepared:
    """Count what can be learnt from: one row per signal, of the present features."""
    return await job.apart(compute.prepare, rows)


async def windows(job: Training, rows: Rows) -> Windows:
    """Lay out what is learnt from and what is judged."""
    return await job.apart(compute.windows, rows, job.request.hyperparams)


async def grow(job: Training, rows: Rows) -> Grown:
    """Grow the trees, after a search inside the training windows where one was asked for."""
    return await job.apart(compute.grow, rows, job.request.hyperparams)


async def evaluate(job: Training, rows: Rows, grown: Grown) -> Evaluated:
    """Judge the model against the champion that is in use now, and make its card."""
    standing = await job.services.models.standing(job.request.model_type)
    champion, refused = await champion_of(standing, job.services)
    order = compute.Order(
        model_id=job.request.model_type,
        run_id=job.run.run_id,
        hyperparams=job.request.hyperparams,
        threshold=THRESHOLD,
        now=job.services.clock(),
    )
    try:
        judged = await job.apart(compute.judge, rows, grown, order, champion)
    except ModelRefusedError as error:
        refused = error.user_text
        judged = await job.apart(compute.judge, rows, grown, order, None)
    if refused:
        log.warning(
            "champion_refused", model=standing.model_id, version=standing.champion, why=refused
        )
    return Evaluated(judged=judged, standing=standing, refused=refused)
