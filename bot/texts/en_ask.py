"""What the bot says around questions over a run."""

from typing import Final

from pipeline.analysis.trade_questions import FORMS as _FORMS

BUTTON: Final = "Ask"
USAGE: Final = (
    "Ask about a backtest's trades: its run id and a question, or answer its report with one. "
    "English or Russian."
)
FORMS: Final = f"These always work: {', '.join(_FORMS)}."


def invitation(run_id: str) -> str:
    """Ask for a question."""
    return f"What about {run_id}? Answer this message with your question."
