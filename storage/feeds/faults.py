"""Where a table is wrong: the slow second look that names the line."""

import math
import re
from collections.abc import Iterator

from pipeline.domain.errors import BadBarsError
from storage.feeds.dialects import PRICE_WORDS, Dialect, date_style, split, stamp_text

_DIGITS = str.maketrans("123456789", "000000000")
_PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def first_fault(name: str, text: str, dialect: Dialect, hint: str) -> BadBarsError:
    """Return the error of the first faulty line.

    Parameters
    ----------
    hint
        What the fast reader said; used if no line is found to be wrong. Empty hint and no
        faulty line: the returned error's `user_text` is empty.
    """
    sound: set[str] = set()  # lines that differ in their digits alone are right or wrong alike
    for number, line in _lines(text, dialect):
        shape = line.translate(_DIGITS)
        if shape in sound:
            continue
        if reason := _fault(line, dialect):
            return BadBarsError(f"{name}, line {number}: {reason}", line=number)
        if "e" not in line.lower():  # an exponent's size matters
            sound.add(shape)
    return BadBarsError(f"{name}: not readable as a table ({hint})" if hint else "")


def line_of_row(text: str, dialect: Dialect, row: int) -> int:
    """Return the line (from 1) of the n-th bar (from 0)."""
    for i, (number, _) in enumerate(_lines(text, dialect)):
        if i == row:
            return number
    return 0


def _lines(text: str, dialect: Dialect) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if number > dialect.skip and line.strip():
            yield number, line


def _fault(line: str, dialect: Dialect) -> str:
    """Return what is wrong with a line, empty if nothing is."""
    try:
        cells = split(line, dialect.delimiter)
    except Exception:  # noqa: BLE001 (csv.Error and whatever else a line can provoke)
        return "not readable"
    if len(cells) != dialect.width:
        cut = ", the line is cut short" if len(cells) < dialect.width else ""
        return f"{len(cells)} fields, {dialect.width} expected{cut}"
    if date_style(stamp_text(cells, dialect.columns)) is None:
        return f"{stamp_text(cells, dialect.columns)!r} is no date and time"
    wanted = (*PRICE_WORDS, "volume", "volume2", "spread", "ask_close")
    for word in wanted:
        if word in dialect.columns:
            cell = cells[dialect.columns[word]]
            absent = word in ("volume", "volume2", "spread") and cell.lower() in ("", "nan")
            if not absent and not _is_number(cell, dialect):
                return f"{word} {cell!r} is no number" + _mark_hint(cell, dialect)
    return ""


def _is_number(cell: str, dialect: Dialect) -> bool:
    if dialect.thousands:
        whole, _, _ = cell.partition(dialect.decimal)
        groups = whole.lstrip("+-").split(dialect.thousands)
        if len(groups) > 1 and any(len(g) != 3 for g in groups[1:]):  # noqa: PLR2004
            return False
        cell = cell.replace(dialect.thousands, "")
    elif dialect.decimal == "," and "." in cell:
        return False
    plain = cell.replace(",", ".") if dialect.decimal == "," else cell
    return bool(_PLAIN.fullmatch(plain)) and math.isfinite(float(plain))


def _mark_hint(cell: str, dialect: Dialect) -> str:
    other = "," if dialect.decimal == "." else "."
    return f" (decimals are written with {dialect.decimal!r} above)" if other in cell else ""
