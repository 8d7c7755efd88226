"""How a collection of an exchange's bars, and a retraining on them, read in the chat."""

from aiogram.utils.formatting import Bold, Code, as_list

from bot.keyboards import RerunCb, button, rows
from bot.layout import View, fit
from bot.texts import en
from flows.retraining_text import (
    collection_headline,
    collection_lines,
    retraining_headline,
    retraining_lines,
)
from pipeline.domain.exchange import CollectionResult, RetrainingResult


def collection(result: CollectionResult) -> View:
    """Return the card of a collection."""
    lines = [Bold(collection_headline(result)), *collection_lines(result), Code(result.run_id)]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=result.run_id))]
    return fit(as_list(*lines), rows(again))


def retraining(result: RetrainingResult) -> View:
    """Return the card of a retraining."""
    lines = [Bold(retraining_headline(result)), *retraining_lines(result), Code(result.run_id)]
    again = [button(en.BUTTON_RERUN, RerunCb(run_id=result.run_id))]
    return fit(as_list(*lines), rows(again))
