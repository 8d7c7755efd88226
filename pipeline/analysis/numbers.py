"""Every number in an answer is held against the facts; a sentence with another one is left out.

A number counts as known if a fact, rounded as the number is written, is that number: 2.1 is known
by 2.0963, 61 % by 0.61. Days, clock times and names with digits in them must be in the facts as
they are.

Warnings
--------
It knows numbers, not meanings: "win rate 2.1" passes where 2.1 is the expectancy. It catches what
is made up, not what is mixed up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.analysis.known_numbers import Known
from pipeline.analysis.number_days import days_known, without_days
from pipeline.analysis.number_words import (
    BASELINE,
    COMPOUND,
    FRACTIONS,
    LISTED,
    STRUCTURAL,
    WORD,
    WORDS,
    compound,
)

_SPACES: Final = "\u00a0\u202f\u2009 "
_TOKEN: Final = re.compile(
    rf"(?P<sign>(?<![\w.,)%])[-−+–])?(?P<digits>\d{{1,3}}(?:[{_SPACES}]\d{{3}})+(?:[.,]\d+)?(?!\d)"
    rf"|\d{{1,3}}(?:['’]\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:[.,]\d+)*|[.,]\d+)"
    r"(?P<unit>(?:st|nd|rd|th)\b|[kкmм]\b)?",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"\s*(?:%|percent|per cent|pct|процент|п\.\s?п)", re.IGNORECASE)
_TO: Final = re.compile(r"\s*(?:[-–—…,]|to|and|or|до|и|или|bis|und|à|a|y)\s*", re.IGNORECASE)
_NAME: Final = re.compile(r"(?<!\w)[^\W\d_][\w&/+-]*\d[\w+-]*", re.UNICODE)
_SENTENCE: Final = re.compile(r"(?<=[.!?…;。])\s+(?=[\"'«“(]?[^\W\d_a-zа-яё])|\n+")
_RATIO: Final = re.compile(r"(?<![\d:])1\s?:\s?(?=\d)|(?<=\d)\s?:\s?1(?![\d:])")
_GROUPS: Final = re.compile(r"\d{1,3}(?: \d{3})+")
_SCALES: Final = {"k": 1e3, "к": 1e3, "m": 1e6, "м": 1e6}
_NEAR: Final = 0.2  # of a fact: 0.61 is not "1", nor 0.4 "0"
_ROUGH: Final = 0.02
_SLACK: Final = 1e-9


@dataclass(frozen=True)
class _Written:
    """A number as it is written: what it may mean, and the half of its last digit."""

    readings: tuple[tuple[float, float], ...]
    sign: str
    percent: bool


def checked(text: str, known: Known) -> tuple[str, tuple[str, ...]]:
    """Return the text without the sentences that have an unknown number, and those sentences."""
    kept: list[str] = []
    dropped: list[str] = []
    for sentence in (part.strip() for part in _SENTENCE.split(text)):
        if sentence:
            (dropped if unknown(sentence, known) else kept).append(sentence)
    return " ".join(kept), tuple(dropped)


def unknown(sentence: str, known: Known) -> tuple[str, ...]:
    """Return the numbers of a sentence that are in no fact, as they are written."""
    found = []
    rest = sentence
    for aside in (LISTED, STRUCTURAL, BASELINE):
        rest = aside.sub(" ", rest)
    found += days_known(rest, known)
    rest = _RATIO.sub(" ", without_days(rest))
    found += [name for name in _NAME.findall(rest) if name.lower() not in known.names]
    rest = _NAME.sub(" ", rest)
    found += _words(rest, known)
    found += [words for words, number in _written(rest) if not _is_known(number, known)]
    return tuple(found)


def _words(text: str, known: Known) -> Iterator[str]:
    for pattern, share in FRACTIONS:
        for match in pattern.finditer(text):
            if not any(
                abs(abs(v) - share) <= _ROUGH or abs(abs(v) - 100 * share) <= 100 * _ROUGH
                for v in known.values
            ):
                yield match.group()
        text = pattern.sub(" ", text)
    for match in COMPOUND.finditer(text):
        if not _whole(compound(match), known):
            yield match.group()
    for match in WORD.finditer(COMPOUND.sub(" ", text)):
        if not _whole(WORDS[match.group().lower()], known):
            yield match.group()


def _whole(value: int, known: Known) -> bool:
    return any(abs(abs(fact) - value) <= _SLACK * value for fact in known.values)


def _written(text: str) -> Iterator[tuple[str, _Written]]:
    tokens = list(_TOKEN.finditer(text))
    percent = False
    out = []
    for i in range(len(tokens) - 1, -1, -1):  # "52–70 %": the first one is a percentage too
        token = tokens[i]
        after = text[token.end() : tokens[i + 1].start() if i + 1 < len(tokens) else None]
        percent = bool(_PERCENT.match(after)) or (percent and bool(_TO.fullmatch(after)))
        sign = (token["sign"] or "").replace("−", "-").replace("–", "-")
        unit = (token["unit"] or "").lower()
        out.append(
            (token.group().strip(), _Written(_readings(token["digits"], unit), sign, percent))
        )
    yield from reversed(out)


def _readings(digits: str, unit: str) -> tuple[tuple[float, float], ...]:
    """Return all that digits may mean in one country or another, each with its half unit."""
    bare = digits.translate(dict.fromkeys(map(ord, _SPACES + "'’")))
    found = [_read(bare, ".", ","), _read(bare, ",", ".")]
    read = [each for each in dict.fromkeys(found) if each is not None]
    scale = _SCALES.get(unit)
    return tuple(read) + tuple((v * scale, h * scale) for v, h in read if scale)


def _read(digits: str, point: str, thousands: str) -> tuple[float, float] | None:
    whole, _, part = digits.partition(point)
    if point in part or thousands in part:
        return None
    groups = whole.split(thousands)
    if len(groups) > 1 and not _GROUPS.fullmatch(" ".join(groups)):
        return None
    number = float(f"{''.join(groups) or '0'}.{part or '0'}")
    return number, 0.5 * 10.0 ** -len(part)


def _is_known(number: _Written, known: Known) -> bool:
    """Tell whether any reading is a fact; a sign that is written must be the fact's."""
    for value, half in number.readings:
        for fact in known.values:
            if (number.sign == "-" and fact > 0) or (number.sign == "+" and fact < 0):
                continue
            if _near(value, half, abs(fact) * (100 if number.percent else 1)):
                return True
        if number.percent and any(_near(value, half, abs(p)) for p in known.percents):
            return True
    return False


def _near(value: float, half: float, fact: float) -> bool:
    off = abs(value - fact)
    return off <= half * (1 + _SLACK) + _SLACK * fact and off <= _NEAR * fact + _SLACK * fact
