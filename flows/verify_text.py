"""The words in which checks are told, in the chat and on the command line."""

from typing import Final

from pipeline.verify.results import Check

TITLES: Final = {
    "prefixes": "No look ahead, no repainting",
    "warm_up": "Look-back is enough",
    "replay": "Live equals backtest",
    "repeats": "Same bars, same answer",
    "fills": "Fills a market would give",
    "counts": "As many signals as expected",
}


def figure_words(check: Check) -> str:
    """Return what was compared, in one line."""
    f = {name: f"{value:,.10g}" for name, value in check.figures.items()}
    told = {
        "prefixes": "{cuts} cuts, {bars} bars looked at",
        "warm_up": "{ends} bars",
        "replay": "{bars} bars one by one, {scans} scans, {signals} signals",
        "repeats": "{bars} bars twice",
        "fills": "{trades} trades of {plans} signals",
        "counts": "{signals} signals in {days} days: {per_100_days} in 100",
    }[check.name].format(**f)
    return told if check.name == "counts" else f"{told}; {check.compared:,} values compared"


def difference_lines(check: Check) -> list[str]:
    """Return the first difference: what and when, then both sides; nothing where there is none."""
    found = check.difference
    if found is None:
        return []
    when = "" if found.at is None else f", {found.at:%Y-%m-%d %H:%M} UTC"
    field = f", {found.field}" if found.field else ""
    left, right = check.sides
    return [f"{found.what}{field}{when}", f"{left}: {found.left}", f"{right}: {found.right}"]
