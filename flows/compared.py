"""Two results in memory compared and drawn, whatever run they come from."""

from typing import TYPE_CHECKING, NamedTuple

from pipeline.domain.comparison import Comparison
from pipeline.setups.rules import FieldChange

if TYPE_CHECKING:
    from pipeline.backtest.comparison import Kept

SEED = 1
"""Of the paired draws: the same two runs give the same intervals each time."""


class Compared(NamedTuple):
    """A comparison and its picture, a PNG."""

    found: Comparison
    png: bytes


def compare_kept_runs(
    kept: "tuple[Kept, Kept]", rules: tuple[FieldChange, ...], *, theme: str
) -> Compared:
    """Compare and draw two results; in a computing process."""
    from pipeline.backtest.comparison import compare  # noqa: PLC0415  (see backtest_compute)
    from pipeline.backtest.foundations import differing  # noqa: PLC0415
    from pipeline.render.comparison import comparison_chart  # noqa: PLC0415

    one, two = kept
    found = compare(one, two, differing(one.facts, two.facts, rules), seed=SEED)
    return Compared(found, comparison_chart(found, one.trades, two.trades, theme=theme).png)
