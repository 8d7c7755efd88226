"""How far the newest bar is behind: in the market's own hours, and nothing where none is due."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from flows.feed_watch import FeedWatch
from flows.live_session import Post
from storage.instruments import YamlInstruments

MINUTE = timedelta(minutes=1)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def lag(now, **closes):
    """The lag at that moment, given when each symbol's newest bar closed."""
    table, posts = YamlInstruments(), {}
    for symbol, close in closes.items():
        last_open = None if close is None else utc(close) - MINUTE
        posts[symbol] = Post(symbol, await table.get(symbol), (), last_open=last_open)
    session = SimpleNamespace(posts=posts, market_now=lambda: utc(now))
    return FeedWatch(session).lag()


@pytest.mark.parametrize(
    ("now", "closes", "seconds"),
    [
        ("2025-06-11T10:00:02", {"EURUSD": "2025-06-11T10:00"}, 2),
        ("2025-06-11T10:00:59", {"EURUSD": "2025-06-11T10:00"}, 59),
        ("2025-06-11T10:00:02", {"EURUSD": "2025-06-11T10:00", "GER40": "2025-06-11T09:40"}, 2),
        ("2025-06-11T10:07:00", {"EURUSD": "2025-06-11T10:00"}, 420),
        ("2025-06-11T09:59:59", {"EURUSD": "2025-06-11T10:00"}, 0),  # its clock runs ahead
        ("2025-06-14T12:00:00", {"EURUSD": "2025-06-13T21:00"}, None),  # a Saturday
        ("2025-06-15T21:05:00", {"EURUSD": "2025-06-13T21:00"}, 300),  # open since 21:00 UTC
        ("2025-06-11T10:00:00", {"EURUSD": None}, None),
        ("2025-06-11T10:00:00", {}, None),
    ],
)
async def test_lag(now, closes, seconds):
    assert await lag(now, **closes) == seconds
