"""How the QA card of a result reads in the chat."""

from aiogram.utils.formatting import Bold, Text

from bot.texts import en_qa
from pipeline.domain.qa import QaCard, Verdict


def line(card: QaCard | None) -> list[Text | str]:
    """Return the card in one line, bold if a check failed; nothing without a card."""
    if card is None:
        return []
    looks, fails = (
        [check.title for check in card.checks if check.verdict is verdict]
        for verdict in (Verdict.LOOK, Verdict.FAIL)
    )
    told = en_qa.summary(card.count(Verdict.PASSED), looks, fails)
    return [Bold(told)] if fails else [told]


def details(card: QaCard | None) -> list[Text | str]:
    """Return one line for each check: mark, title, figure, sentence."""
    if card is None:
        return []
    lines = [
        f"{en_qa.MARKS[check.verdict.value]} {check.title} ({check.figure}): {check.sentence}"
        for check in card.checks
    ]
    return [en_qa.TITLE, *lines]
