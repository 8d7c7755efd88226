"""How the report of a training reads in the chat: the verdict first, the rest in order."""

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot import keyboards_models
from bot.layout import View, fit
from bot.texts import en
from bot.texts import en_train as words
from flows import model_text
from flows.train_text import condition_lines, headline, missing_line
from pipeline.domain.model import ModelCard
from pipeline.domain.train_report import TrainReport
from pipeline.render.model_words import metric_lines

Lines = list[Text | str]
SKIPPED = "skipped_insufficient_data"


def training(report: TrainReport) -> View:
    """Return the message that tells of a training, whatever came of it."""
    parts: Lines = [Bold(headline(report)), Text("Run ", Code(report.run_id))]
    if report.card is None:
        parts += _skipped(report)
    else:
        parts = [Bold(report.card.sentence), *parts, "", *_card(report, report.card)]
    return fit(as_list(*parts, *_warnings(report)), _buttons(report))


def _skipped(report: TrainReport) -> Lines:
    lines: Lines = [missing_line(report)] if report.missing_samples else []
    command = str(report.results_summary.get("label_command") or "")
    return [*lines, *([words.TYPE_THIS, Code(command)] if command else [words.NEEDS_BARS])]


def _card(report: TrainReport, card: ModelCard) -> Lines:
    figures = [f"{name} {figure}" for name, figure in metric_lines(card.manifest.metrics)]
    folded = [*condition_lines(card), *card.notes]
    why = f"{words.GATE}: {model_text.verdict_title(card)}"
    quoted: Lines = [ExpandableBlockQuote(as_list(*folded))] if folded else []
    return [
        *model_text.data_lines(card), "", *figures, *comparison(report),
        *_part(words.PASSING, [*model_text.passing_lines(card)]),
        *_part(words.DRIFT, [*model_text.drift_lines(card)]),
        *_part(why, quoted),
    ]  # fmt: skip


def _part(title: str, lines: Lines) -> Lines:
    return ["", Bold(title), *lines] if lines else []


def comparison(report: TrainReport) -> list[str]:
    """Return how the model compares with the one before, or with chance."""
    found = report.comparison_with_previous
    if not found or found.get("improvement") is None:
        return []
    against = found.get("previous_version") or "chance"
    gain = f"{round(float(found['improvement']), 3) + 0.0:+.3f}".replace("-", "−")
    sure = "more than chance" if found.get("significant") else "chance may explain it"
    return [f"AUC against {against} ({float(found['previous_auc']):.3f}): {gain}, {sure}"]


def _warnings(report: TrainReport) -> Lines:
    lines = [f"• {line}" for line in report.warnings]
    return ["", Bold(en.WARNINGS), *lines] if lines else []


def _buttons(report: TrainReport) -> InlineKeyboardMarkup | None:
    if not report.new_version or report.deployment_status == SKIPPED:
        return None
    previous = str(report.results_summary.get("previous") or "")
    if report.deployment_status == "deployed":
        return keyboards_models.deployed(report.model_id, report.new_version, previous)
    return keyboards_models.trained(report.model_id, report.new_version, previous)
