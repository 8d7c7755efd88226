"""Reads what a person typed after /why: a symbol, a moment, day or period, and maybe a setup."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.command_words import KnownWords, closest_words, normalise
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.periods import looks_like_period, parse_period

EXAMPLES = (
    "/why GER40 2025-03-10 10:15 Frank_raid_v1",
    "/why GER40 2025-03-10",
    "/why GER40 2025-03 Frank_raid_v1",
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = "|".join(_MONTHS)
_DAY_FIRST = re.compile(rf"\b(\d{{1,2}})\.?\s+({_NAMES})[a-z]*\.?,?\s+(\d{{4}})\b", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"\b({_NAMES})[a-z]*\.?\s+(\d{{1,2}}),?\s+(\d{{4}})\b", re.IGNORECASE)
_MONTH = re.compile(rf"\b({_NAMES})[a-z]*\.?\s+(\d{{4}})\b", re.IGNORECASE)
_SLASHES = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
_JOINED = re.compile(r"\b(\d{4}-\d{1,2}-\d{1,2})[T_](?=\d{1,2}[:h])", re.IGNORECASE)
_COMPACT = re.compile(r"(?<!\S)(20\d{2})(\d{2})(\d{2})(?!\S)")
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:h]([0-5]\d)(?::[0-5]\d)?(z|utc)?", re.IGNORECASE)
_MONTHS_OF_YEAR = 12


@dataclass(frozen=True)
class WhyRequest:
    """What is asked. `moment` is None for a whole day or a period of [first, last] days."""

    symbol: str
    first: date
    last: date
    moment: datetime | None = None
    setup_id: str | None = None
    timeframe: Timeframe | None = None

    @property
    def is_period(self) -> bool:
        """Whether more than one day is asked about."""
        return self.first != self.last


def parse_why(text: str, known: KnownWords, zone: str, now: datetime) -> WhyRequest:
    """Return what `text` asks, words in any order.

    Parameters
    ----------
    text
        With or without the command in front. A time without a `Z` is the reader's.
    known
        The valid words.
    zone
        The reader's time zone.
    now
        What `today` means, and a time without a day.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    plain = re.sub(r"^/\w+(@\w+)?", "", normalise(text)).strip()
    here = now.astimezone(ZoneInfo(zone)).date()
    found = _Read()
    for word in _dates_spelled(plain).split():
        _read(word, found, known, here)
    if found.symbol is None:
        _missing("symbol", "Which symbol?", tuple(known.held) or known.symbols[:3])
    if found.days is None and found.clock is None:
        _missing("period", "When? A moment, a day or a period.", ())
    first, last = found.days or (here, here)
    if found.clock is not None and first != last:
        raise BadRequestError(
            f"A time of day belongs to one day, not to {first} – {last}.",
            field="period", value=f"{first}..{last}", closest=(f"{first} {found.clock:%H:%M}",),
        )  # fmt: skip
    moment = None
    if found.clock is not None:
        at = UTC if found.utc else ZoneInfo(zone)
        moment = datetime.combine(first, found.clock, at).astimezone(UTC)
    return WhyRequest(found.symbol or "", first, last, moment, found.setup_id, found.timeframe)


@dataclass
class _Read:
    symbol: str | None = None
    setup_id: str | None = None
    timeframe: Timeframe | None = None
    days: tuple[date, date] | None = None
    clock: time | None = None
    utc: bool = False


def _read(word: str, found: _Read, known: KnownWords, here: date) -> None:
    if clock := _CLOCK.fullmatch(word):
        found.clock = time(int(clock[1]), int(clock[2]))
        found.utc = found.utc or bool(clock[3])
    elif word.lower() in ("z", "utc"):
        found.utc = True
    elif (setup := known.setup(word)) is not None:
        found.setup_id = setup.setup_id
    elif (symbol := known.symbol(word)) is not None:
        found.symbol = symbol
    elif word.upper() in Timeframe.__members__:
        found.timeframe = Timeframe(word.upper())
    elif looks_like_period(word):
        found.days = _days(word, here)
    else:
        _unknown(word, found, known)


def _days(word: str, here: date) -> tuple[date, date]:
    try:
        return parse_period(word, here)
    except ValueError as error:
        raise BadRequestError(
            f"Day or period {word!r}: {error}.", field="period", value=word,
            closest=("2025-03-10", "2025-03", "last 30d"),
        ) from None  # fmt: skip


def _unknown(word: str, found: _Read, known: KnownWords) -> None:
    setups = tuple(s.setup_id for s in known.setups)
    near_setups = closest_words(word, setups)
    near_symbols = closest_words(word, (*known.symbols, *known.aliases))
    if near_symbols and found.symbol is None and not near_setups:
        field, closest = "symbol", tuple(known.symbol(s) or s for s in near_symbols)
    else:
        field, closest = "setup_id", near_setups or setups
    hint = f": did you mean {closest[0]}?" if closest else "."
    raise BadRequestError(
        f"{word!r} is no symbol, setup, day or time I know{hint}",
        field=field, value=word, closest=closest,
    )  # fmt: skip


def _missing(field: str, question: str, closest: tuple[str, ...]) -> None:
    raise BadRequestError(f"{question} For example: {EXAMPLES[0]}", field=field, closest=closest)


def _dates_spelled(text: str) -> str:
    """Return the text with every spelling of a day as YYYY-MM-DD."""
    plain = _JOINED.sub(r"\1 ", text)
    plain = _DAY_FIRST.sub(lambda m: _iso(m[3], m[2], m[1]), plain)
    plain = _MONTH_FIRST.sub(lambda m: _iso(m[3], m[1], m[2]), plain)
    plain = _MONTH.sub(lambda m: f"{m[2]}-{_MONTHS.index(m[1][:3].lower()) + 1:02d}", plain)
    plain = _COMPACT.sub(r"\1-\2-\3", plain)
    plain = _SLASHES.sub(_slashes, plain)
    plain = re.sub(r"\s*(?:\.{2,}|\bto\b)\s*(?=\d)", "..", plain)
    return re.sub(r"\blast\s+(\d+)\s*([a-z]*)", r"last\1\2", plain, flags=re.IGNORECASE)


def _iso(year: str, month: str, day: str) -> str:
    return f"{year}-{_MONTHS.index(month[:3].lower()) + 1:02d}-{int(day):02d}"


def _slashes(found: re.Match[str]) -> str:
    """Return a day written with slashes; one that could be two days is refused."""
    one, two, year = int(found[1]), int(found[2]), found[3]
    if one <= _MONTHS_OF_YEAR and two <= _MONTHS_OF_YEAR and one != two:
        raise BadRequestError(
            f"{found[0]!r} may be two days: write the one you mean.", field="period",
            value=found[0], closest=(f"{year}-{two:02d}-{one:02d}", f"{year}-{one:02d}-{two:02d}"),
        )  # fmt: skip
    day, month = (one, two) if two <= _MONTHS_OF_YEAR else (two, one)
    return f"{year}-{month:02d}-{day:02d}"


def setup_day(moment: datetime, zone: str) -> date:
    """Return the trading day of a moment in a setup's zone: that of the bar just closed."""
    return (moment - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
