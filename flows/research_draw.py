"""The pictures of sweeps, walk-forwards and batches, drawn in a computing process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.backtest_text import period_of, short_title
from flows.research_job import Research
from flows.research_report import Desk, Drawn
from flows.research_text import sweep_title
from pipeline.domain.trade import Trade
from pipeline.research.reports import BatchReport, SweepReport, VariantLine, WalkForwardReport

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture

Words = tuple[str, str, str, str]
"""Title, second line, theme, run_id."""


async def draw_sweep(
    research: Research, report: SweepReport, lines: Sequence[VariantLine], desk: Desk
) -> Drawn:
    """Draw and keep the map or line of a sweep."""
    picture = await research.services.cpu.run(
        draw_sweep_chart, report, lines, _words(research, desk)
    )
    caption = f"{sweep_title(research.request)} · in sample"
    return Drawn(pictures=(await desk.picture("_sweep.png", picture, caption),))


async def draw_walkforward(
    research: Research, report: WalkForwardReport, trades: Sequence[Trade], desk: Desk
) -> Drawn:
    """Draw and keep the picture of a walk-forward."""
    picture = await research.services.cpu.run(
        draw_walkforward_chart, report, trades, _words(research, desk)
    )
    caption = f"{sweep_title(research.request)} · walk-forward"
    return Drawn(pictures=(await desk.picture("_walkforward.png", picture, caption),))


async def draw_batch(report: BatchReport, desk: Desk, title: str, subtitle: str) -> Drawn:
    """Draw and keep the picture of a batch."""
    words = (title, subtitle, desk.services.settings.chart_theme, desk.run.run_id)
    picture = await desk.services.cpu.run(draw_batch_chart, report, words)
    return Drawn(pictures=(await desk.picture("_batch.png", picture, title),))


def _words(research: Research, desk: Desk) -> Words:
    request = research.request
    title = short_title(request.backtest, research.template.rule_version)
    names = " × ".join(d.name for d in research.grid.dimensions)
    subtitle = f"{names} · {period_of(request.backtest)}"
    return title, subtitle, desk.services.settings.chart_theme, desk.run.run_id


def draw_sweep_chart(report: SweepReport, lines: Sequence[VariantLine], words: Words) -> "Picture":
    """Draw a sweep."""
    from pipeline.render.sweep_chart import sweep_chart  # noqa: PLC0415

    title, subtitle, theme, run_id = words
    return sweep_chart(report, lines, title=title, subtitle=subtitle, theme=theme, run_id=run_id)


def draw_walkforward_chart(
    report: WalkForwardReport, trades: Sequence[Trade], words: Words
) -> "Picture":
    """Draw a walk-forward."""
    from pipeline.render.walkforward_chart import walkforward_chart  # noqa: PLC0415

    title, subtitle, theme, run_id = words
    return walkforward_chart(
        report, trades, title=title, subtitle=subtitle, theme=theme, run_id=run_id
    )


def draw_batch_chart(report: BatchReport, words: Words) -> "Picture":
    """Draw a batch."""
    from pipeline.render.batch_chart import batch_chart  # noqa: PLC0415

    title, subtitle, theme, run_id = words
    return batch_chart(report, title=title, subtitle=subtitle, theme=theme, run_id=run_id)
