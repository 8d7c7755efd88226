"""Reads what a person typed after /verify: a setup, maybe a symbol, timeframe and period."""

from datetime import date

from pipeline.command_words import Draft, KnownSetup, KnownWords
from pipeline.commands import read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.verify.report import VerifyRequest


def parse_verify(text: str, known: KnownWords, today: date) -> VerifyRequest:
    """Return the verification that `text` asks for, words in any order.

    Without a symbol the first held one is taken that the setup is made for.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    draft = Draft()
    try:
        for word in words_in(text):
            _no_option(word)
            if not read_word(word, draft, today, known):
                refuse_word(word, draft, known)
    except BadRequestError as error:
        error.corrected = error.corrected.replace("/backtest", "/verify", 1)
        raise
    if draft.setup is None:
        ids = tuple(setup.setup_id for setup in known.setups)
        raise BadRequestError(
            "Which setup?", field="setup_id", closest=ids,
            corrected=f"/verify {ids[0]}" if ids else "",
        )  # fmt: skip
    start, end = draft.period or (None, None)
    return VerifyRequest(
        setup_id=draft.setup.setup_id,
        symbol=draft.symbol or _symbol(draft.setup, known),
        timeframe=draft.timeframe,
        start=start,
        end=end,
    )


def _no_option(word: str) -> None:
    if "=" in word:
        raise BadRequestError(
            f"{word!r}: /verify takes a setup, a symbol, a timeframe and a period only.",
            field="option", value=word,
        )  # fmt: skip


def _symbol(setup: KnownSetup, known: KnownWords) -> str:
    made_for = [symbol for symbol in setup.symbols if symbol in known.held]
    return next(iter([*made_for, *known.held, *setup.symbols]))
