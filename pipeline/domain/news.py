"""The news frame: the one shape in which a calendar of economic news travels.

A news frame is a pandas DataFrame with a RangeIndex and these columns, in this order:

| column | dtype | meaning |
|---|---|---|
| time | datetime64[us, UTC] | when it is published |
| currency | str | whose news it is, in capitals: EUR |
| impact | str | none, low, medium or high |
| title | str | what it is called |

Rows are sorted by time. The calendar is known ahead: which news will come when is no secret.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from pipeline.domain.bars import TIME_DTYPE

IMPACTS = ("none", "low", "medium", "high")
NEWS_COLUMNS = ("time", "currency", "impact", "title")


def news_frame(rows: Sequence[tuple[datetime, str, str, str]]) -> pd.DataFrame:
    """Return (time, currency, impact, title) rows as a news frame, sorted by time."""
    frame = pd.DataFrame(rows, columns=list(NEWS_COLUMNS))
    frame["time"] = pd.to_datetime(frame["time"], utc=True).astype(TIME_DTYPE)
    kept = frame.astype(dict.fromkeys(NEWS_COLUMNS[1:], "str"))
    return kept.sort_values(list(NEWS_COLUMNS), kind="stable", ignore_index=True)


def news_fingerprint(news: pd.DataFrame) -> str:
    """Return the SHA-256 of a news frame, as hex; any changed field changes it."""
    text = news.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def news_reach(news: pd.DataFrame) -> tuple[datetime, datetime] | None:
    """Return from when to when a calendar is known, or None if it is empty.

    Notes
    -----
    Whole UTC days, from the first item's to the end of the last one's: what lies beyond is not
    free of news but unknown.
    """
    if news.empty:
        return None
    first, last = news["time"].iloc[0].normalize(), news["time"].iloc[-1].normalize()
    return first.to_pydatetime(), (last + pd.Timedelta(days=1)).to_pydatetime()
