"""A feed that goes away: asked ever more rarely, told once after a while, and once when back."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from flows.feed_watch import LONGEST_PAUSE, FeedWatch
from flows.live_session import ChatWishes, LiveSession
from flows.scan_crew import InlineScanCrew
from pipeline.domain.errors import FeedDownError
from pipeline.domain.watch import DEFAULT_SOUND, Watch
from storage.market_ports import FeedClock
from tests.kit.deliveries import owed
from tests.kit.fast_market import Anchor, FastMarket
from tests.kit.plain_services import NOW, plain_services

DOWN = FeedDownError("The terminal is not connected.")
SECOND = timedelta(seconds=1)


@pytest.fixture
async def watch(tmp_path):
    """The state of a feed with two listeners, one of whom has its news switched off."""
    async with plain_services(tmp_path) as services:
        now = [NOW]
        services = replace(services, clock=lambda: now[0])
        await services.watches.put(Watch(chat_id=1), NOW)
        await services.watches.put(Watch(chat_id=2, sound={**DEFAULT_SOUND, "feed": "off"}), NOW)
        anchor = Anchor(market=NOW, wall=NOW, speed=1.0, symbols=(), days=1, seed=1)
        crew = InlineScanCrew()
        session = LiveSession(
            services, FastMarket(anchor), crew, ChatWishes(services), services.clock
        )
        yield FeedWatch(session), now
        await crew.close()


async def texts(feed):
    return [(d.chat_id, d.payload["text"]) for d in await owed(feed.session.services.outbox)]


async def stay_down(feed, now, seconds):
    """Look at each second, as ticks do, and ask when it may be asked; when that was."""
    asked, began = [], now[0]
    while (now[0] - began).total_seconds() <= seconds:
        if feed.may_probe(now[0]):
            asked.append((now[0] - began).total_seconds())
            await feed.failed(DOWN, now[0])
        now[0] += SECOND
    return asked


async def test_it_is_asked_ever_more_rarely_and_never_given_up(watch):
    feed, now = watch
    asked = await stay_down(feed, now, 400)
    pauses = [b - a for a, b in pairwise(asked)]
    assert pauses[:6] == [2, 4, 8, 16, 32, 60]
    assert set(pauses[6:]) == {LONGEST_PAUSE}


async def test_a_short_outage_is_nobodys_news(watch):
    feed, now = watch
    await stay_down(feed, now, 80)
    assert feed.down_since == NOW
    await feed.worked(now[0])
    assert feed.down_since is None
    assert await texts(feed) == []
    assert feed.may_probe(now[0])


async def test_a_long_one_is_told_once_and_its_end_once(watch):
    feed, now = watch
    await stay_down(feed, now, 600)
    await feed.worked(now[0])
    await feed.worked(now[0])
    found = await texts(feed)
    assert [chat for chat, _ in found] == [1, 1]
    down, back = (text for _, text in found)
    assert down == "Data stale since 11:00: The terminal is not connected. I keep trying."
    assert "Data is back" in back and "since 11:00, 10 minutes" in back


async def test_the_next_outage_is_news_again_and_pauses_start_anew(watch):
    feed, now = watch
    await stay_down(feed, now, 200)
    await feed.worked(now[0])
    now[0] += 3600 * SECOND
    asked = await stay_down(feed, now, 200)
    await feed.worked(now[0])
    assert asked[:3] == [0, 2, 6]
    words = [text.split()[1] for _, text in await texts(feed)]
    assert words == ["stale", "is", "stale", "is"]


async def test_a_clock_in_doubt_is_told_once_and_its_end_once(watch):
    feed, _ = watch
    await feed.clock_seen()
    feed.session.clock = FeedClock(NOW, doubt="it differs by 40 min from the broker's zone.")
    for _ in range(3):
        await feed.clock_seen()
    feed.session.clock = FeedClock(NOW)
    for _ in range(3):
        await feed.clock_seen()
    found = await texts(feed)
    assert [chat for chat, _ in found] == [1, 1]
    assert "pause: it differs by 40 min" in found[0][1]
    assert "right again" in found[1][1]
