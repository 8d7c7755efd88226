"""Testing all variants of a grid: in chunks, by a crew, with progress; what is done is kept."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from flows.backtest_compute import Frozen
from flows.crews import Crew, crew_for
from flows.hands import in_hands, time_left
from flows.research_compute import VariantsJob
from flows.services import Services
from flows.state import RunState, write_frame
from flows.tasks import Note, Runner
from pipeline.domain.trial import Trial
from pipeline.research.results import TradeTable, VariantResult

if TYPE_CHECKING:
    from pipeline.research.variants import Chunk

FEWEST_A_CHUNK, MOST_A_CHUNK = 4, 50
CHUNKS = 24  # of a small grid: the last hands aren't idle for long, and progress is seen


class Variants(Frozen):
    """Output of the task: how many there are; their results lie beside it."""

    variants: int
    failed: int
    chunks: int
    trials: int


class _Kept(Frozen):
    """What a chunk leaves beside its trades."""

    results: tuple[VariantResult, ...]
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class _Store:
    """The finished chunks of a run, under a name that says what they were made of."""

    state: RunState
    mark: str

    def _name(self, number: int) -> str:
        return f"chunk_{self.mark}_{number:04d}"

    def keep(self, number: int, chunk: "Chunk") -> None:
        """Keep a chunk; it counts as done once its JSON is there, so that comes last."""
        name = self._name(number)
        write_frame(self.state.frame_path(name), chunk.trades.frame())
        self.state.keep(name, _Kept(results=chunk.results, trials=chunk.trials))

    def done(self, number: int) -> _Kept | None:
        """Return a kept chunk, or None."""
        return self.state.kept(self._name(number), _Kept)

    def trades(self, number: int) -> TradeTable:
        """Return the trades of a kept chunk."""
        return TradeTable.from_frame(pd.read_parquet(self.state.frame_path(self._name(number))))


@dataclass(frozen=True)
class Tested:
    """All results of a grid, by the variants' numbers, and all trades."""

    results: tuple[VariantResult, ...]
    trades: TradeTable


async def test_variants(job: VariantsJob, services: Services, runner: Runner) -> Variants:
    """Test every variant that isn't done yet and write all of them into the trial ledger."""
    store = _store(job, runner.state)
    async with crew_for(services, runner.state.folder) as crew:
        chunks = chunks_of(job)
        await _Work(job, store, crew, runner, chunks).all()
    kept = [await asyncio.to_thread(store.done, n) for n in range(len(chunks))]
    assert all(k is not None for k in kept)  # noqa: S101  (each was kept just now)
    trials = [t for k in kept if k is not None for t in k.trials]
    await services.trials.append_many(trials)
    failed = sum(bool(r.error) for k in kept if k is not None for r in k.results)
    return Variants(variants=job.grid.size, failed=failed, chunks=len(chunks), trials=len(trials))


def tested_variants(job: VariantsJob, state: RunState, done: Variants) -> Tested:
    """Return what the task left."""
    store = _store(job, state)
    kept = [store.done(n) for n in range(done.chunks)]
    results = [r for k in kept if k is not None for r in k.results]
    tables = [store.trades(n) for n in range(done.chunks)]
    return Tested(tuple(sorted(results, key=lambda r: r.index)), TradeTable.joined(tables))


def _store(job: VariantsJob, state: RunState) -> _Store:
    return _Store(state, hashlib.sha256(job.key.encode()).hexdigest()[:10])


def chunks_of(job: VariantsJob) -> list[list[int]]:
    """Cut the grid into chunks whose variants share work.

    They hang on the grid alone: a run that is resumed with another crew finds its chunks.
    """
    size = min(max(job.grid.size // CHUNKS, FEWEST_A_CHUNK), MOST_A_CHUNK)
    order = job.grid.order()
    return [order[i : i + size] for i in range(0, len(order), size)]


class _Work:
    """One attempt at the chunks that aren't done."""

    def __init__(
        self,
        job: VariantsJob,
        store: _Store,
        crew: Crew,
        runner: Runner,
        chunks: Sequence[Sequence[int]],
    ) -> None:
        self._job, self._store, self._crew = job, store, crew
        self._runner, self._chunks = runner, chunks
        self._done = self._new = 0
        self._begun = time.monotonic()

    async def all(self) -> None:
        """Test them; the first unexpected failure ends the attempt, with all before it kept."""
        waiting: list[int] = []
        for number in reversed(range(len(self._chunks))):
            if await asyncio.to_thread(self._store.done, number) is None:
                waiting.append(number)
            else:
                self._done += len(self._chunks[number])
        await in_hands(self._crew.hands, waiting, self._test, self._tell)

    async def _test(self, number: int) -> None:
        chunk = await self._crew.test(self._job, self._chunks[number])
        await self._keep(number, chunk)
        self._done += len(chunk.results)
        self._new += len(chunk.results)

    async def _keep(self, number: int, chunk: "Chunk") -> None:
        """Keep a chunk, to the end even when another hand has failed meanwhile."""
        keeping = asyncio.ensure_future(asyncio.to_thread(self._store.keep, number, chunk))
        try:
            await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await keeping
            raise

    async def _tell(self) -> None:
        await self._runner.tell(self._note())

    def _note(self) -> Note:
        size = self._job.grid.size
        text = f"{self._done:,} of {size:,} variants"
        if self._new:
            spent = time.monotonic() - self._begun
            left = spent / self._new * (size - self._done)
            text += f", about {time_left(left)} left"
        return Note(self._done / size, text)
