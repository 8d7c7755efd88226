"""The visualizer: the equity picture and an album of sample trades, drawn in parallel."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from flows import backtest_compute as compute
from flows.backtest_compute import Found, Frozen, Look, Sample, Tested
from flows.backtest_steps import Ingested, Job, artifact_meta
from flows.backtest_text import period_of, picture_caption, short_title, title_of
from pipeline.domain.trade import Trade

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

ALBUM_SIZE = 10


class PictureFile(Frozen):
    """One picture in the archive."""

    path: str
    caption: str


class Pictures(Frozen):
    """Output of visualizer."""

    equity: PictureFile | None
    samples: tuple[PictureFile, ...]


async def visualizer(job: Job, ingested: Ingested, found: Found, tested: Tested) -> Pictures:
    """Draw the equity and an album of sample trades, in parallel."""
    if not tested.trades:
        return Pictures(equity=None, samples=())
    look = replace(job.look, synthetic=ingested.synthetic)
    samples = pick_samples(found, tested, job.services.settings.sample_every)
    title = title_of(job.request, job.spec.rule_version)
    drawing = asyncio.ensure_future(_draw_all(job, samples, look))
    equity = await job.services.cpu.run(
        compute.draw_equity, tested.trades, tested.metrics,
        short_title(job.request, job.spec.rule_version), job.instrument.currency, look,
        period_of(job.request), tested.robustness,
    )  # fmt: skip
    kept = await _keep(job, f"results/{job.stem}_equity.png", "equity", equity, title)
    files = []
    for number, (sample, picture) in enumerate(zip(samples, await drawing, strict=True), start=1):
        path = f"annotated/{job.stem}_sample_{number:03d}.png"
        caption = picture_caption(sample.signal, sample.trade)
        files.append(await _keep(job, path, "sample", picture, caption))
    return Pictures(equity=kept, samples=tuple(files))


async def _draw_all(job: Job, samples: list[Sample], look: Look) -> "list[Picture]":
    """Draw one picture a call, so that all processes are busy to the end."""
    calls = (
        job.services.cpu.run(compute.draw_samples, job.bars_path, [sample], job.instrument, look)
        for sample in samples
    )
    return [drawn[0] for drawn in await asyncio.gather(*calls)]


async def _keep(job: Job, path: str, role: str, picture: "Picture", caption: str) -> PictureFile:
    mapping = picture.mapping.model_dump(mode="json") if picture.mapping else None
    await job.services.archive.put(
        path,
        picture.png,
        run_id=job.run.run_id,
        role=role,
        media_type="image/png",
        meta={**artifact_meta(job), "mapping": mapping},
    )
    return PictureFile(path=path, caption=caption)


def pick_samples(found: Found, tested: Tested, every: int) -> list[Sample]:
    """Choose up to ten signals: winners, losers, an ambiguous one, and every n-th signal.

    They come in the order of time. With ten trades or fewer all of them are shown.
    """
    trades = {trade.signal_id: trade for trade in tested.trades}
    everything = [
        Sample(signal, plan, trades.get(signal.signal_id))
        for signal, plan in zip(found.signals, found.plans, strict=True)
    ]
    by_id = {sample.signal.signal_id: n for n, sample in enumerate(everything)}
    wanted = [by_id[trade.signal_id] for trade in _telling(list(tested.trades))]
    wanted += range(every - 1, len(everything), every)
    chosen = sorted(list(dict.fromkeys(wanted))[:ALBUM_SIZE])
    return [everything[n] for n in chosen]


def _telling(trades: list[Trade]) -> list[Trade]:
    """Return the trades to show first: extremes and middles of both sides, an ambiguous one."""
    if len(trades) <= ALBUM_SIZE:
        return trades
    ranked = sorted(trades, key=lambda trade: trade.rr)
    winners = [trade for trade in ranked if trade.rr > 0]
    losers = [trade for trade in ranked if trade.rr <= 0]
    picked = [*winners[-1:], *losers[:1], *_middle(winners), *_middle(losers)]
    return picked + [trade for trade in trades if trade.ambiguous][:1]


def _middle(trades: list[Trade]) -> list[Trade]:
    return trades[len(trades) // 2 : len(trades) // 2 + 1]
