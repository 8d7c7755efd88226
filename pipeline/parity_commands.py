"""Reads what a person typed after /parity: a day or a replay, and maybe a symbol and a setup."""

import re
from datetime import date, timedelta

from pipeline.command_words import Draft, KnownWords
from pipeline.commands import read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.live.certificate import ParityRequest

EXAMPLES = ("/parity yesterday", "/parity 2025-03-10 GER40", "/parity live_2026_01_05_001")
LONGEST = 31
"""Days at a time."""
_RUN = re.compile(r"live_\d{4}_\d{2}_\d{2}_\d{3,}", re.IGNORECASE)


def parse_parity(text: str, known: KnownWords, today: date) -> ParityRequest:
    """Return the comparison that `text` asks for, words in any order; without a day, yesterday.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    draft, origin = Draft(), ""
    try:
        for word in words_in(text):
            if _RUN.fullmatch(word):
                origin = word.lower()
            elif "=" in word or not read_word(word, draft, today, known):
                _refuse(word, draft, known)
    except BadRequestError as error:
        error.corrected = error.corrected.replace("/backtest", "/parity", 1)
        raise
    if draft.timeframe is not None:
        raise BadRequestError(
            "All timeframes that were watched are compared; leave it out.",
            field="timeframe", value=draft.timeframe.value, corrected=EXAMPLES[0],
        )  # fmt: skip
    if origin and draft.period is not None:
        raise BadRequestError(
            "A replay has its own days: name the replay or a day, not both.",
            field="period", value=origin, corrected=f"/parity {origin}",
        )  # fmt: skip
    chosen = {} if draft.symbol is None else {"symbol": draft.symbol}
    chosen |= {} if draft.setup is None else {"setup_id": draft.setup.setup_id}
    if origin:
        return ParityRequest(origin=origin, **chosen)
    first, last = draft.period or (today - timedelta(days=1),) * 2
    return ParityRequest(start=first, end=_checked(first, last, today), **chosen)


def _refuse(word: str, draft: Draft, known: KnownWords) -> None:
    if "=" in word:
        raise BadRequestError(
            f"{word!r}: /parity takes a day or a replay, a symbol and a setup only.",
            field="option", value=word, corrected=EXAMPLES[0],
        )  # fmt: skip
    refuse_word(word, draft, known)


def _checked(first: date, last: date, today: date) -> date:
    if first > today:
        raise BadRequestError(
            f"{first} is still to come.", field="period", value=first.isoformat(),
            closest=("yesterday", "today"), corrected=EXAMPLES[0],
        )  # fmt: skip
    if (last - first).days >= LONGEST:
        raise BadRequestError(
            f"{LONGEST} days at a time, please.", field="period", value=f"{first}..{last}",
            corrected=f"/parity {first}..{first + timedelta(days=LONGEST - 1)}",
        )  # fmt: skip
    return min(last, today)
