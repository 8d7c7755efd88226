"""What a parity certificate computes, as a function that runs in a computing process."""

from pipeline.live.certificate import SymbolCompared
from pipeline.live.parity_day import ParityDay


def compare_day(day: ParityDay) -> SymbolCompared:
    """Hold what live said of one symbol against the backtest, its features against the bars."""
    from pipeline.live.parity import compare  # noqa: PLC0415
    from pipeline.live.recounting import recounted  # noqa: PLC0415

    return compare(day).model_copy(update={"features": recounted(day)})
