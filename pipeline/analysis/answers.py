"""Answers of a model: read strictly, made plain, their numbers held against the facts."""

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.analysis.known_numbers import known_in
from pipeline.analysis.numbers import checked
from pipeline.analysis.plain import plain

M = TypeVar("M", bound=BaseModel)
MOST_TEXT: Final = 20_000
"""Characters of an answer that are looked at; no form of ours needs more."""


def read_answer(text: str, answer: type[M]) -> M | None:
    """Return the answer in its form, or None if it is not in it.

    Notes
    -----
    Servers that don't know forms put the object into a block of code or between words: that is
    looked through. Within the object nothing is forgiven.
    """
    found = _object(text[:MOST_TEXT])
    if found is None:
        return None
    try:
        return answer.model_validate_json(found, strict=False)
    except ValidationError:
        return None


def _object(text: str) -> str | None:
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else None


def held_against(answer: M, facts: str) -> tuple[M | None, tuple[str, ...]]:
    """Return the answer without sentences whose numbers are in no fact, and those sentences.

    All text in it is plain. None: without them it is no longer in its form.
    """
    known = known_in(facts)
    dropped: list[str] = []

    def keep(text: str) -> str:
        kept, gone = checked(plain(text), known)
        dropped.extend(gone)
        return kept

    return _with_texts(answer, keep), tuple(dropped)


def _with_texts(answer: M, change: Callable[[str], str]) -> M | None:
    fixed = _fixed_words(type(answer).model_json_schema())
    told = _changed(json.loads(answer.model_dump_json()), change, fixed)
    try:
        return type(answer).model_validate(told)
    except ValidationError:
        return None


def _changed(value: Any, change: Callable[[str], str], fixed: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _changed(v, change, fixed) for k, v in value.items()}
    if isinstance(value, list):
        return [_changed(v, change, fixed) for v in value]
    if isinstance(value, str) and value not in fixed:
        return change(value)
    return value


def _fixed_words(schema: Any) -> frozenset[str]:
    """Return the words that a form itself prescribes: they are ours, not the model's."""
    found: set[str] = set()
    if isinstance(schema, dict):
        words = [*schema.get("enum", ()), schema.get("const")]
        found.update(word for word in words if isinstance(word, str))
        for inner in schema.values():
            found |= _fixed_words(inner)
    elif isinstance(schema, list):
        for inner in schema:
            found |= _fixed_words(inner)
    return frozenset(found)
