"""The words a request may use, and the request as read so far."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pipeline.domain.market import Timeframe

COMMAND = "/backtest"
_RECENT = timedelta(days=30)  # bars this fresh make "last 90d" a sensible period
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("“”„«»″", '"'))
_QUOTES = str.maketrans(dict.fromkeys("‘’‚′`\"'", ""))

_SPELLED = {
    "1M": Timeframe.M1,
    "5M": Timeframe.M5,
    "15M": Timeframe.M15,
    "1H": Timeframe.H1,
    "60M": Timeframe.H1,
    "M60": Timeframe.H1,
    "4H": Timeframe.H4,
    "1D": Timeframe.D1,
    **{t.value: t for t in Timeframe},
}


@dataclass(frozen=True)
class KnownSetup:
    """What the reader needs of a setup."""

    setup_id: str
    timeframe: Timeframe
    timeframes: tuple[Timeframe, ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class KnownWords:
    """What can be asked for: the setups, each symbol under all its names, the days held of it."""

    setups: tuple[KnownSetup, ...]
    symbols: tuple[str, ...]
    aliases: dict[str, str] = field(default_factory=dict)
    held: dict[str, tuple[date, date]] = field(default_factory=dict)

    def periods(self, symbol: str | None, today: date) -> tuple[str, ...]:
        """Return periods to offer: of what is held of the symbol (or of the first held one)."""
        span = self.held.get(symbol or next(iter(self.held), ""))
        if span is None or span[1] >= today - _RECENT:
            return ("last 90d", "last 30d", "last 365d")
        first, last = span
        starts = {max(first, last - timedelta(days=days)) for days in (91, 30)}
        return (*(f"{start}..{last}" for start in sorted(starts)), f"{first}..{last}")

    def symbol(self, word: str) -> str | None:
        """Return the symbol a word names (any case, with or without a slash), or None."""
        key = word.upper().replace("/", "")
        return key if key in self.symbols else self.aliases.get(key)

    def setup(self, word: str) -> KnownSetup | None:
        """Return the setup a word names; case and lost underscores don't matter."""
        key = squeeze(word)
        return next((s for s in self.setups if squeeze(s.setup_id) == key), None)


def squeeze(word: str) -> str:
    """Return a word with case, dashes and underscores taken out."""
    return word.replace("_", "").replace("-", "").lower()


def timeframe_of(word: str) -> Timeframe | None:
    """Return the timeframe that a word spells ("m5", "5m", "H1"), or None."""
    return _SPELLED.get(word.upper())


def normalise(text: str) -> str:
    """Undo what phones do: long dashes, curly quotes, the ellipsis, odd spaces."""
    plain = text.translate(_DASHES).replace("…", "..").translate(_QUOTES)
    return " ".join(plain.split())


@dataclass
class Draft:
    """The request as read so far, with the words as typed for the corrected command."""

    setup: KnownSetup | None = None
    symbol: str | None = None
    timeframe: Timeframe | None = None
    period: tuple[date, date] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def command(self, **instead: str) -> str:
        """The command with some fields replaced, in the order people expect."""
        words = {**self.words, **instead}
        order = ("setup_id", "symbol", "timeframe", "period")
        rest = [w for k, w in words.items() if k not in order]
        return " ".join([COMMAND, *(words[k] for k in order if k in words), *rest])


def closest_words(word: str, valid: Sequence[str], n: int = 3) -> tuple[str, ...]:
    """Valid words nearest to `word`: those it begins or lies in first, then by likeness."""
    by_key = {squeeze(v): v for v in valid}
    key = squeeze(word)
    inside = [v for k, v in by_key.items() if len(key) > 1 and (k.startswith(key) or key in k)]
    alike = [by_key[k] for k in difflib.get_close_matches(key, by_key, n, 0.5)]
    return tuple(dict.fromkeys(inside + alike))[:n]
