"""What people type about live watching: on, off, status, replay; parsed to requests."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn

from pipeline.command_words import Draft, KnownWords
from pipeline.commands import read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.replay import AS_FAST_AS_CAN_BE, FASTEST, SLOWEST, ReplayRequest

REPLAY = "/live replay"
_SPEED = re.compile(r"(?:x(\d{1,9})|(\d{1,9})x)", re.IGNORECASE)
_SPEEDS = ("x1", "x60", "x600", f"x{FASTEST}", "max")


@dataclass
class _Read:
    """The words of a replay by what they are, as far as they were read."""

    symbols: list[str] = field(default_factory=list)
    setups: list[str] = field(default_factory=list)
    timeframes: list[Timeframe] = field(default_factory=list)
    period: tuple[date, date] | None = None
    speed: int | None = None
    min_confidence: float | None = None


def is_replay(text: str) -> bool:
    """Tell whether a text is `/live replay …`."""
    return words_in(text)[:1] == ["replay"] and text.lstrip().lower().startswith("/live")


def parse_replay(text: str, known: KnownWords, today: date) -> ReplayRequest:
    """Return the replay that `text` asks for, words in any order.

    Parameters
    ----------
    text
        `/live replay GER40 2025-03-10 x60`, maybe with setups, timeframes and `confidence=0.3`.
        Several symbols may be named; without a speed it is x60.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    words = words_in(text)
    if words[:1] != ["replay"]:
        raise BadRequestError(
            "What should be replayed? For example /live replay GER40 2025-03-10 x60.",
            field="text", value=" ".join(words)[:80] or None,
        )  # fmt: skip
    found = _Read()
    for word in words[1:]:
        try:
            _read(word, found, known, today)
        except BadRequestError as error:
            nearest = error.closest[0] if error.closest else ""
            put_right = [(nearest if w == word else w) for w in words[1:]]
            error.corrected = " ".join([REPLAY, *put_right]) if nearest else ""
            raise
    return _complete(found, words[1:], known, today)


def _read(word: str, found: _Read, known: KnownWords, today: date) -> None:
    """Put one word where it belongs, or refuse it."""
    name, pair, value = word.lstrip("-").partition("=")
    if pair:
        _option(name.lower(), value, word, found)
    elif (speed := _speed(word)) is not None:
        _set_speed(speed, word, found)
    else:
        alone = Draft()
        if not read_word(word, alone, today, known):
            refuse_word(word, _before(found), known)
        found.symbols += [alone.symbol] if alone.symbol else []
        found.setups += [alone.setup.setup_id] if alone.setup else []
        found.timeframes += [alone.timeframe] if alone.timeframe else []
        found.period = alone.period or found.period


def _before(found: _Read) -> Draft:
    """Return what was read before a word, which tells what it was meant to be."""
    return Draft(symbol=found.symbols[0] if found.symbols else None)


def _option(name: str, value: str, word: str, found: _Read) -> None:
    if name == "speed":
        _set_speed(_speed(value if value == "max" else f"x{value.lstrip('xX')}"), word, found)
    elif name in ("confidence", "min_confidence"):
        found.min_confidence = _share(value, word)
    else:
        raise BadRequestError(
            f"Unknown option {name!r}: a replay takes confidence= and a speed like x60.",
            field=name, value=value, closest=("confidence=0.3",),
        )  # fmt: skip


def _speed(word: str) -> int | None:
    """Return the speed that a word names, or None if it names none."""
    if word.lower() in ("max", "xmax"):
        return AS_FAST_AS_CAN_BE
    read = _SPEED.fullmatch(word.replace("×", "x"))
    return int(read[1] or read[2]) if read else None


def _set_speed(speed: int | None, word: str, found: _Read) -> None:
    allowed = speed is not None and (speed == AS_FAST_AS_CAN_BE or SLOWEST <= speed <= FASTEST)
    if not allowed or (speed == AS_FAST_AS_CAN_BE and "max" not in word.lower()):
        near = sorted(_SPEEDS[:-1], key=lambda s: abs(int(s[1:]) - (speed or 0)))
        raise BadRequestError(
            f"Speed {word!r}: it goes from x{SLOWEST} to x{FASTEST}, or max.",
            field="speed", value=word, closest=(near[0], "max"),
        )  # fmt: skip
    found.speed = speed


def _share(value: str, word: str) -> float:
    try:
        share = float(value.replace(",", "."))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadRequestError(
            f"{word}: a confidence lies between 0 and 1.",
            field="confidence", value=word, closest=("confidence=0.3", "confidence=0.5"),
        )  # fmt: skip
    return share


def _complete(found: _Read, words: list[str], known: KnownWords, today: date) -> ReplayRequest:
    """Ask for what is missing, one thing at a time."""
    if not found.symbols:
        _missing("symbol", "Which symbol?", tuple(known.held) or known.symbols, words)
    if found.period is None:
        days = _days(found.symbols[0], known, today)
        _missing("period", "Which day? For example 2025-03-10.", days, words)
    return ReplayRequest(
        symbols=tuple(dict.fromkeys(found.symbols)),
        start=found.period[0],
        end=found.period[1],
        speed=60 if found.speed is None else found.speed,
        setups=tuple(dict.fromkeys(found.setups)),
        timeframes=tuple(dict.fromkeys(found.timeframes)),
        min_confidence=found.min_confidence,
    )


def _missing(name: str, question: str, choices: tuple[str, ...], words: list[str]) -> NoReturn:
    corrected = " ".join([REPLAY, *words, *choices[:1]])
    raise BadRequestError(question, field=name, closest=choices, corrected=corrected)


def _days(symbol: str, known: KnownWords, today: date) -> tuple[str, ...]:
    """Return the newest held weekdays of a symbol, or of anything, newest first."""
    first, last = known.held.get(symbol, (today, today))
    days = [date.fromordinal(n) for n in range(last.toordinal(), first.toordinal() - 1, -1)[:7]]
    return tuple(str(day) for day in days if day.isoweekday() <= 5)[:3]  # noqa: PLR2004 (Friday)
