"""The few selections of `labeled_trades` that scripts may ask for: read, never executed.

SELECT * FROM labeled_trades WHERE label IS NOT NULL
  [AND setup_id = '…' | setup_id IN ('…', '…')]
  [AND symbol = '…' | symbol IN (…)] [AND tf = 'M5' | tf IN (…)]
  [AND known_at >= '2024-01-01'] [AND known_at < '2025-01-01']
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pipeline.domain.errors import BadRequestError
from pipeline.domain.market import Timeframe
from pipeline.domain.training import TrainingData

FIELD = "training_data.query"
START = "SELECT * FROM labeled_trades WHERE label IS NOT NULL"
_DAY = timedelta(days=1)
_TOKEN = re.compile(r"\s*(?:'(?P<text>(?:[^'\\]|'')*)'|(?P<word>\w+)|(?P<sign>>=|<=|<>|!=|\S))")
_COLUMNS = {"setup_id": "setups", "symbol": "symbols", "tf": "timeframes"}
_LONGEST = 2000


@dataclass
class _Reader:
    """The tokens of a query and how far they are read."""

    query: str
    tokens: list[tuple[str, str]]
    at: int = 0
    found: dict[str, Any] = field(default_factory=dict)

    def more(self) -> bool:
        return self.at < len(self.tokens)

    def take(self) -> tuple[str, str]:
        """Return the next token, ("end", "") behind the last."""
        token = self.tokens[self.at] if self.more() else ("end", "")
        self.at += 1
        return token

    def words(self, *wanted: str) -> bool:
        """Take these words or signs if they come next, in any case."""
        ahead = [value.upper() for kind, value in self.tokens[self.at :] if kind != "text"]
        here = self.tokens[self.at : self.at + len(wanted)]
        fits = ahead[: len(wanted)] == list(wanted) and all(kind != "text" for kind, _ in here)
        self.at += len(wanted) if fits else 0
        return fits

    def text(self) -> str:
        """Take a text in single quotes."""
        kind, value = self.take()
        if kind != "text":
            raise self.refused(f"{value or 'its end'!r} stands where a text in quotes belongs")
        return value

    def refused(self, why: str, instead: str = START) -> BadRequestError:
        return BadRequestError(
            f"The query can't be understood: {why}. Write it like: {instead}",
            field=FIELD, value=self.query[:200], closest=(instead,),
        )  # fmt: skip


def read_query(query: str) -> dict[str, Any]:
    """Return the fields of `TrainingData` that a query says: setups, symbols, timeframes, days.

    `start` and `end` are days, both included; what the query leaves open is left out.

    Raises
    ------
    BadRequestError
        It is anything else than the selections above; the text names the fix.
    """
    if len(query) > _LONGEST:
        raise _Reader(query, []).refused(f"it is longer than {_LONGEST} characters")
    tokens = [(str(m.lastgroup), m[str(m.lastgroup)]) for m in _TOKEN.finditer(query.strip())]
    tokens = [(kind, value.replace("''", "'")) if kind == "text" else (kind, value)
              for kind, value in tokens]  # fmt: skip
    reader = _Reader(query, tokens)
    if not reader.words("SELECT", "*", "FROM", "LABELED_TRADES"):
        raise reader.refused("it must select all columns of labeled_trades")
    if not reader.words("WHERE", "LABEL", "IS", "NOT", "NULL"):
        raise reader.refused("it must ask for rows with a label first")
    while reader.words("AND"):
        _condition(reader)
    reader.words(";")
    if reader.more():
        raise reader.refused(f"{reader.take()[1]!r} is more than conditions joined by AND")
    return reader.found


def _condition(reader: _Reader) -> None:
    kind, word = reader.take()
    column = word.lower() if kind == "word" else ""
    if column == "known_at":
        _day(reader)
    elif column in _COLUMNS:
        name = _COLUMNS[column]
        _set(reader, name, _values(reader, column))
    else:
        columns = ", ".join([*_COLUMNS, "known_at"])
        raise reader.refused(
            f"{word or 'its end'!r} can't be selected by; {columns} can",
            f"{START} AND setup_id = 'IB_raid_v1'",
        )


def _values(reader: _Reader, column: str) -> tuple[Any, ...]:
    """Take `= 'x'` or `IN ('x', 'y')`."""
    if reader.words("="):
        texts = [reader.text()]
    elif reader.words("IN", "("):
        texts = [reader.text()]
        while reader.words(","):
            texts.append(reader.text())
        if not reader.words(")"):
            raise reader.refused(f"the list of {column} isn't closed")
    else:
        raise reader.refused(
            f"{column} takes = or IN only", f"{START} AND {column} IN ('{_example(column)}')"
        )
    unique = tuple(dict.fromkeys(texts))
    return tuple(_timeframe(reader, text) for text in unique) if column == "tf" else unique


def _example(column: str) -> str:
    return {"setup_id": "IB_raid_v1", "symbol": "GER40", "tf": "M5"}[column]


def _timeframe(reader: _Reader, text: str) -> Timeframe:
    try:
        return Timeframe(text)
    except ValueError:
        valid = ", ".join(Timeframe)
        raise reader.refused(f"{text!r} is no timeframe; there are {valid}") from None


def _day(reader: _Reader) -> None:
    """Take `>= 'day'` or `< 'day'`."""
    name = "start" if reader.words(">=") else "end" if reader.words("<") else ""
    if not name:
        raise reader.refused(
            "known_at takes >= and < only",
            f"{START} AND known_at >= '2024-01-01' AND known_at < '2025-01-01'",
        )
    text = reader.text()
    try:
        day = date.fromisoformat(text)
        value = day if name == "start" else day - _DAY
    except (ValueError, OverflowError):
        raise reader.refused(
            f"{text!r} is no day", f"{START} AND known_at >= '2024-01-01'"
        ) from None
    _set(reader, name, value)


def _set(reader: _Reader, name: str, value: Any) -> None:
    if reader.found.setdefault(name, value) != value:
        raise reader.refused(f"it says {name} twice; say it once, by IN if there are several")


def query_of(data: TrainingData) -> str:
    """Return the query that says what the other fields say; `read_query` reads it back."""
    parts = [START]
    for column, name in _COLUMNS.items():
        values = [str(value).replace("'", "''") for value in getattr(data, name)]
        listed = ", ".join(f"'{value}'" for value in values)
        if values:
            parts.append(f"{column} = {listed}" if len(values) == 1 else f"{column} IN ({listed})")
    if data.start is not None:
        parts.append(f"known_at >= '{data.start}'")
    if data.end is not None:
        parts.append(f"known_at < '{data.end + _DAY}'")
    return " AND ".join(parts)


def taken_over(data: TrainingData) -> TrainingData:
    """Return the selection with what its query says in its fields, and a query that says it all.

    Raises
    ------
    BadRequestError
        The query can't be understood, or says otherwise than a field.
    """
    said = read_query(data.query)
    for name, value in said.items():
        own = getattr(data, name)
        if own not in ((), None, value):
            raise BadRequestError(
                f"training_data.{name} says {_shown(own)}, the query {_shown(value)}. "
                "Say it in one place.",
                field=f"training_data.{name}", value=_shown(own), closest=(_shown(value),),
            )  # fmt: skip
    whole = data.model_copy(update=said)
    if whole.start is not None and whole.end is not None and whole.start > whole.end:
        raise BadRequestError(
            f"The rows would begin on {whole.start} and end before it, on {whole.end}.",
            field="training_data.start", value=str(whole.start), closest=(str(whole.end),),
        )  # fmt: skip
    return whole.model_copy(update={"query": query_of(whole)})


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
