"""Yahoo's chart and summary pages over yfinance; no other file knows yfinance.

yfinance keeps Yahoo's cookie and crumb and looks like a browser on the wire; it is used for that
alone. Its price tables drop what they don't understand without a word, so that the JSON is read
here instead.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from storage.feeds.asking import Answer, FailedError

_CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
_SUMMARY = "https://query2.finance.yahoo.com/v10/finance/quoteSummary/"
_ASKED = ("/v8/", "/v10/")
_INVALID_CRUMB = 401


class YahooWeb:
    """Yahoo, asked by a blocking client that holds one cookie and crumb for all symbols.

    Parameters
    ----------
    url
        Scheme, host and port to ask instead of all of Yahoo's hosts; "": Yahoo's.
    seconds
        Longest that one request may take.
    judge
        Raises on an answer that is none.
    """

    def __init__(self, url: str, seconds: float, judge: Callable[[Answer], Answer]) -> None:
        from yfinance.data import (  # type: ignore[import-untyped]  # noqa: PLC0415  (30 MB)
            YfData,
        )

        _keep_nothing_on_disk()
        self._judge = judge
        self._session = _session(url, seconds, judge)
        self._client = YfData(session=self._session)
        self._client._crumb = self._client._cookie = None  # noqa: SLF001  (of an earlier session)
        self._seconds = seconds

    def chart(self, symbol: str, params: Mapping[str, Any]) -> Answer:
        """Return the answer to a question for bars."""
        return self._get(_CHART + quote(symbol, safe="^=-."), params)

    def summary(self, symbol: str, modules: str) -> Answer:
        """Return what Yahoo says of a symbol."""
        params = {"modules": modules, "corsDomain": "finance.yahoo.com", "formatted": "false",
                  "symbol": symbol}  # fmt: skip
        return self._get(_SUMMARY + quote(symbol, safe="^=-."), params)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _get(self, url: str, params: Mapping[str, Any]) -> Answer:
        try:
            got = self._client.get(url, params=dict(params), timeout=self._seconds)
        except _ToldError as told:
            return told.answer
        except OSError as error:  # all of curl_cffi's are
            raise FailedError(f"{type(error).__name__}: {error}") from error
        return self._judge(_answer(got))


class _ToldError(Exception):
    """An answer that must not reach yfinance: it would ask again at once with another cookie."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _session(url: str, seconds: float, judge: Callable[[Answer], Answer]) -> Any:
    """Return a browser-like session that goes to `url` for every host of Yahoo's."""
    from curl_cffi import requests  # noqa: PLC0415  (comes with yfinance)

    browser: Any = requests.Session

    class Moved(browser):  # type: ignore[misc]
        def request(self, method: str, url: str, **options: Any) -> Any:
            options["timeout"] = seconds
            ours = urlsplit(url).path.startswith(_ASKED)
            try:
                got = super().request(method, _moved(url, base), **options)
            except OSError as error:
                if ours:
                    raise FailedError(f"{type(error).__name__}: {error}") from error
                raise
            if ours and got.status_code not in (200, _INVALID_CRUMB):
                raise _ToldError(judge(_answer(got)))
            return got

    base = url
    return Moved(impersonate="chrome")


def _moved(asked: str, base: str) -> str:
    parts = urlsplit(asked)
    return base + parts.path + (f"?{parts.query}" if parts.query else "") if base else asked


def _answer(got: Any) -> Answer:
    return Answer(int(got.status_code), dict(got.headers), str(got.text))


def _keep_nothing_on_disk() -> None:
    """Let yfinance find no folder for its caches: they would hold pickled cookies."""
    from yfinance import set_tz_cache_location  # type: ignore[import-untyped]  # noqa: PLC0415

    set_tz_cache_location(os.path.join(os.devnull, "none"))  # noqa: PTH118
