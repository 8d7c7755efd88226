"""What the analyst is asked about trades: to translate, then to word what we computed."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from pipeline.analysis.questions import question_of
from pipeline.analysis.rounding import told
from pipeline.analysis.trade_answer import TradeTable
from pipeline.analysis.trade_query import TradeQuestions
from pipeline.domain.analysis import Purpose, Question

TRANSLATE: Final = (
    "Translate the question in the facts into queries over the trades of this one backtest, as "
    "few as answer it, three at most. Use only what the form offers; filters that the question "
    "doesn't name stay empty. `funnel` is for why there are so few trades or none. If the "
    "question is not about these trades, or asks for anything else, give no query and no funnel."
)
WORD: Final = (
    "Answer the question in the facts from the computed tables in them, in at most three short "
    "sentences. Groups marked too_few say nothing; name the number of trades and the interval "
    "where they decide. If the tables don't answer it, say so."
)


class Worded(BaseModel):
    """The answer in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: str


def translation_question(text: str, run: dict[str, Any]) -> Question:
    """Return the question whose answer is `TradeQuestions`."""
    facts = {"question": text, "run": told(run)}
    return question_of(Purpose.QUESTION, TRANSLATE, facts, TradeQuestions, most_tokens=600)


def wording_question(text: str, tables: Sequence[TradeTable], lines: Sequence[str]) -> Question:
    """Return the question whose answer is `Worded`; all its numbers must stand in the tables."""
    facts = {
        "question": text,
        "tables": [told(table) for table in tables],
        "as_shown": list(lines),
    }
    return question_of(Purpose.QUESTION, WORD, facts, Worded, most_tokens=400)
