"""Symbols, setups and timeframes as people call them, in English and Russian."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.command_words import KnownSetup, KnownWords
from pipeline.plain_words.sentence import Sentence
from pipeline.plain_words.vocabulary import LENGTHS, PLAIN_SHORT, STEMS, SYMBOLS, any_of, whole

_SYMBOLS = tuple((symbol, whole(any_of(lines))) for symbol, lines in SYMBOLS)
_LENGTHS = tuple(
    (word, whole(rf"(?:on\s+(?:the\s+)?|на\s+)?(?:{words})")) for word, words in LENGTHS
)
_TIMEFRAME = re.compile(
    r"(?<![\w.])(?:on\s+(?:the\s+)?|на\s+)?"
    r"(?:(?P<u>[mhdмчд])(?P<n>\d{1,3})|(?P<n2>\d{1,3})[\s-]?(?P<u2>minutes?|mins?|m|hours?|h|"
    r"минут\w*|мин|час\w*|ч|м))(?:[\s-]?(?:chart|bars?|timeframe|tf|тф|график\w*|свеч\w*))?(?![\w])"
)
_UNITS = {"m": "M", "м": "M", "h": "H", "ч": "H", "d": "D", "д": "D"}

_EMPTY = {"and", "the", "of", "a", "v"}
_SHORTEST = 4


@dataclass(frozen=True)
class Titled:
    """A setup under its id and its title."""

    setup: KnownSetup
    title: str

    def stems(self) -> frozenset[str]:
        """Return the stems of the words that name it."""
        words = re.findall(
            r"[^\W\d_]+", f"{self.setup.setup_id.replace('_', ' ')} {self.title}".lower()
        )
        return frozenset(_stem(word) for word in words) - _EMPTY


def take_symbols(sentence: Sentence, known: KnownWords) -> list[str]:
    """Take and return the symbols that are named, in order of naming, each once."""
    found: dict[str, int] = {}
    for word, span in sentence.words():
        symbol = known.symbol(word)
        if symbol and (
            len(word) >= _SHORTEST or word in PLAIN_SHORT or sentence.written(span).isupper()
        ):
            found.setdefault(symbol, span[0])
            sentence.note("symbol", span, symbol)
    for symbol, pattern in _SYMBOLS:
        while symbol in known.symbols and (match := pattern.search(sentence.plain)):
            found.setdefault(symbol, match.start())
            sentence.note("symbol", match.span(), symbol)
    return sorted(found, key=lambda symbol: found[symbol])


def take_timeframe(sentence: Sentence) -> str | None:
    """Take and return a bar length as a word of commands; it may be one that nothing knows."""
    for word, pattern in _LENGTHS:
        if sentence.take(pattern, "timeframe", _as(word)) is not None:
            return word
    return sentence.take(_TIMEFRAME, "timeframe", _length)


def _as(word: str) -> Callable[[re.Match[str]], tuple[str, str]]:
    return lambda _: (word, word)


def _length(found: re.Match[str]) -> tuple[str, str]:
    unit = (found["u"] or found["u2"])[0]
    word = f"{_UNITS[unit]}{found['n'] or found['n2']}"
    return word, word


def take_setups(
    sentence: Sentence, known: KnownWords, titles: Mapping[str, str]
) -> tuple[list[KnownSetup], list[KnownSetup]]:
    """Take the setups that are named.

    Returns
    -------
    tuple
        Those that are meant, and those among which it can't be told (then the first is empty).
    """
    exact = _take_exact(sentence, known)
    if exact:
        return exact, []
    every = [Titled(setup, titles.get(setup.setup_id, "")) for setup in known.setups]
    said = [(_stem(word), span) for word, span in sentence.words()]
    hits = {one: {stem for stem, _ in said} & one.stems() for one in every}
    own = [one for one, found in hits.items() if any(_only(stem, one, every) for stem in found)]
    most = max((len(found) for found in hits.values()), default=0)
    if not most:
        return [], []
    chosen = own or [one for one, found in hits.items() if len(found) == most]
    for one in chosen:
        sure = own or len(chosen) == 1
        _take_stems(sentence, one.stems(), one.setup.setup_id if sure else f"one of {len(chosen)}")
    setups = [one.setup for one in chosen]
    return (setups, []) if own or len(setups) == 1 else ([], setups)


def _take_exact(sentence: Sentence, known: KnownWords) -> list[KnownSetup]:
    found: list[KnownSetup] = []
    for match in re.finditer(r"[^\s,;]+", sentence.plain):
        setup = known.setup(match.group())
        if setup is not None:
            sentence.note("setup", match.span(), setup.setup_id)
            found += [setup] if setup not in found else []
    return found


def _only(stem: str, one: Titled, every: list[Titled]) -> bool:
    """Tell whether a stem names this setup and no other."""
    return [other for other in every if stem in other.stems()] == [one]


def _take_stems(sentence: Sentence, stems: frozenset[str], meaning: str) -> None:
    spans = [span for word, span in sentence.words() if _stem(word) in stems]
    for span in spans:
        sentence.note("setup", span, meaning)


def _stem(word: str) -> str:
    for beginning, stem in STEMS.items():
        if word == beginning or (len(beginning) >= _SHORTEST - 1 and word.startswith(beginning)):
            return stem
    return word[:-1] if len(word) > _SHORTEST and word.endswith("s") else word
