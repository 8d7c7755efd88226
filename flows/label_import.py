"""A person's own labels into `labeled_trades`: read, match to signals, keep all or none."""

import hashlib
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

from flows.services import Services
from flows.trail import write_trail
from pipeline.domain.errors import AppError, BadRequestError
from pipeline.domain.label import BACKTEST, MARKS, Label, natural_key
from pipeline.domain.live import LiveSignal
from pipeline.domain.request import Actor
from pipeline.domain.training import TrainingData
from pipeline.ml.marks import DEFAULT_HOLD, PLACE, Mark, Place, bad_cell, parse_marks
from storage.model_ports import LabelChanges

MAX_BYTES = 4_000_000
Known = dict[str, Label]
"""Natural key -> what a backtest says of the signal."""


class LabelReceipt(BaseModel):
    """What an import of labels did. `featured`: rows that a model can learn from."""

    model_config = ConfigDict(frozen=True)

    name: str
    rows: int
    positives: int
    added: int
    updated: int
    featured: int
    total: int


async def import_labels(name: str, data: bytes, actor: Actor, services: Services) -> LabelReceipt:
    """Keep the marks of a CSV file; the file itself, with its comments, goes to the archive.

    Raises
    ------
    BadRequestError
        The file is refused with row, column, value and fix; nothing of it is kept.
    """
    shown = PurePosixPath(name.replace("\\", "/")).name[:200] or "labels.csv"
    what = {"file": shown, "bytes": len(data)}
    now = services.clock()
    try:
        labels = await _labels(parse_marks(_text(data), now), services)
        await _archive(shown, data, services)
        changes = await services.labels.put(labels, now)
    except AppError as error:
        await write_trail(services, actor, "import_labels", what, refusal=error)
        raise
    receipt = await _receipt(shown, labels, changes, services)
    await write_trail(services, actor, "import_labels", what | receipt.model_dump(mode="json"))
    return receipt


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise BadRequestError(
            f"A file of labels has at most {MAX_BYTES / 1e6:.0f} MB: please cut it.", field="file"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequestError(
            "The file is no text in UTF-8: please save it as CSV (UTF-8).", field="file"
        ) from error


async def _labels(marks: list[Mark], services: Services) -> list[Label]:
    """Return the rows, each signal once."""
    known = await _backtested(marks, services)
    lines: dict[str, int] = {}
    labels = []
    for mark in marks:
        label = await _label(mark, known, services)
        if label.signal_id in lines:
            fix = f"row {lines[label.signal_id]} is about the same signal: keep one of them"
            value = mark.signal_id or label.signal_id
            raise bad_cell(mark.line, "signal_id", value, fix)
        lines[label.signal_id] = mark.line
        labels.append(label)
    return labels


async def _label(mark: Mark, known: Known, services: Services) -> Label:
    if mark.place is None:
        record = await services.signals.get(mark.signal_id)
        if record is None:
            fix = f"there is no such live signal; of others give {', '.join(PLACE)}"
            raise bad_cell(mark.line, "signal_id", mark.signal_id, fix)
        return _of_live(mark, record)
    return await _of_place(mark, mark.place, known, services)


def _of_live(mark: Mark, record: LiveSignal) -> Label:
    s = record.signal
    resolved = mark.resolved_at or (record.life.as_of if record.life.state.ended else None)
    if resolved is not None and resolved <= s.known_at:
        fix = f"it must be after the signal's close, {s.known_at:%Y-%m-%dT%H:%MZ}"
        raise bad_cell(mark.line, "resolved_at", f"{resolved:%Y-%m-%dT%H:%MZ}", fix)
    return Label(
        source=MARKS, signal_id=natural_key(s.setup_id, s.symbol, s.tf, s.known_at, s.side),
        setup_id=s.setup_id, rule_version=s.rule_version, symbol=s.symbol, tf=s.tf,
        side=s.side.value, known_at=s.known_at, resolved_at=resolved or s.known_at + DEFAULT_HOLD,
        label=mark.label, rr=mark.rr, exit_reason="", decision=record.decision.decision.value,
        human=mark.human or record.human, confidence=s.confidence, features=record.features,
        feature_version=record.feature_version,
    )  # fmt: skip


async def _of_place(mark: Mark, place: Place, known: Known, services: Services) -> Label:
    symbol, version = await _checked(mark.line, place, services)
    key = natural_key(place.setup_id, symbol, place.tf, place.known_at, place.side)
    twin = known.get(key)
    return Label(
        source=MARKS, signal_id=key, setup_id=place.setup_id,
        rule_version=twin.rule_version if twin else version, symbol=symbol, tf=place.tf,
        side=place.side.value, known_at=place.known_at,
        resolved_at=mark.resolved_at or place.known_at + DEFAULT_HOLD,
        label=mark.label, rr=mark.rr, exit_reason="", human=mark.human,
        confidence=twin.confidence if twin else 0.0,
        features=twin.features if twin else None,
        feature_version=twin.feature_version if twin else None,
    )  # fmt: skip


async def _checked(line: int, place: Place, services: Services) -> tuple[str, str]:
    """Return the symbol's own name and the setup's version."""
    column, value = "setup_id", place.setup_id
    try:
        spec = await services.setups.get(place.setup_id)
        column, value = "symbol", place.symbol
        instrument = await services.instruments.get(place.symbol)
    except AppError as error:
        raise bad_cell(line, column, value, error.user_text.rstrip(".")) from error
    return instrument.symbol, spec.rule_version


async def _backtested(marks: list[Mark], services: Services) -> Known:
    """Return what backtests say of the signals that marks give by their place."""
    places = [mark.place for mark in marks if mark.place is not None]
    if not places:
        return {}
    days = [place.known_at.date() for place in places]
    wanted = TrainingData(
        setups=tuple({place.setup_id for place in places}), start=min(days), end=max(days)
    )
    rows = await services.labels.select(wanted)
    return {row.signal_id: row for row in rows if row.source == BACKTEST}


async def _archive(name: str, data: bytes, services: Services) -> None:
    digest = hashlib.sha256(data).hexdigest()
    await services.archive.put(
        f"raw/labels_{digest[:16]}.csv", data, run_id="", role="labels", media_type="text/csv",
        meta={"name": name},
    )  # fmt: skip


async def _receipt(
    name: str, labels: list[Label], changes: LabelChanges, services: Services
) -> LabelReceipt:
    counts = await services.labels.count()
    return LabelReceipt(
        name=name, rows=len(labels), positives=sum(row.label == 1 for row in labels),
        added=changes.added, updated=changes.updated,
        featured=sum(row.features is not None for row in labels), total=sum(counts.values()),
    )  # fmt: skip
