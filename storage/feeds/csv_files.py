"""Files of bars as people have them: MT5, TradingView, HistData, any CSV, parquet, packed."""

import io
import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.domain.errors import BadBarsError
from storage.feeds.dialects import PRICE_WORDS, DateStyle, Dialect, look
from storage.feeds.faults import first_fault, line_of_row
from storage.feeds.parquet_files import read_parquet
from storage.feeds.table import FileBars, Table, tidy
from storage.feeds.unpack import FileLimits, decode, unpack

_OPTIONAL = ("volume", "volume2", "spread")
_ABSENT = ["", "NaN", "nan"]
_NUMBERS = (*PRICE_WORDS, "volume", "volume2", "spread", "ask_close")


@dataclass(frozen=True)
class DayOrderUnknown:
    """Day and month can't be told apart in this file; a person must say which comes first."""

    example: str


def read_file(
    name: str, data: bytes, limits: FileLimits | None = None, *, day_first: bool | None = None
) -> FileBars | DayOrderUnknown:
    """Read a file of bars, whatever its dialect.

    Parameters
    ----------
    name
        The file's name, for messages and as a last hint.
    day_first
        The reader's answer to a `DayOrderUnknown`; numbers above 12 in the file overrule it.

    Raises
    ------
    BadBarsError
        With the line and the reason. Nothing is read past the first fault.
    """
    inner, body = unpack(name, data, limits or FileLimits())
    if body.startswith(b"PAR1"):
        return tidy(read_parquet(inner, body, limits or FileLimits()))
    text = decode(inner, body)
    dialect = look(inner, text)
    frame = _cells(inner, text, dialect)
    if dialect.style.ambiguous:
        order = _day_first(inner, frame, dialect)
        order = day_first if order is None else order
        if order is None:
            return DayOrderUnknown(str(frame[_stamp_columns(dialect)[0]].iloc[0]))
        dialect = replace(dialect, style=dialect.style.ordered(day_first=order))
    return tidy(_table(inner, text, frame, dialect))


def _cells(name: str, text: str, dialect: Dialect) -> pd.DataFrame:
    """Read the needed columns, numbers as float64; any fault is found again with its line."""
    words = {number: word for word, number in dialect.columns.items()}
    try:
        frame = pd.read_csv(
            io.BytesIO(text.encode()),
            sep=dialect.delimiter,
            header=None,
            skiprows=dialect.skip,
            usecols=sorted(words),
            dtype={n: "float64" if w in _NUMBERS else "str" for n, w in words.items()},
            decimal=dialect.decimal,
            thousands=dialect.thousands or None,
            keep_default_na=False,
            na_values={n: _ABSENT for n, w in words.items() if w in _OPTIONAL},
            skipinitialspace=True,
            engine="c",
        ).rename(columns=words)
    except (ValueError, OverflowError) as error:  # ParserError is a ValueError
        raise first_fault(name, text, dialect, str(error)) from error
    prices = frame[[*PRICE_WORDS]].to_numpy()
    if not np.isfinite(prices).all() or _ragged(text, dialect) or _mixed(dialect):
        fault = first_fault(name, text, dialect, "")
        if fault.user_text:
            raise fault
    return frame


def _ragged(text: str, dialect: Dialect) -> bool:
    """Tell quickly whether some line may have more or fewer fields than the first."""
    lines = text.count("\n") + (not text.endswith("\n"))
    inside = (lines - dialect.skip) * (dialect.width - 1)
    skipped = "\n".join(text.split("\n", dialect.skip)[: dialect.skip])
    return text.count(dialect.delimiter) - skipped.count(dialect.delimiter) != inside


def _mixed(dialect: Dialect) -> bool:
    """Tell whether the fast reader is too lenient: it ignores where a thousands mark stands."""
    return bool(dialect.thousands)


def _stamp_columns(dialect: Dialect) -> list[str]:
    return [word for word in ("date", "time") if word in dialect.columns]


def _day_first(name: str, frame: pd.DataFrame, dialect: Dialect) -> bool | None:
    """Let numbers above 12 tell which of the two comes first; None if there are none."""
    column = frame[_stamp_columns(dialect)[0]]
    parts = column.drop_duplicates().str.extract(r"^(\d{1,2})[./-](\d{1,2})[./-]")
    first, second = (pd.to_numeric(parts[i]).max() > 12 for i in (0, 1))  # noqa: PLR2004
    if first and second:
        raise BadBarsError(f"{name}: days and months change places within the file")
    return bool(first) if first or second else None


def _table(name: str, text: str, frame: pd.DataFrame, dialect: Dialect) -> Table:
    stamps = _stamps(name, text, frame, dialect)
    volume = frame["volume"].fillna(0.0).to_numpy() if "volume" in frame else None
    if volume is not None and "volume2" in frame and not (volume > 0).any():
        volume = frame["volume2"].fillna(0.0).to_numpy()
    return Table(
        name=name,
        kind=dialect.kind,
        stamps=stamps,
        prices=frame[[*PRICE_WORDS]].to_numpy(),
        volume=volume,
        spread=_spread(text, frame, dialect),
        clock=_clock(dialect.style),
        has_time=dialect.style.has_time,
        symbol=_symbol(name, frame),
        where=lambda row: f"line {line_of_row(text, dialect, row)}",
    )


def _clock(style: DateStyle) -> str:
    if style.format == "unix":
        return "unix"
    return "utc" if style.explicit_utc else "wall"


def _symbol(name: str, frame: pd.DataFrame) -> str | None:
    if "symbol" not in frame:
        return None
    found = frame["symbol"].unique()
    if len(found) > 1:
        raise BadBarsError(f"{name}: {len(found)} symbols in one file; send them singly")
    return str(found[0])


def _stamps(name: str, text: str, frame: pd.DataFrame, dialect: Dialect) -> np.ndarray:
    """Return int64 seconds as written (wall clock, or UTC where the text says so)."""
    words = _stamp_columns(dialect)
    if dialect.style.format == "unix":
        numbers = pd.to_numeric(frame[words[0]], errors="coerce")
        times = pd.to_datetime(numbers, unit=dialect.style.unit, errors="coerce")
    else:
        times = _parse(frame, words, dialect.style)
    bad = times.isna().to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        shown = " ".join(str(frame[w].iloc[row]) for w in words)
        line = line_of_row(text, dialect, row)
        raise BadBarsError(f"{name}, line {line}: {shown!r} is no date and time", line=line)
    return np.asarray(pd.DatetimeIndex(times).as_unit("s").asi8, dtype="int64")


def _parse(frame: pd.DataFrame, words: list[str], style: DateStyle) -> pd.Series:
    """Parse each distinct date and each distinct time of day once, where they can be parted."""
    joint = frame[words[0]] if len(words) == 1 else None
    plain = style.format.count(" ") == 1 and not style.explicit_utc
    if joint is None and plain:
        return _parse_parted(frame["date"], frame["time"], style)
    if joint is None:
        joint = frame["date"] + " " + frame["time"]
    at = str(joint.iloc[0]).find(" ")
    if plain and (joint.str.slice(at, at + 1) == " ").all():
        return _parse_parted(joint.str.slice(0, at), joint.str.slice(at + 1), style)
    parsed = pd.to_datetime(joint, format=style.format, errors="coerce", utc=style.explicit_utc)
    return parsed.dt.tz_localize(None) if style.explicit_utc else parsed


def _parse_parted(dates: pd.Series, times: pd.Series, style: DateStyle) -> pd.Series:
    day_form, clock_form = style.format.split(" ", 1)
    day_codes, days = pd.factorize(dates)
    clock_codes, clocks = pd.factorize(times)
    parsed = pd.to_datetime(pd.Series(days), format=day_form, errors="coerce")
    anchored = "1970-01-01 " + pd.Series(clocks).astype("str")
    since = pd.to_datetime(anchored, format=f"%Y-%m-%d {clock_form}", errors="coerce")
    moments = (since - pd.Timestamp(0)).to_numpy()[clock_codes]
    return pd.Series(parsed.to_numpy()[day_codes] + moments)


def _spread(text: str, frame: pd.DataFrame, dialect: Dialect) -> np.ndarray | None:
    """Return ask − bid in price units; MT5 writes it in units of the last digit."""
    if "ask_close" in frame:
        gap = frame["ask_close"].to_numpy() - frame["close"].to_numpy()
        return np.asarray(np.maximum(gap, 0.0))
    if "spread" not in frame:
        return None
    spread = frame["spread"].to_numpy()
    whole = np.isnan(spread) | (spread == np.round(spread))
    if dialect.kind == "MT5 export" or whole.all():
        return np.asarray(spread * 10.0 ** -price_digits(text, dialect))
    return np.asarray(spread)


def price_digits(text: str, dialect: Dialect) -> int:
    """Return the most decimals a price is written with in the first thousand lines."""
    mark = re.escape(dialect.decimal)
    head = text.split("\n", dialect.skip + 1000)[dialect.skip : -1] or [text]
    digits = 0
    for line in head:
        cells = line.split(dialect.delimiter)
        if len(cells) > dialect.columns["close"]:
            found = re.search(rf"{mark}(\d+)\s*\"?$", cells[dialect.columns["close"]])
            digits = max(digits, len(found.group(1)) if found else 0)
    return digits
