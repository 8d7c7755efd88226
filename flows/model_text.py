"""What a model card says in words: lines for the chat, a page to keep."""

import base64
import html
from collections.abc import Sequence

from flows.train_text import condition_lines
from pipeline.domain.model import Drift, ModelCard, ModelManifest, ScoreShare, Slice, Window
from pipeline.render.model_words import NONE, figure, metric_lines, share_of, window_words

_ALL = 10**9
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:44em;margin:1em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em .2em 0;text-align:left}"
    "img{max-width:100%;height:auto;margin:.5em 0}"
)


NAMED = 8
"""How many setups, symbols or drifting features are named in the chat at most."""


def verdict_title(card: ModelCard) -> str:
    """Return whether the gate lets the model in, in a few words."""
    if card.verdict is None:
        return "Not judged by the gate"
    return "The gate says yes" if card.verdict.promoted else "The gate says no"


def data_lines(card: ModelCard, most: int = NAMED) -> list[str]:
    """Return what the model learnt from and what it was judged on; `most` names of each kind."""
    m = card.manifest
    return [
        f"Learnt from {_window(m.training)}",
        f"Judged on {_window(m.holdout)}",
        f"Setups: {_names(m.setups, most)}",
        f"Symbols: {_names(m.symbols, most)}",
    ]


def passing_lines(card: ModelCard) -> list[str]:
    """Return what passing the gate's score would have meant on rows it has not seen."""
    found = card.passing
    if found is None:
        return []
    lines = [_share(found, card.manifest.holdout.rows)]
    if found.passed:
        lines.append(_promise(found))
    elif card.manifest.holdout.rows:
        lines.append("With this model in use hardly any signal would be approved.")
    if card.break_even is not None:
        lines.append(f"Break-even score {card.break_even:.2f}: below it a signal earns nothing.")
    return lines


def drift_lines(card: ModelCard, most: int = NAMED) -> list[str]:
    """Return which features have moved more than chance explains since a training."""
    if not card.drift:
        return []
    moved = sorted((d for d in card.drift if d.psi > d.limit), key=lambda d: -d.psi)
    if not moved:
        return ["No feature has moved more than chance explains."]
    more = [f"… and {len(moved) - most} more"] if len(moved) > most else []
    return ["Moved since training:", *map(_moved, moved[:most]), *more]


def card_page(card: ModelCard, pictures: Sequence[bytes] = ()) -> bytes:
    """Return the card as one HTML page (UTF-8) that loads nothing; pictures are PNGs in it."""
    m = card.manifest
    title = f"{m.model_id} {m.version}"
    drift = drift_lines(card, _ALL) or ["No earlier training to compare with."]
    parts = [
        _tag("h1", title), _tag("p", card.sentence), _list(data_lines(card, _ALL)),
        _tag("h2", "Figures on signals it has not seen"), _table(metric_lines(m.metrics)),
        _tag("h2", verdict_title(card)), _list(condition_lines(card)),
        _tag("h2", f"Passing {m.threshold:g}"), _list(passing_lines(card)),
        *(_picture(png) for png in pictures),
        _tag("h2", "Contributions, mean size in log-odds"),
        _table([(name, f"{size:.4f}") for name, size in card.contributions]),
        _tag("h2", "By setup and symbol"), _table(_slices(card)),
        _tag("h2", "Drift"), _list(drift),
        _tag("h2", "How it was made"), _table(_making(m)), _list(card.notes),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    body = f"<head>{head}</head><body>{''.join(parts)}</body>"
    return f'<!doctype html><html lang="en">{body}</html>\n'.encode()


def _making(m: ModelManifest) -> list[tuple[str, str]]:
    return [
        ("Created", f"{m.created_at:%Y-%m-%d %H:%M} UTC"),
        ("Run", m.run_id or NONE),
        ("Not used after", f"{m.expiry_days} days"),
        ("Features", f"{len(m.features)}, version {m.feature_version}"),
        ("Data", m.data_fingerprint),
        ("Trees (SHA-256)", m.sha256 or NONE),
        *((name, f"{value}") for name, value in m.hyperparams.model_dump().items()),
    ]


def _names(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most]) or NONE}{more}"


def _window(window: Window) -> str:
    share = share_of(window.positives, window.rows)
    return f"{window.rows:,} signals, {window_words(window)}: {share} reached the target"


def _share(found: ScoreShare, rows: int) -> str:
    start = f"{found.passed:,} of {rows:,} signals"
    return f"{start} ({found.share:.1%}) would have passed a score of {found.threshold:g}."


def _promise(found: ScoreShare) -> str:
    promised = NONE if found.promised is None else f"{found.promised:.0%}"
    line = f"Promised {promised} at the target, achieved {figure(found.achieved, '.0%')}"
    if found.expectancy_r is None or found.expectancy_all_r is None:
        return f"{line}."
    each, every = (_r(r) for r in (found.expectancy_r, found.expectancy_all_r))
    return f"{line}; {each} R each, all signals {every} R."


def _r(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def _moved(drift: Drift) -> str:
    return f"{drift.feature}: PSI {drift.psi:.2f}, chance reaches {drift.limit:.2f}"


def _slices(card: ModelCard) -> list[tuple[str, str]]:
    return [
        (s.name, f"{s.rows:,} signals, {share_of(s.positives, s.rows)} reached, {_judged(s)}")
        for s in (*card.by_setup, *card.by_symbol)
    ]


def _judged(part: Slice) -> str:
    score = NONE if part.mean_score is None else f"{part.mean_score:.0%}"
    auc = NONE if part.roc_auc is None else f"{part.roc_auc:.3f}"
    return f"mean score {score}, AUC {auc}"


def _tag(name: str, words: str) -> str:
    return f"<{name}>{html.escape(words)}</{name}>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(_tag('li', line) for line in lines)}</ul>" if lines else ""


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = (f"<tr>{_tag('th', name)}{_tag('td', words)}</tr>" for name, words in rows)
    return f"<table>{''.join(lines)}</table>"


def _picture(png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="" src="data:image/png;base64,{data}">'
