"""A signal's score in words: what each version said of it, and what moved the champion's."""

from pipeline.domain.live import LiveSignal

NO_MODEL = "No model was deployed: the rules alone decided."
_WIDEST = 10


def score_lines(record: LiveSignal) -> list[str]:
    """Return who scored a signal and what moved the score most, largest first.

    Contributions are in log-odds: the champion's score before the signal's features had their
    say, moved by each of them.
    """
    if not record.scores:
        return [f"{record.model_note[:1].upper()}{record.model_note[1:]}."
                if record.model_note else NO_MODEL]  # fmt: skip
    lines = [_said(record, version, score) for version, score in record.scores.items()]
    if record.contributions:
        lines.append("What moved it most (log-odds):")
    most = max((abs(value) for value in record.contributions.values()), default=0.0)
    return lines + [_bar(record, name, most) for name in record.contributions]


def _said(record: LiveSignal, version: str, score: float) -> str:
    if version == record.model:
        return f"Model {version}: {score:.2f}"
    return f"Challenger {version}: {score:.2f}, which decided nothing"


def _bar(record: LiveSignal, name: str, most: float) -> str:
    added = record.contributions[name]
    width = max(round(_WIDEST * abs(added) / most), 1) if most else 1
    value = (record.features or {}).get(name)
    shown = "unknown" if value is None else f"{value:.4g}"
    sign, arrow = ("+", "▲") if added > 0 else ("−", "▼")
    return f"{arrow} {'▇' * width} {sign}{abs(added):.2f} {name.replace('_', ' ')} ({shown})"
