"""The pictures of an inspection, as functions that run in a computing process."""

from typing import TYPE_CHECKING

from flows.backtest_compute import Look, Sample
from flows.market_bars import MarketBars
from pipeline.domain.market import Instrument, Timeframe
from pipeline.domain.trade import Missed

if TYPE_CHECKING:
    from pipeline.render.canvas import Picture


def draw_on(
    bars: MarketBars,
    sample: Sample,
    instrument: Instrument,
    look: Look,
    shown: Timeframe,
    missed: Missed | None = None,
) -> "Picture":
    """Draw a signal on bars of its own timeframe or a longer one, with its end if there is one."""
    from pipeline.render.chart import signal_chart  # noqa: PLC0415

    return signal_chart(
        bars.joined(shown), sample.signal, sample.plan, sample.trade, instrument=instrument,
        theme=look.theme, zone=look.zone, run_id=look.run_id, now_text=look.now_text,
        synthetic=look.synthetic, missed=missed,
        longer=None if shown is sample.signal.tf else shown,
    )  # fmt: skip
