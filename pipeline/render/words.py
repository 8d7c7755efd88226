"""How figures are written on pictures: signs, reasons, dates, durations."""

from datetime import datetime

from pipeline.domain.trade import ExitReason
from pipeline.render.window import local

_REASONS = {
    ExitReason.TP: "target",
    ExitReason.SL: "stop",
    ExitReason.BE: "break-even",
    ExitReason.TIME: "time exit",
    ExitReason.SESSION_END: "session end",
    ExitReason.EXPIRED: "expired",
    ExitReason.VOID: "void",
}
_LARGE = 10.0


def reason_words(reason: ExitReason) -> str:
    """Return an exit reason as people say it."""
    return _REASONS[reason]


def signed(value: float, decimals: int = 2) -> str:
    """Return a number with its sign, a true minus; zero has none."""
    words = f"{abs(value):.{decimals}f}"
    if float(words) == 0:
        return words
    return f"+{words}" if value > 0 else f"−{words}"


def signed_r(value: float, decimals: int = 2) -> str:
    """Return a number of R with its sign."""
    return f"{signed(value, decimals)} R"


def count(number: int, one: str, many: str = "") -> str:
    """Return `1 trade`, `2 trades`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day_words(moment: datetime, zone: str) -> str:
    """Return the local date as people read it, e.g. `Tue 12 Mar 2024`."""
    here = local(moment, zone)
    return f"{here:%a} {here.day} {here:%b %Y}"


def total_words(value: float) -> str:
    """Return a sum of R with the decimals its size deserves."""
    return signed(value, 2 if abs(value) < _LARGE else 1)
