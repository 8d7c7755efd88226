"""A person's own labels, from the text of a CSV file; one bad cell refuses the whole file."""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Side, Timeframe

__all__ = [
    "COLUMNS",
    "DEFAULT_HOLD",
    "MAX_CELL",
    "MAX_ROWS",
    "Mark",
    "Place",
    "bad_cell",
    "parse_marks",
]

MAX_ROWS = 20_000
MAX_CELL = 300
MAX_R = 1000.0
DEFAULT_HOLD = timedelta(days=1)
"""When a mark that doesn't say is taken to be resolved: later than any intraday trade ends."""

PLACE = ("setup_id", "symbol", "timeframe", "side", "known_at")
COLUMNS = ("signal_id", *PLACE, "label", "rr", "resolved_at", "human", "comment")
_HUMAN: dict[str, Literal["taken", "skipped", ""]] = {
    "taken": "taken",
    "skipped": "skipped",
    "": "",
}


class Place(BaseModel):
    """Which signal is meant, by what makes it the same one."""

    model_config = ConfigDict(frozen=True)

    setup_id: str
    symbol: str
    tf: Timeframe
    side: Side
    known_at: datetime


class Mark(BaseModel):
    """One row: a signal by id or by place, and what its owner says of it.

    `line` is the line of the file, from 1. `rr` is in R; None: not said. `resolved_at` None: not
    said.
    """

    model_config = ConfigDict(frozen=True)

    line: int
    signal_id: str = ""
    place: Place | None = None
    label: int
    rr: float | None = None
    resolved_at: datetime | None = None
    human: Literal["taken", "skipped", ""] = ""


def parse_marks(text: str, now: datetime) -> list[Mark]:
    """Return the marks of a CSV file, in its order.

    Parameters
    ----------
    text
        The first line names the columns of `COLUMNS`, in any order, cut by comma, semicolon or
        tab. Empty lines and those that begin with `#` don't count.
    now
        Nothing is known or resolved later.

    Raises
    ------
    BadRequestError
        With the row, the column, its value and what would have been right.
    """
    lines = _lines(text)
    head = next(lines, None)
    names = _columns([] if head is None else head[1])
    marks: list[Mark] = []
    for number, cells in lines:
        if len(marks) == MAX_ROWS:
            raise BadRequestError(
                f"The file has more than {MAX_ROWS:,} rows: please cut it.", field="file"
            )
        marks.append(_mark(number, _cells(number, names, cells), now))
    if not marks:
        raise BadRequestError(
            "The file has no rows below its first line, which names the columns.", field="file"
        )
    return marks


def bad_cell(line: int, column: str, value: str, fix: str) -> BadRequestError:
    """Return the refusal of one cell."""
    shown = value if len(value) <= 40 else f"{value[:40]}…"  # noqa: PLR2004
    return BadRequestError(f"Row {line}, {column} '{shown}': {fix}.", field=column, value=shown)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    plain = text.removeprefix("\ufeff")
    lines = [(n, line) for n, line in enumerate(plain.splitlines(), start=1) if _counts(line)]
    cut = max(",;\t", key=lines[0][1].count) if lines else ","
    for number, line in lines:
        try:
            yield number, [cell.strip() for cell in next(csv.reader([line], delimiter=cut))]
        except csv.Error as error:
            raise bad_cell(number, "row", line, f"it can't be read ({error})") from error


def _counts(line: str) -> bool:
    return bool(line.strip(" \t,;")) and not line.lstrip().startswith("#")


def _columns(names: list[str]) -> list[str]:
    found = [name.lower() for name in names]
    for name in found:
        if name not in COLUMNS:
            near = get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"columns are {', '.join(COLUMNS)}."
            raise BadRequestError(f"Unknown column '{name[:40]}': {hint}", field="columns")
        if found.count(name) > 1:
            raise BadRequestError(f"Column {name} is there twice.", field="columns")
    if "label" not in found:
        raise BadRequestError("There is no column label (1: target first, 0: not).", field="label")
    absent = [name for name in PLACE if name not in found]
    if "signal_id" not in found and absent:
        raise BadRequestError(
            f"Say which signals are meant: there is neither a column signal_id nor {absent[0]} "
            f"(all of {', '.join(PLACE)}).",
            field=absent[0],
        )
    return found


def _cells(line: int, names: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(names):
        raise BadRequestError(
            f"Row {line} has {len(cells)} cells, not {len(names)} as the first line: is there a "
            "comma too many?",
            field="row", value=str(len(cells)),
        )  # fmt: skip
    for name, cell in zip(names, cells, strict=True):
        if len(cell) > MAX_CELL:
            raise bad_cell(line, name, cell, f"at most {MAX_CELL} characters, please")
    return dict.fromkeys(COLUMNS, "") | dict(zip(names, cells, strict=True))


def _mark(line: int, cells: dict[str, str], now: datetime) -> Mark:
    if cells["label"] not in ("0", "1"):
        raise bad_cell(line, "label", cells["label"], "say 1 (target first) or 0 (not)")
    human = cells["human"].lower()
    if human not in _HUMAN:
        raise bad_cell(line, "human", human, "say taken, skipped or nothing")
    place = None if cells["signal_id"] else _place(line, cells, now)
    resolved = _moment(line, "resolved_at", cells, now) if cells["resolved_at"] else None
    if resolved is not None and place is not None and resolved <= place.known_at:
        raise bad_cell(line, "resolved_at", cells["resolved_at"], "it must be after known_at")
    return Mark(
        line=line, signal_id=cells["signal_id"], place=place, label=int(cells["label"]),
        rr=_rr(line, cells["rr"]), resolved_at=resolved, human=_HUMAN[human],
    )  # fmt: skip


def _place(line: int, cells: dict[str, str], now: datetime) -> Place:
    for name in PLACE:
        if not cells[name]:
            raise bad_cell(line, name, "", f"without a signal_id all of {', '.join(PLACE)} count")
    tf, side = cells["timeframe"].upper(), cells["side"].lower()
    if tf not in Timeframe.__members__:
        raise bad_cell(line, "timeframe", tf, f"use one of {', '.join(Timeframe)}")
    if side not in tuple(Side):
        raise bad_cell(line, "side", side, "say long or short")
    known_at = _moment(line, "known_at", cells, now)
    if known_at.second or known_at.microsecond:
        raise bad_cell(line, "known_at", cells["known_at"], "bars close at whole minutes")
    return Place(
        setup_id=cells["setup_id"], symbol=cells["symbol"], tf=Timeframe(tf), side=Side(side),
        known_at=known_at,
    )  # fmt: skip


def _moment(line: int, name: str, cells: dict[str, str], now: datetime) -> datetime:
    value = cells[name]
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fix = "write it with its offset, such as 2025-10-31T09:15Z (UTC) or 2025-10-31T10:15+01:00"
        raise bad_cell(line, name, value, fix)
    if not datetime(1970, 1, 1, tzinfo=UTC) <= moment <= now:
        raise bad_cell(line, name, value, "it must lie in the past, after 1970")
    return moment.astimezone(UTC)


def _rr(line: int, value: str) -> float | None:
    if not value:
        return None
    try:
        rr = float(value)
    except ValueError:
        rr = math.nan
    if not abs(rr) <= MAX_R:
        raise bad_cell(line, "rr", value, f"a number of R, at most {MAX_R:,.0f}, with a point")
    return rr
