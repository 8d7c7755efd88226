"""What the analyst is asked of a symbol now: the facts of its picture, and what is armed."""

from collections.abc import Sequence
from typing import Any, Final

from pipeline.analysis.questions import question_of
from pipeline.analysis.rounding import told
from pipeline.domain.analysis import Opinion, Purpose, Question
from pipeline.domain.analyze import SetupNow, SignalNow, SymbolFacts

INSTRUCTIONS: Final = (
    "Say what you see on a market at the close of its newest bar. The picture shows its bars, "
    "today's sessions, levels and zones; the facts say the same in numbers. `bias` is the side "
    "the facts favour, neutral where they don't. `quality` is how clear the picture is: 1 "
    "unclear, 5 very clear. `reasons`: two facts for the bias; `risks`: two against it. "
    "`invalidation`: the level whose break would end it. `watch`: the nearest trigger of an "
    "active setup, or the level that decides next. If the bars are stale, say so first."
)


def symbol_question(
    what: dict[str, Any],
    facts: SymbolFacts,
    setups: Sequence[SetupNow],
    signals: Sequence[SignalNow],
    *,
    picture: bytes | None = None,
) -> Question:
    """Return the question; the same bars and setups give the same one.

    Parameters
    ----------
    what
        Symbol, timeframe, digits, how old the newest bar is: whatever names the moment.
    """
    known = {
        **told(what),
        "market": told(facts),
        "setups": [told(each) for each in setups],
        "open_signals": [told(each) for each in signals],
    }
    return question_of(Purpose.SYMBOL, INSTRUCTIONS, known, Opinion, image=picture)
