"""Reads what a person typed after /profile: a setup and maybe a symbol, or a suggestion to try."""

import re
from datetime import date

from pipeline.command_words import Draft, KnownWords
from pipeline.commands import read_word, refuse_word, words_in
from pipeline.domain.errors import BadRequestError
from pipeline.research.profile import ProfileRequest

_RUN = re.compile(r"run_\d{4}_\d{2}_\d{2}_\d+")


def parse_profile(text: str, known: KnownWords, today: date) -> ProfileRequest:
    """Return the profile that `text` asks for: `SETUP_ID [SYMBOL]`, or `try RUN_ID NUMBER`.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    words = words_in(text)
    if words and words[0].lower() == "try":
        return _parse_try(words[1:])
    draft = Draft()
    try:
        for word in words:
            if not read_word(word, draft, today, known):
                refuse_word(word, draft, known)
    except BadRequestError as error:
        error.corrected = error.corrected.replace("/backtest", "/profile", 1)
        raise
    if draft.setup is None:
        ids = tuple(setup.setup_id for setup in known.setups)
        raise BadRequestError(
            "Which setup?", field="setup_id", closest=ids,
            corrected=f"/profile {ids[0]}" if ids else "",
        )  # fmt: skip
    _refuse_more(draft)
    return ProfileRequest(setup_id=draft.setup.setup_id, symbol=draft.symbol)


def _refuse_more(draft: Draft) -> None:
    """Refuse words that choose among runs: all of them are looked at."""
    given = (("timeframe", draft.timeframe), ("period", draft.period), ("options", draft.options))
    for field, value in given:
        if value:
            raise BadRequestError(
                f"/profile looks at all kept runs: leave the {field} out.",
                field=field, value=str(value),
            )  # fmt: skip


def _parse_try(words: list[str]) -> ProfileRequest:
    fits = len(words) == 2 and _RUN.fullmatch(words[0]) and words[1].isdigit()  # noqa: PLR2004
    if not fits or not 1 <= int(words[1]) <= 99:  # noqa: PLR2004
        raise BadRequestError(
            "Which suggestion? Name the profile's run and the suggestion's number: "
            "/profile try run_2025_10_31_001 1.",
            field="suggestion", value=" ".join(words)[:80],
        )  # fmt: skip
    return ProfileRequest(setup_id="", of_run=words[0], suggestion=int(words[1]))
