"""Which words of a setup file can be varied, and under which short names they are found."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from pipeline.detectors import get
from pipeline.domain.errors import BadRequestError
from pipeline.setups.conditions import ConfluenceRule
from pipeline.setups.model import EntryRule, Limits, Match, SetupSpec, StopRule
from pipeline.setups.reading import Marked, Path

Kind = Literal["value", "use", "variant"]
USE = "use"
RR = "rr"
_ABSENT = object()
_OF_ENTRY = ("expiry_bars", "expiry_at")
_OF_STOP = ("buffer_atr", "buffer_spreads", "min_atr")
_OF_STEP = ("min_bars", "max_bars", "take")
_OF_MATCH = ("side", "latest")
_OF_TARGET = ("tp", "share", "min_r")
_OF_VOID = ("spread_over_median", "bars")
_OF_CONFLUENCE = ("required", "min", "max", "max_bars")
_OF_NEWS = ("minutes_before", "minutes_after")
_AT_TOP = ("sl", "break_even_after_first")


@dataclass(frozen=True)
class Word:
    """One thing that can be varied.

    Parameters
    ----------
    path
        Where it stands in the file, e.g. `tools.gaps.min_gap_atr`, `steps.2.max_bars`; `use` for
        the named variants together, `use.limit_entry` for one of them.
    names
        What it may be called: the path, and every end of it, with a step by its name.
    given
        What the file says, None where it leaves the default.
    depth
        How late it matters: 0 tools and variants, 1 + n step n, 100 orders. Variants that differ
        late share what was computed early.
    """

    path: str
    names: tuple[str, ...]
    given: Any
    depth: int
    kind: Kind = "value"

    @property
    def written(self) -> bool:
        """Whether the file names it."""
        return self.given is not None


def words_of(marked: Marked, spec: SetupSpec) -> tuple[Word, ...]:
    """Return everything of a setup that can be varied, in the order of the file."""
    found = [*_tool_words(spec), *_step_words(spec), *_order_words(spec)]
    words = [_word(path, marked.document, spec) for path in found]
    variants = [
        Word(f"{USE}.{name}", (name, f"{USE}.{name}"), name in spec.use, 0, "variant")
        for name in spec.variants
    ]
    return (*words, *variants, Word(USE, (USE,), "+".join(spec.use) or "none", 0, "use"))


def find_word(asked: str, words: Sequence[Word]) -> Word:
    """Return the word that a person means; of several that fit, the one the file writes.

    Raises
    ------
    BadRequestError
        None or several fit; `closest` has the names that would be right.
    """
    key = asked.lower()
    exact = [w for w in words if w.path == key]
    fit = exact or [w for w in words if key in w.names]
    written = [w for w in fit if w.written]
    if len(fit) == 1 or len(written) == 1:
        return (fit if len(fit) == 1 else written)[0]
    if fit:
        closest = tuple(short_name(w, words) for w in fit)
        text = f"Parameter {asked!r} can be {', '.join(closest)}. Which one?"
        raise BadRequestError(text, field="parameter", value=asked, closest=closest)
    if key.endswith("weight"):
        raise BadRequestError(
            f"Parameter {asked!r}: weights make the confidence and change no trade.",
            field="parameter", value=asked,
        )  # fmt: skip
    closest = _closest(key, words)
    meant = f": did you mean {', '.join(closest)}?" if closest else "."
    raise BadRequestError(
        f"This setup has no parameter {asked!r}{meant}",
        field="parameter", value=asked, closest=closest,
    )  # fmt: skip


def short_name(word: Word, words: Sequence[Word]) -> str:
    """Return the shortest name by which `find_word` finds this word."""
    for name in sorted(word.names, key=lambda name: (name == word.path, len(name))):
        fit = [w for w in words if name in w.names]
        written = [w for w in fit if w.written]
        if fit == [word] or written == [word]:
            return name
    return word.path


def _closest(key: str, words: Sequence[Word]) -> tuple[str, ...]:
    """Return the names nearest to a mistyped one, words that the file writes first."""
    names = {short_name(w, words): None for w in sorted(words, key=lambda w: not w.written)}
    parts = key.replace("_", ".").split(".")
    begun = [n for n in names if n.startswith(key)]
    alike = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
    within = [n for n in names if any(len(p) > 2 and p in n for p in parts)]  # noqa: PLR2004
    return tuple(dict.fromkeys([*begun, *alike, *within] or list(names)))[:3]


def _tool_words(spec: SetupSpec) -> Iterator[Path]:
    for name, tool in spec.tools.items():
        for word in get(tool.detector).parameters.model_fields:
            yield ("tools", name, word)
        yield ("tools", name, "timeframe")


def _step_words(spec: SetupSpec) -> Iterator[Path]:
    for i, step in enumerate(spec.steps):
        at: Path = ("steps", i)
        yield from ((*at, word) for word in (_OF_STEP if i else ("take",)))
        if step.window is not None:
            yield from ((*at, "window", word) for word in ("start", "end"))
        yield from ((*at, "limits", j, w) for j in range(len(step.limits)) for w in ("min", "max"))
        if step.any:
            for j, match in enumerate(step.any):
                yield from _match_words((*at, "any", j), match)
        else:
            yield from _match_words(at, step)


def _match_words(at: Path, match: Match) -> Iterator[Path]:
    yield from ((*at, word) for word in _OF_MATCH)
    if match.born is not None:
        yield (*at, "born", "bars")


def _order_words(spec: SetupSpec) -> Iterator[Path]:
    limit = spec.entry.type == "limit"
    yield from (("entry", word) for word in EntryRule.model_fields if limit and word in _OF_ENTRY)
    yield from (("stop", word) for word in StopRule.model_fields if word in _OF_STOP)
    yield from (("targets", i, w) for i in range(len(spec.targets)) for w in _OF_TARGET)
    yield from ((word,) for word in _AT_TOP)
    for i, void in enumerate(spec.voids):
        if void.spread_over_median is not None:
            yield from (("voids", i, word) for word in _OF_VOID)
    yield from (("limits", word) for word in Limits.model_fields)
    for i, rule in enumerate(spec.confluences):
        yield from (("confluences", i, word) for word in _OF_CONFLUENCE if _is_asked(rule, word))
        if rule.news_free is not None:
            yield from (("confluences", i, "news_free", word) for word in _OF_NEWS)


def _is_asked(rule: ConfluenceRule, word: str) -> bool:
    return word == "required" or getattr(rule, word) is not None


def _word(path: Path, document: Any, spec: SetupSpec) -> Word:
    shown = ".".join(str(p) for p in path)
    named = list(path)
    depth = {"tools": 0, "steps": 1}.get(str(path[0]), 100)
    if path[0] == "steps":
        named[1] = spec.steps[int(path[1])].name
        depth += int(path[1])
    ends = [".".join(str(p) for p in named[i:]) for i in range(len(named))]
    names = {shown, *(end for end in ends if not end[0].isdigit())}
    if path == ("targets", 0, "tp"):
        names.add(RR)
    return Word(shown, tuple(sorted(names)), _given(document, path), depth)


def _given(document: Any, path: Path) -> Any:
    for part in path:
        if isinstance(document, BaseModel | str | int | float | None):
            return None
        found = document.get(part, _ABSENT) if isinstance(document, dict) else document[int(part)]
        if found is _ABSENT:
            return None
        document = found
    return document
