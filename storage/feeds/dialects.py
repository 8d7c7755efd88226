"""How a table of bars is written: delimiter, decimal mark, columns, dates; found by looking."""

import csv
import re
from dataclasses import dataclass, field

from pipeline.domain.errors import BadBarsError

_WORDS: dict[str, tuple[str, ...]] = {
    "date": ("date", "dtyyyymmdd", "datum", "day"),
    "time": ("time", "timestamp", "datetime", "date time", "open time", "opentime", "gmt time",
             "local time", "utc", "utc time", "time utc", "zeit", "uhrzeit", "date/time"),
    "open": ("open", "o", "bid open", "eröffnung", "1. open"),
    "high": ("high", "h", "bid high", "hoch", "2. high"),
    "low": ("low", "l", "bid low", "tief", "3. low"),
    "close": ("close", "c", "bid close", "last", "schluss", "4. close"),
    "volume": ("tickvol", "tick volume", "volume", "vol", "v", "volumen", "5. volume"),
    "volume2": ("vol", "real volume", "realvol"),
    "spread": ("spread",),
    "ask_close": ("ask close", "askclose"),
    "symbol": ("symbol", "ticker", "instrument"),
}  # fmt: skip
PRICE_WORDS = ("open", "high", "low", "close")
_DELIMITERS = "\t;|,"
_SAMPLE = 200
_OFFSET = re.compile(r"\s*(?:(?:GMT|UTC)\s*)?(Z|[+-]\d{2}:?\d{2})$|\s+(GMT|UTC)$")
_CLOCKS = (
    (r"\d{1,2}:\d{2}", "%H:%M"),
    (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
    (r"\d{1,2}:\d{2}:\d{2}\.\d+", "%H:%M:%S.%f"),
    (r"\d{1,2}:\d{2} ?[AaPp][Mm]", "%I:%M %p"),
    (r"\d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]", "%I:%M:%S %p"),
    (r"\d{6}", "%H%M%S"),
    (r"\d{4}", "%H%M"),
)


@dataclass(frozen=True)
class DateStyle:
    """How the stamps are written.

    `format` is for strptime, or "unix" with `unit` s, ms, us or ns. `order` "?" means day and
    month can't be told apart by the form alone: `format` then holds %A and %B in their places.
    """

    format: str
    unit: str = ""
    has_time: bool = True
    explicit_utc: bool = False

    @property
    def ambiguous(self) -> bool:
        """Whether the numbers must tell which comes first, day or month."""
        return "%A" in self.format

    def ordered(self, *, day_first: bool) -> "DateStyle":
        """Return the style with day and month in their places."""
        first, second = ("%d", "%m") if day_first else ("%m", "%d")
        fixed = self.format.replace("%A", first).replace("%B", second)
        return DateStyle(fixed, self.unit, self.has_time, self.explicit_utc)


@dataclass(frozen=True)
class Dialect:
    """Everything needed to read a table: `columns` maps our words to column numbers."""

    kind: str
    delimiter: str
    decimal: str
    thousands: str
    skip: int
    width: int
    columns: dict[str, int] = field(default_factory=dict)
    style: DateStyle = DateStyle("")


def look(name: str, text: str) -> Dialect:
    """Find out how a table is written.

    Raises
    ------
    BadBarsError
        With the line that can't be understood.
    """
    lines = _first_lines(text)
    if not lines:
        raise BadBarsError(f"{name}: the file is empty")
    start = next((i for i, (_, line) in enumerate(lines[:10]) if _is_start(line)), None)
    if start is None:
        number, line = lines[0]
        raise BadBarsError(
            f"{name}, line {number}: no bars and no header in {line[:60]!r}", line=1
        )
    delimiter = _delimiter([line for _, line in lines[start:]])
    rows = [(n, split(line, delimiter)) for n, line in lines[start:]]
    columns = header_columns(rows[0][1])
    body = rows[1:] if columns else rows
    if not body:
        raise BadBarsError(f"{name}: a header, but no bars")
    number, first = body[0]
    columns = columns or _by_position(first)
    if len(first) <= max(columns.values()):
        raise BadBarsError(
            f"{name}, line {number}: {len(first)} fields, {len(rows[0][1])} expected", line=number
        )
    style = date_style(stamp_text(first, columns))
    if style is None:
        shown = stamp_text(first, columns)
        raise BadBarsError(f"{name}, line {number}: {shown!r} is no date and time", line=number)
    decimal, thousands = _marks(
        [row[columns[w]] for _, row in body for w in PRICE_WORDS if len(row) > columns[w]]
    )
    header = rows[0][1] if body is not rows else []
    return Dialect(
        kind=_kind(name, header, delimiter, style, len(first)),
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        skip=number - 1,
        width=len(first),
        columns=columns,
        style=style,
    )


def split(line: str, delimiter: str) -> list[str]:
    """Return a line's cells, unquoted and stripped."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def stamp_text(row: list[str], columns: dict[str, int]) -> str:
    """Return a row's date and time as one text."""
    cells = [row[columns[w]] for w in ("date", "time") if w in columns and columns[w] < len(row)]
    return " ".join(cells)


def header_columns(cells: list[str]) -> dict[str, int]:
    """Return our words' column numbers for a header row; empty if it is none."""
    names = [re.sub(r"[<>\"']", "", c).strip().lower().replace("_", " ") for c in cells]
    found: dict[str, int] = {}
    for word, synonyms in _WORDS.items():
        where = [names.index(s) for s in synonyms if s in names]
        if where and where[0] not in found.values():
            found[word] = where[0]
    if all(w in found for w in PRICE_WORDS) and ("date" in found or "time" in found):
        return found
    return {}


def date_style(text: str) -> DateStyle | None:
    """Return how one stamp is written, None if it is no date."""
    text = text.strip()
    if re.fullmatch(r"\d{9,10}|\d{13}|\d{16}|\d{19}", text):
        return DateStyle("unix", {13: "ms", 16: "us", 19: "ns"}.get(len(text), "s"))
    explicit = ""
    if found := _OFFSET.search(text):
        literal = re.sub(r"(Z|[+-]\d{2}:?\d{2})$", "%z", found.group(0))
        explicit, text = literal, text[: found.start()]
    day, rest = _day_format(text)
    if not day:
        return None
    if not rest:
        return DateStyle(day + explicit, has_time=False, explicit_utc=bool(explicit))
    joint = re.match(r"[ T,]*", rest)
    between = joint.group(0) if joint else ""
    clock = rest[len(between) :]
    for pattern, form in _CLOCKS:
        if re.fullmatch(pattern, clock):
            form = form if " " in clock else form.replace(" ", "")  # noqa: PLW2901
            return DateStyle(day + between + form + explicit, explicit_utc=bool(explicit))
    return None


def _day_format(text: str) -> tuple[str, str]:
    """Return the format of the date a text begins with, and what follows it."""
    if found := re.match(r"(19|20)\d{2}([./-])\d{1,2}\2\d{1,2}(?!\d)", text):
        sep = found.group(2)
        return f"%Y{sep}%m{sep}%d", text[found.end() :]
    if found := re.match(r"(19|20)\d{6}", text):
        return "%Y%m%d", text[found.end() :]
    if found := re.match(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})(?!\d)", text):
        sep, year = found.groups()
        return f"%A{sep}%B{sep}{'%Y' if len(year) == 4 else '%y'}", text[found.end() :]  # noqa: PLR2004
    if found := re.match(r"\d{1,2}([ -])[A-Za-z]{3}\1\d{4}", text):
        sep = found.group(1)
        return f"%d{sep}%b{sep}%Y", text[found.end() :]
    return "", text


def _first_lines(text: str) -> list[tuple[int, str]]:
    """Return the first non-empty lines with their numbers."""
    head = text[: _SAMPLE * 400].split("\n")[: _SAMPLE + 20]
    return [(i, line) for i, line in enumerate(head, 1) if line.strip()][:_SAMPLE]


def _is_start(line: str) -> bool:
    """Tell whether a line is a header or a bar (titles and "sep=;" lines come before)."""
    for delimiter in _DELIMITERS:
        cells = split(line, delimiter)
        if header_columns(cells) or (len(cells) >= 5 and _by_position(cells)):  # noqa: PLR2004
            return True
    return False


def _delimiter(lines: list[str]) -> str:
    head = lines[0]
    usable = [d for d in _DELIMITERS if header_columns(split(head, d))]
    usable = usable or [d for d in _DELIMITERS if _by_position(split(head, d))]
    return usable[0] if usable else ","


def _by_position(row: list[str]) -> dict[str, int]:
    """Return the columns of a headerless table: date [time] open high low close [volume …]."""
    if len(row) < 5 or date_style(row[0]) is None:  # noqa: PLR2004
        return {}
    clock = any(re.fullmatch(p, row[1]) for p, _ in _CLOCKS[:3])
    at = 2 if clock else 1
    if len(row) < at + 4 or not all(re.search(r"\d", cell) for cell in row[at : at + 4]):
        return {}
    columns = {"date": 0, "time": 1} if clock else {"time": 0}
    columns |= {word: at + i for i, word in enumerate(PRICE_WORDS)}
    rest = dict(zip(("volume", "volume2", "spread"), range(at + 4, len(row)), strict=False))
    return columns | (rest if len(row) - at - 4 in (1, 3) else {})


def _marks(cells: list[str]) -> tuple[str, str]:
    """Return the decimal mark and the thousands mark ("" for none) that prices are written in."""
    text = next((c for c in cells if "," in c and "." in c), "")
    if text:
        decimal = max(",.", key=text.rfind)
        return decimal, "," if decimal == "." else "."
    commas = sum("," in c for c in cells)
    dots = sum("." in c for c in cells)
    return ("," if commas > dots else "."), ""


def _kind(name: str, header: list[str], delimiter: str, style: DateStyle, width: int) -> str:
    lower = [h.lower() for h in header]
    if "<open>" in lower:
        return "MT5 export"
    if header[:1] == ["time"] and {"open", "high", "low", "close"} <= set(header):
        return "TradingView export"
    if not header and delimiter == ";" and style.format == "%Y%m%d %H%M%S":
        return "HistData (ASCII)"
    if not header and style.format.startswith("%Y.%m.%d") and width in (6, 7):
        return "HistData (MetaTrader)" if name.upper().startswith("DAT_MT") else "MetaTrader CSV"
    return "CSV"
