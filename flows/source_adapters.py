"""Sources of past bars as the settings name them; they are built here and nowhere else."""

from collections.abc import Callable
from functools import partial

from flows.settings import Settings
from flows.source_apart import ApartSource
from storage.feeds import alpaca, ccxt_source, dukascopy_api, dukascopy_door, massive, yahoo
from storage.feeds.dukascopy import DukascopySource
from storage.feeds.dukascopy_doors import Doors
from storage.feeds.feed_source import MT5_CARD, FeedSource
from storage.feeds.patient_http import HttpPatience, PatientHttp
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
        "ccxt": lambda: _make_exchange(settings),
        "alpaca": lambda: _make_alpaca(settings),
        "massive": lambda: _make_massive(settings),
        "yahoo": lambda: ApartSource(
            yahoo.CARD, partial(yahoo.YahooSource, _url("yahoo", settings))
        ),
    }
    return {name: makers[name]() for name in settings.sources if name in makers}


def _make_dukascopy(settings: Settings) -> BarSource:
    other = _url("dukascopy", settings)
    patience = HttpPatience(tries=4, request_seconds=20.0)
    api = PatientHttp("Dukascopy", patience, absent=dukascopy_api.ABSENT)
    files = PatientHttp("Dukascopy", patience)
    doors = (
        dukascopy_api.PricesApi(api, other or dukascopy_api.BASE),
        dukascopy_door.Datafeed(files, other or dukascopy_door.BASE),
    )
    return DukascopySource(Doors(doors))


def _make_exchange(settings: Settings) -> BarSource:
    name = settings.exchange.lower()
    if name == "none":
        return UnsetSource(ccxt_source.card_of("exchange"), "EXCHANGE")
    url = _url("ccxt", settings) or settings.exchange_url or ""
    return ApartSource(ccxt_source.card_of(name), partial(ccxt_source.open_exchange, name, url))


def _make_alpaca(settings: Settings) -> BarSource:
    key, secret = settings.alpaca_key, settings.alpaca_secret
    if key is None or secret is None:
        return UnsetSource(alpaca.CARD, alpaca.LACKS)
    secrets = (key.get_secret_value(), secret.get_secret_value())
    make = partial(alpaca.AlpacaSource, *secrets, _url("alpaca", settings))
    return ApartSource(alpaca.CARD, make)


def _make_massive(settings: Settings) -> BarSource:
    key = settings.massive_api_key
    if key is None:
        return UnsetSource(massive.CARD, massive.LACKS)
    make = partial(massive.MassiveSource, key.get_secret_value(), _url("massive", settings))
    return ApartSource(massive.CARD, make)


def _url(name: str, settings: Settings) -> str:
    return settings.source_urls.get(name, "")
