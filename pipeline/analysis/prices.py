"""What a question may cost at most before it is asked, and what it did cost."""

import json
import math
import re
from typing import Final

from pipeline.domain.analysis import Question, Usage

_BYTES_PER_TOKEN: Final = 2.5  # English has about 4, Cyrillic about 4 of its 2-byte letters
_IMAGE_TOKENS: Final = 300  # a picture of low detail: 70 to 85 at OpenAI's models of today
_THINKING_TOKENS: Final = 1500
_MILLION: Final = 1_000_000.0
_THINKS: Final = re.compile(r"^(gpt-[5-9]|o\d)")
MOST_OUTPUT: Final = 8000
"""More tokens than this are never asked for."""


def thinks(model: str) -> bool:
    """Whether a model writes tokens that nobody sees before its answer; they count as written."""
    return bool(_THINKS.match(model))


def output_limit(model: str, most_tokens: int) -> int:
    """Return how many tokens may be written: the answer's, and room to think where it does."""
    return min(most_tokens + (_THINKING_TOKENS if thinks(model) else 0), MOST_OUTPUT)


def most_cost(question: Question, prices: tuple[float, float]) -> float:
    """Return what a question can cost at the most (US dollars), from its length alone."""
    told = question.instructions + question.facts + json.dumps(question.json_schema)
    tokens = math.ceil(len(told.encode()) / _BYTES_PER_TOKEN)
    tokens += _IMAGE_TOKENS if question.image else 0
    return cost_of(Usage(input_tokens=tokens, output_tokens=question.most_tokens), prices)


def cost_of(usage: Usage, prices: tuple[float, float]) -> float:
    """Return what tokens cost (US dollars); `prices` are those of a million, read and written."""
    read, written = prices
    return (usage.input_tokens * read + usage.output_tokens * written) / _MILLION
