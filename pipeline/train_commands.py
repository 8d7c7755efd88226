"""Reads what a person typed after /train: words and options, or a script's JSON."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from pipeline.command_words import KnownWords, closest_words, timeframe_of
from pipeline.commands import words_in
from pipeline.domain.errors import BadRequestError
from pipeline.domain.training import TrainRequest
from pipeline.periods import looks_like_period, parse_period
from pipeline.train_requests import (
    checked_request,
    known_setup,
    known_symbol,
    parse_train_json,
    request_of,
)

EXAMPLES = ("/train", "/train setup=IB_raid_v1 min_samples=300", "/train trials=30 folds=5")
_QUOTES = str.maketrans(dict.fromkeys("“”„″", '"') | dict.fromkeys("‘’‚′", "'"))
_HYPER = {
    "trials": "search_trials",
    "folds": "cross_validation_folds",
    "trees": "n_estimators",
    "depth": "max_depth",
    "seed": "seed",
}
_NAMES = {
    "setup": "setups", "setups": "setups", "setup_id": "setups", "symbol": "symbols",
    "symbols": "symbols", "tf": "timeframes", "timeframe": "timeframes",
    "timeframes": "timeframes", "from": "start", "start": "start", "to": "end", "end": "end",
    "min_samples": "min_samples", "samples": "min_samples", "trials": "trials", "folds": "folds",
    "trees": "trees", "depth": "depth", "seed": "seed",
}  # fmt: skip
"""Each word before a `=`, and which option it is."""


def parse_train(text: str, known: KnownWords, today: date) -> TrainRequest:
    """Return the training that `text` asks for; without a word, of everything that is labelled.

    Lists take commas: `setup=IB_raid_v1,Frank_raid_v1`. What begins with `{` is the contract's
    JSON.

    Raises
    ------
    BadRequestError
        Naming the field, the value, and what would have been right.
    """
    behind = re.sub(r"^\s*/\w+(@\w+)?", "", text).strip()
    if behind.startswith("{"):
        return parse_train_json(behind.translate(_QUOTES), known)
    draft = _Draft(known, today)
    for word in words_in(text):
        draft.read(word.lstrip("-"))
    return checked_request(draft.request())


class _Draft:
    """The request as read so far."""

    def __init__(self, known: KnownWords, today: date) -> None:
        self._known = known
        self._today = today
        self._said: dict[str, Any] = {}
        self._dry = False

    def read(self, word: str) -> None:
        """Put one word where it belongs."""
        name, sign, value = word.partition("=")
        if sign:
            self._option(name.lower(), value, word)
        elif word.lower() in ("dry_run", "dry", "dryrun"):
            self._dry = True
        elif looks_like_period(word):
            self._say("start", self._period(word)[0])
            self._say("end", self._period(word)[1])
        else:
            self._bare(word)

    def _option(self, name: str, value: str, word: str) -> None:
        kind = _NAMES.get(name)
        if kind is None:
            near = closest_words(name, tuple(_NAMES)) or ("setup", "symbol", "min_samples")
            raise BadRequestError(
                f"/train has no option {name!r}. It takes setup, symbol, tf, from, to, "
                "min_samples, trials, folds, trees, depth and seed.",
                field=name or "option", value=word, closest=near,
                corrected=f"/train {near[0]}={value}",
            )  # fmt: skip
        if kind in ("start", "end"):
            self._say(kind, self._period(value)[kind == "end"])
        elif kind in ("setups", "symbols", "timeframes"):
            read: Callable[[str], Any] = getattr(self, f"_{kind[:-1]}")
            self._say(kind, tuple(dict.fromkeys(read(part) for part in value.split(","))))
        else:
            self._say(kind, _whole(name, value))

    def _bare(self, word: str) -> None:
        """Take a word that says by itself what it is."""
        if self._known.setup(word) is not None:
            self._say("setups", (self._setup(word),))
        elif self._known.symbol(word) is not None:
            self._say("symbols", (self._symbol(word),))
        elif timeframe_of(word) is not None:
            self._say("timeframes", (self._timeframe(word),))
        else:
            ids = tuple(setup.setup_id for setup in self._known.setups)
            near = closest_words(word, (*ids, *self._known.symbols))
            raise BadRequestError(
                f"{word!r} is no setup, symbol, timeframe, period or option of /train.",
                field="text", value=word, closest=near,
                corrected=f"/train {near[0]}" if near else EXAMPLES[0],
            )  # fmt: skip

    def _say(self, name: str, value: Any) -> None:
        if self._said.setdefault(name, value) != value:
            raise BadRequestError(
                f"{name} is said twice. Several setups or symbols go with commas: "
                "setup=IB_raid_v1,Frank_raid_v1.",
                field=name, value=str(value), corrected=EXAMPLES[1],
            )  # fmt: skip

    def _period(self, word: str) -> tuple[date, date]:
        try:
            return parse_period(word, self._today)
        except ValueError as error:
            raise BadRequestError(
                f"The period {word!r} can't be read: {error}.", field="period", value=word,
                closest=("from=2024-01-01 to=2024-12-31",),
                corrected="/train from=2024-01-01 to=2024-12-31",
            ) from error  # fmt: skip

    def _setup(self, word: str) -> str:
        return known_setup(word, self._known)

    def _symbol(self, word: str) -> str:
        return known_symbol(word, self._known)

    def _timeframe(self, word: str) -> Any:
        found = timeframe_of(word)
        if found is None:
            raise BadRequestError(
                f"{word!r} is no timeframe.", field="timeframe", value=word,
                closest=("M1", "M5", "M15"), corrected="/train tf=M5",
            )  # fmt: skip
        return found

    def request(self) -> TrainRequest:
        """Return what was read."""
        said = dict(self._said)
        hyper = {_HYPER[name]: said.pop(name) for name in list(said) if name in _HYPER}
        return request_of({"training_data": said, "hyperparams": hyper, "dry_run": self._dry})


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise BadRequestError(
            f"{name} takes a whole number, not {value!r}.", field=name, value=value,
            closest=("500",), corrected=f"/train {name}={'500' if 'samples' in name else '5'}",
        )  # fmt: skip
    return int(value)
