"""Sources of past bars as the settings name them; they are built here and nowhere else."""

from collections.abc import Callable
from functools import partial

from flows.settings import Settings
from flows.source_apart import ApartSource
from storage.feeds import yahoo
from storage.feeds.dukascopy import DukascopySource
from storage.feeds.dukascopy_door import BASE as DUKASCOPY
from storage.feeds.dukascopy_door import Datafeed
from storage.feeds.feed_source import MT5_CARD, FeedSource
from storage.feeds.patient_http import PatientHttp
from storage.feeds.unset import UnsetSource
from storage.market_ports import Feed
from storage.source_ports import BarSource


def make_sources(settings: Settings, feed: Feed | None = None) -> dict[str, BarSource]:
    """Return the sources of past bars that are set, by name, the first asked first.

    Nothing is asked of them yet, and nothing opened. One that lacks what it needs is there and
    says so: in its card's `lacks`, and to whoever asks it.
    """
    makers: dict[str, Callable[[], BarSource]] = {
        "mt5": lambda: UnsetSource(MT5_CARD, "FEED") if feed is None else FeedSource(feed),
        "dukascopy": lambda: _make_dukascopy(settings),
        "yahoo": lambda: ApartSource(
            yahoo.CARD, partial(yahoo.YahooSource, _url("yahoo", settings))
        ),
    }
    return {name: makers[name]() for name in settings.sources if name in makers}


def _make_dukascopy(settings: Settings) -> BarSource:
    base = _url("dukascopy", settings) or DUKASCOPY
    return DukascopySource(Datafeed(PatientHttp("Dukascopy"), base))


def _url(name: str, settings: Settings) -> str:
    return settings.source_urls.get(name, "")
