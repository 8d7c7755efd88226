"""An opinion in lines: what a chat, a command line and an alert show of it."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.domain.analysis import ANALYST, Analysis, Opinion

_TITLES: Final = {
    "reasons": "For", "risks": "Against", "invalidation": "Wrong if", "watch": "Watch",
}  # fmt: skip
ADVICE: Final = "A model's opinion, no fact and no order."


def head_words(opinion: Opinion) -> str:
    """Return bias and quality in a few words."""
    bias = "no side" if opinion.bias == "neutral" else opinion.bias
    return f"{bias}, quality {opinion.quality} of 5"


def opinion_lines(opinion: Opinion) -> list[str]:
    """Return one line for each thing that is left of the opinion."""
    lines = [f"{_TITLES['reasons']}: {each}" for each in opinion.reasons if each]
    lines += [f"{_TITLES['risks']}: {each}" for each in opinion.risks if each]
    rest = (("invalidation", opinion.invalidation), ("watch", opinion.watch))
    return lines + [f"{_TITLES[name]}: {words}" for name, words in rest if words]


def dropped_words(analysis: Analysis) -> str:
    """Say how many sentences were left out; empty: none."""
    count = len(analysis.dropped)
    if not count:
        return ""
    what = "1 sentence was" if count == 1 else f"{count} sentences were"
    return f"{what} left out: with numbers that are in no fact."


def source_words(analysis: Analysis) -> str:
    """Say which model answered and what it cost."""
    cost = "kept from before" if analysis.cached else f"${analysis.cost:.4f}"
    return f"{analysis.model}, {cost}. {ADVICE}"


def alert_words(opinion: Opinion, *, contradicts: bool) -> str:
    """Return an opinion as an alert shows it: its head in a line, then what speaks against."""
    head = f"contradicts ({head_words(opinion)})" if contradicts else head_words(opinion)
    told = [words for words in (*opinion.risks[:1], *opinion.reasons[:1]) if words]
    if opinion.invalidation:
        told.append(f"{_TITLES['invalidation']}: {opinion.invalidation}")
    return "\n".join((head, " ".join(told))).strip()


def kept_lines(extra: Mapping[str, Any]) -> list[str]:
    """Return all of the opinion that a signal's `extra` holds, or what stands in its place."""
    kept, text = extra.get(ANALYST), str(extra.get("text") or "").strip().replace("\n", ". ")
    if not isinstance(kept, Mapping) or not isinstance(kept.get("opinion"), Mapping):
        return [f"Analyst: {text}"] if text else []
    opinion = Opinion.model_validate(kept["opinion"])
    against = "contradicts, " if kept.get("contradicts") else ""
    head = f"Analyst: {against}{head_words(opinion)} ({kept.get('model')}). {ADVICE}"
    return [head, *opinion_lines(opinion)]
