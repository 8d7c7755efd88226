"""How a comparison of two runs reads in the chat."""

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en_compare
from flows.comparison_text import (
    figure_words,
    lone_lines,
    setting_words,
    trade_counts,
    verdict_words,
)
from pipeline.domain.comparison import Comparison, RunFacts

Lines = list[Text | str]
_MOST_LONE = 15  # of each run


def comparison(found: Comparison) -> View:
    """Return two runs side by side: what differs, figures, trades of one only."""
    lines: Lines = [Bold(en_compare.TITLE), _run("A", found.one), _run("B", found.two)]
    lines += ["", verdict_words(found), "", Bold(en_compare.DIFFERS)]
    lines += [setting_words(pair) for pair in found.settings] or [en_compare.NOTHING_DIFFERS]
    lines += ["", Bold(en_compare.FIGURES), *map(figure_words, found.figures)]
    if found.shared_start is not None:
        words = en_compare.PAIRED.format(start=found.shared_start, end=found.shared_end)
        lines.append(words)
    lines += ["", Bold(en_compare.TRADES), *trade_counts(found)]
    lone = [
        *lone_lines("A", found.only_one, _MOST_LONE),
        *lone_lines("B", found.only_two, _MOST_LONE),
    ]
    if lone:
        lines += ["", Bold(en_compare.LONE), ExpandableBlockQuote(as_list(*lone))]
    return fit(as_list(*lines))


def _run(name: str, facts: RunFacts) -> Text:
    version = facts.rule_version.removeprefix("v")
    synthetic = ", SYNTHETIC" if facts.synthetic else ""
    return Text(
        Bold(name), " ", Code(facts.run_id), f" {facts.setup_id} v{version}, {facts.symbol} "
        f"{facts.timeframe}, {facts.start} – {facts.end}{synthetic}",
    )  # fmt: skip


def caption(found: Comparison) -> View:
    """Return the caption of the picture."""
    words = en_compare.CAPTION.format(one=found.one.run_id, two=found.two.run_id)
    return fit(Text(words), limit=CAPTION_LIMIT)
