"""How /models and /ab read in the chat."""

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot import keyboards_models
from bot.layout import View, fit
from bot.texts import en_train as en
from flows.ab import AbReport, figure_lines
from flows.model_list import ModelLines, VersionLine
from pipeline.domain.model import ModelStanding
from pipeline.render.model_words import NONE, figure

Lines = list[Text | str]


def models(shelves: list[ModelLines]) -> View:
    """Return all models with their versions, newest first."""
    if not shelves:
        return fit(Text(en.NO_MODELS))
    lines: Lines = []
    for shelf in shelves:
        lines += [*([""] if lines else []), *_shelf(shelf)]
    return fit(as_list(*lines), keyboards_models.models(shelves))


def _shelf(shelf: ModelLines) -> Lines:
    standing = shelf.standing
    lines: Lines = [Bold(shelf.model_id), f"In use: {standing.champion or en.RULES_ALONE}"]
    if standing.challenger:
        lines.append(en.ab_line(standing.champion, standing.challenger, on=standing.ab))
    lines += [_version(line) for line in shelf.versions]
    if shelf.more:
        lines.append(f"… and {shelf.more} older")
    return lines


def _version(line: VersionLine) -> Text:
    parts = [
        f"{line.created_at:%Y-%m-%d}",
        *([] if line.problem else [f"AUC {figure(line.auc, '.2f')}", _gate(line.promoted)]),
        *_expiry(line),
        *([line.problem] if line.problem else []),
    ]
    role = f" {en.ROLES[line.role]}," if line.role else ""
    return Text("• ", Bold(line.version), f"{role} {', '.join(parts)}")


def _gate(promoted: bool | None) -> str:  # noqa: FBT001  (a verdict, or none)
    return f"gate {NONE}" if promoted is None else f"gate {'✓' if promoted else '✗'}"


def _expiry(line: VersionLine) -> list[str]:
    if line.expires_at is None:
        return []
    day = f"{line.expires_at:%Y-%m-%d}"
    return [f"expired {day}: not used" if line.expired else f"until {day}"]


def ask(model_id: str, version: str, was: str, objection: str) -> View:
    """Ask whether a version is promoted although the gate objects."""
    body = as_list(objection, "", Bold(en.ask(version)))
    return fit(body, keyboards_models.insist(model_id, version, was))


def changed(words: str, standing: ModelStanding) -> View:
    """Confirm a change, with the way back from what is in use now."""
    keyboard = None
    if standing.champion:
        keyboard = keyboards_models.deployed(
            standing.model_id, standing.champion, standing.previous
        )
    return fit(Text(words), keyboard)


def comparison(reports: list[AbReport]) -> View:
    """Return what is compared live, how both did so far, and how that is changed."""
    lines: Lines = []
    for report in reports:
        s = report.standing
        lines.append(Text(Code(s.model_id), ": ", en.ab_line(s.champion, s.challenger, on=s.ab)))
        lines += figure_lines(report)
    return fit(as_list(*lines, "", en.AB_HOW) if lines else Text(en.AB_NO_MODEL))
